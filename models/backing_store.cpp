#include "models/backing_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "workloads/support/error.hpp"

namespace spillway::models {

namespace {

void refuse_wrap_around(std::uint64_t address, std::size_t size) {
  if (size != 0 && size - 1 > std::numeric_limits<std::uint64_t>::max() - address) {
    throw workloads::ProgramError(
        fmt::format("{} bytes at address {:#x} run past the last 64-bit address", size, address));
  }
}

// The part of a range that lies in the page of its first byte.
std::size_t size_in_page(std::uint64_t address, std::size_t size) {
  return std::min<std::size_t>(size, BackingStore::page_size - address % BackingStore::page_size);
}

}  // namespace

void poison(std::span<std::byte> bytes, std::uint64_t address) {
  std::array<std::byte, 4> pattern;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    pattern[i] = static_cast<std::byte>(poison_word >> (8 * ((address + i) % 4)));
  }
  const std::size_t whole = bytes.size() - bytes.size() % pattern.size();
  for (std::size_t i = 0; i < whole; i += pattern.size()) {
    std::memcpy(bytes.data() + i, pattern.data(), pattern.size());
  }
  std::copy_n(pattern.begin(), bytes.size() - whole, bytes.data() + whole);
}

void BackingStore::write(std::uint64_t address, std::span<const std::byte> bytes) {
  refuse_wrap_around(address, bytes.size());
  while (!bytes.empty()) {
    const std::size_t size = size_in_page(address, bytes.size());
    std::byte* page = page_for_writing(address / page_size);
    std::memcpy(page + address % page_size, bytes.data(), size);
    bytes = bytes.subspan(size);
    address += size;
  }
}

void BackingStore::read(std::uint64_t address, std::span<std::byte> bytes) const {
  refuse_wrap_around(address, bytes.size());
  while (!bytes.empty()) {
    const std::size_t size = size_in_page(address, bytes.size());
    if (const auto page = pages_.find(address / page_size); page != pages_.end()) {
      std::memcpy(bytes.data(), page->second.get() + address % page_size, size);
    } else {
      poison(bytes.first(size), address);
    }
    bytes = bytes.subspan(size);
    address += size;
  }
}

std::byte* BackingStore::page_for_writing(std::uint64_t number) {
  std::unique_ptr<std::byte[]>& page = pages_[number];
  if (!page) {
    page = std::make_unique_for_overwrite<std::byte[]>(page_size);
    poison({page.get(), page_size}, number * page_size);
  }
  return page.get();
}

}  // namespace spillway::models
