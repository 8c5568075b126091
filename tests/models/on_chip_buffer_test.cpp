#include "models/on_chip_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <span>
#include <vector>

#include "models/backing_store.hpp"
#include "workloads/support/error.hpp"

namespace spillway::on_chip_buffer_test {

using namespace spillway::workloads::literals;
using spillway::models::OnChipBuffer;
using spillway::models::poison;
using spillway::workloads::Bytes;
using spillway::workloads::InputError;
using spillway::workloads::ProgramError;

namespace {

bool is_poison(OnChipBuffer& buffer, std::uint64_t address, Bytes size) {
  const auto bytes = buffer.bytes(address, size);
  std::vector<std::byte> expected(bytes.size());
  poison(expected, address);
  return std::equal(bytes.begin(), bytes.end(), expected.begin());
}

void fill(OnChipBuffer& buffer, std::uint64_t address, Bytes size, std::byte value) {
  std::ranges::fill(buffer.bytes(address, size), value);
}

}  // namespace

TEST_CASE("a reservation fits to the last byte and not one further") {
  OnChipBuffer buffer(100_B);
  CHECK(buffer.can_reserve(0, 100_B));
  CHECK(buffer.can_reserve(99, 1_B));
  CHECK_FALSE(buffer.can_reserve(0, 101_B));
  CHECK_FALSE(buffer.can_reserve(99, 2_B));
  CHECK_FALSE(buffer.can_reserve(100, 1_B));
  CHECK_FALSE(buffer.can_reserve(~std::uint64_t{0}, 2_B));  // the sum wraps around
  CHECK_THROWS_AS(buffer.reserve(1, 100_B), ProgramError);
  buffer.reserve(0, 100_B);
  CHECK(buffer.free() == 0_B);
}

TEST_CASE("reservations may touch but never overlap") {
  OnChipBuffer buffer(100_B);
  buffer.reserve(40, 20_B);
  struct Range {
    std::uint64_t address, size;
  };
  for (const auto& [address, size] :
       {Range{40, 20}, Range{39, 2}, Range{59, 1}, Range{45, 5}, Range{0, 100}}) {
    CAPTURE(address);
    CHECK_FALSE(buffer.can_reserve(address, Bytes(size)));
    CHECK_THROWS_AS(buffer.reserve(address, Bytes(size)), ProgramError);
  }
  CHECK(buffer.used() == 20_B);
  buffer.reserve(0, 40_B);
  buffer.reserve(60, 40_B);
  CHECK(buffer.used() == 100_B);
}

TEST_CASE("an empty reservation is refused") {
  OnChipBuffer buffer(100_B);
  CHECK_FALSE(buffer.can_reserve(0, 0_B));
  CHECK_THROWS_AS(buffer.reserve(0, 0_B), ProgramError);
}

TEST_CASE("only the beginning of a reservation releases it, and only once") {
  OnChipBuffer buffer(100_B);
  buffer.reserve(10, 20_B);
  CHECK_THROWS_AS(buffer.release(11), ProgramError);
  CHECK_THROWS_AS(buffer.release(30), ProgramError);
  buffer.release(10);
  CHECK_THROWS_AS(buffer.release(10), ProgramError);
  CHECK(buffer.can_reserve(0, 100_B));
}

TEST_CASE("the high-water mark is the most that was reserved at one time") {
  OnChipBuffer buffer(100_B);
  buffer.reserve(0, 30_B);
  buffer.reserve(90, 10_B);
  buffer.release(0);
  buffer.reserve(0, 25_B);
  CHECK(buffer.used() == 35_B);
  CHECK(buffer.free() == 65_B);
  CHECK(buffer.high_water() == 40_B);
}

TEST_CASE("a buffer holds poison before it is reserved, when reserved, and once released") {
  OnChipBuffer buffer(1000_B);
  CHECK(is_poison(buffer, 3, 5_B));
  buffer.reserve(501, 100_B);
  CHECK(is_poison(buffer, 501, 100_B));
  CHECK(is_poison(buffer, 8, 493_B));  // skipped by the reservation
  fill(buffer, 501, 100_B, std::byte{1});
  CHECK(buffer.bytes(501, 100_B).back() == std::byte{1});
  buffer.release(501);
  CHECK(is_poison(buffer, 0, 1000_B));
}

TEST_CASE("a stray write to free space does not reach the next reservation") {
  OnChipBuffer buffer(100_B);
  fill(buffer, 0, 100_B, std::byte{1});
  buffer.reserve(20, 50_B);
  CHECK(is_poison(buffer, 20, 50_B));
}

TEST_CASE("raw access stays within the capacity and is aligned") {
  OnChipBuffer buffer(100_B);
  CHECK(buffer.bytes(100, 0_B).empty());
  CHECK(buffer.bytes(0, 100_B).size() == 100);
  CHECK_THROWS_AS(buffer.bytes(1, 100_B), ProgramError);
  CHECK_THROWS_AS(buffer.bytes(~std::uint64_t{0}, 2_B), ProgramError);
  CHECK(reinterpret_cast<std::uintptr_t>(buffer.bytes(0, 1_B).data()) % 64 == 0);
}

TEST_CASE("a buffer larger than this machine could address is bad input") {
  CHECK_THROWS_AS(OnChipBuffer(Bytes(~std::uint64_t{0})), InputError);
}

TEST_CASE("a buffer counts the accesses that are reported to it") {
  OnChipBuffer buffer(100_B);
  buffer.count_read(30_B);
  buffer.count_read(4_B);
  buffer.count_write(7_B);
  CHECK(buffer.bytes_read() == 34_B);
  CHECK(buffer.bytes_written() == 7_B);
}

TEST_CASE("random reservations agree with a plain map of bytes") {
  constexpr std::uint64_t capacity = 300;
  std::mt19937_64 random(2);
  OnChipBuffer buffer{Bytes(capacity)};
  std::vector<bool> taken(capacity);
  std::vector<std::byte> content(capacity);
  poison(content, 0);
  std::map<std::uint64_t, std::uint64_t> live;
  std::uint64_t most = 0;
  for (int round = 0; round < 20'000; ++round) {
    if (random() % 2 == 0 && !live.empty()) {
      const auto victim = std::next(live.begin(), static_cast<long>(random() % live.size()));
      const auto [address, size] = *victim;
      buffer.release(address);
      live.erase(victim);
      std::fill_n(taken.begin() + static_cast<long>(address), size, false);
      poison(std::span(content).subspan(address, size), address);
    } else {
      const std::uint64_t address = random() % (capacity + 10);
      const std::uint64_t size = random() % 60;
      bool fits = size > 0 && address + size <= capacity;
      for (std::uint64_t i = address; fits && i < address + size; ++i) fits = !taken[i];
      REQUIRE(buffer.can_reserve(address, Bytes(size)) == fits);
      if (!fits) {
        REQUIRE_THROWS_AS(buffer.reserve(address, Bytes(size)), ProgramError);
        continue;
      }
      buffer.reserve(address, Bytes(size));
      live[address] = size;
      std::fill_n(taken.begin() + static_cast<long>(address), size, true);
      const auto value = static_cast<std::byte>(round);
      if (round % 3 != 0) {
        fill(buffer, address, Bytes(size), value);
        std::fill_n(content.begin() + static_cast<long>(address), size, value);
      }
    }
    const auto used = static_cast<std::uint64_t>(std::ranges::count(taken, true));
    most = std::max(most, used);
    REQUIRE(buffer.used() == Bytes(used));
    REQUIRE(buffer.high_water() == Bytes(most));
    if (round % 16 == 0) {
      const auto all = buffer.bytes(0, Bytes(capacity));
      REQUIRE(std::equal(all.begin(), all.end(), content.begin()));
    }
  }
}

}  // namespace spillway::on_chip_buffer_test
