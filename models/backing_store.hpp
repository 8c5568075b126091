// The contents of a memory: a sparse array of bytes over all 64-bit addresses, and the poison that
// stands wherever nothing was written. No timing and no counting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "models/copies.hpp"

namespace spillway::models {

/// Every aligned 32-bit word that nobody wrote holds this quiet float NaN, so that a schedule that
/// forgets a transfer computes NaN instead of something plausible.
inline constexpr std::uint32_t poison_word = 0x7fc0dead;

/// Fill `bytes`, which stand at `address`, with poison. The word is laid down little-endian on
/// multiples of four, so the pattern depends on the address modulo 4.
void poison(std::span<std::byte> bytes, std::uint64_t address);

class BackingStore {
 public:
  static constexpr std::size_t page_size = 64 * 1024;

  /// Write the bytes at `address` and up. A 64 KiB page is made when it is first written to.
  /// Throws ProgramError when the range runs past the last address.
  void write(std::uint64_t address, std::span<const std::byte> bytes);

  /// Read as many bytes as `bytes` has room for; bytes that were never written are poison and
  /// stay without a page. Throws ProgramError when the range runs past the last address.
  void read(std::uint64_t address, std::span<std::byte> bytes) const;

  /// The same, but bytes that stand in a page are only noted: they move when `copies` run.
  void write(std::uint64_t address, std::span<const std::byte> bytes, Copies& copies);
  void read(std::uint64_t address, std::span<std::byte> bytes, Copies& copies) const;

  /// Pages made so far.
  std::size_t pages() const { return pages_.size(); }

 private:
  std::byte* page_for_writing(std::uint64_t number);

  struct Free {
    void operator()(std::byte* bytes) const;
  };
  static constexpr std::size_t pages_per_chunk = 128;  // allocated together

  std::unordered_map<std::uint64_t, std::byte*> pages_;  // by address / page_size
  std::vector<std::unique_ptr<std::byte, Free>> chunks_;
};

}  // namespace spillway::models
