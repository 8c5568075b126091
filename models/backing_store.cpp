#include "models/backing_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "workloads/support/error.hpp"
#include "workloads/support/large_memory.hpp"

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

void fill(std::span<std::byte> bytes, std::array<std::byte, 4> pattern) {
  std::array<std::byte, 64> block;
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = pattern[i % pattern.size()];
  while (bytes.size() >= block.size()) {
    std::memcpy(bytes.data(), block.data(), block.size());
    bytes = bytes.subspan(block.size());
  }
  std::copy_n(block.begin(), bytes.size(), bytes.data());
}

}  // namespace

void poison(std::span<std::byte> bytes, std::uint64_t address) {
  // Pieces are whole words long, so that the pattern is that of the first one in each.
  std::array<std::byte, 4> pattern;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    pattern[i] = static_cast<std::byte>(poison_word >> (8 * ((address + i) % 4)));
  }
  if (bytes.size() < least_shared) return fill(bytes, pattern);
  const auto pieces = static_cast<std::int64_t>((bytes.size() + shared_piece - 1) / shared_piece);
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < pieces; ++i) {
    const std::size_t begin = static_cast<std::size_t>(i) * shared_piece;
    fill(bytes.subspan(begin, std::min(shared_piece, bytes.size() - begin)), pattern);
  }
}

void BackingStore::Free::operator()(std::byte* bytes) const { std::free(bytes); }

void BackingStore::write(std::uint64_t address, std::span<const std::byte> bytes) {
  Copies copies;
  write(address, bytes, copies);
  copies.run();
}

void BackingStore::read(std::uint64_t address, std::span<std::byte> bytes) const {
  Copies copies;
  read(address, bytes, copies);
  copies.run();
}

void BackingStore::write(std::uint64_t address, std::span<const std::byte> bytes, Copies& copies) {
  refuse_wrap_around(address, bytes.size());
  while (!bytes.empty()) {
    const std::size_t size = size_in_page(address, bytes.size());
    copies.add(page_for_writing(address / page_size) + address % page_size, bytes.data(), size,
               Reuse::late);
    bytes = bytes.subspan(size);
    address += size;
  }
}

void BackingStore::read(std::uint64_t address, std::span<std::byte> bytes, Copies& copies) const {
  refuse_wrap_around(address, bytes.size());
  while (!bytes.empty()) {
    const std::size_t size = size_in_page(address, bytes.size());
    if (const auto page = pages_.find(address / page_size); page != pages_.end()) {
      copies.add(bytes.data(), page->second + address % page_size, size, Reuse::soon);
    } else {
      poison(bytes.first(size), address);
    }
    bytes = bytes.subspan(size);
    address += size;
  }
}

std::byte* BackingStore::page_for_writing(std::uint64_t number) {
  std::byte*& page = pages_[number];
  if (page == nullptr) {
    const std::size_t place = (pages_.size() - 1) % pages_per_chunk;
    if (place == 0) {
      constexpr std::size_t chunk_size = pages_per_chunk * page_size;
      chunks_.emplace_back(static_cast<std::byte*>(
          std::aligned_alloc(workloads::large_alignment(chunk_size), chunk_size)));
      if (!chunks_.back()) throw std::bad_alloc();
      workloads::advise_large_pages(chunks_.back().get(), chunk_size);
    }
    page = chunks_.back().get() + place * page_size;
    poison({page, page_size}, number * page_size);
  }
  return page;
}

}  // namespace spillway::models
