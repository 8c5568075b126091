#include "workloads/support/large_memory.hpp"

#include <sys/mman.h>

namespace spillway::workloads {

namespace {

constexpr std::size_t large_page = std::size_t{1} << 21;

}  // namespace

std::size_t large_alignment(std::size_t size) { return size >= 2 * large_page ? large_page : 64; }

void advise_large_pages(void* memory, std::size_t size) {
  if (size >= 2 * large_page) ::madvise(memory, size / large_page * large_page, MADV_HUGEPAGE);
}

}  // namespace spillway::workloads
