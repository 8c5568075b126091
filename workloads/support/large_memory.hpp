// Memory for large tensors.
#pragma once

#include <cstddef>

namespace spillway::workloads {

/// The alignment that suits `size` bytes: a cache line, or that of a large page.
std::size_t large_alignment(std::size_t size);

/// Ask the kernel to back memory of large_alignment() with large pages; no more than a wish.
void advise_large_pages(void* memory, std::size_t size);

}  // namespace spillway::workloads
