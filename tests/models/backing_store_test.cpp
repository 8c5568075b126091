#include "models/backing_store.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "workloads/support/error.hpp"

namespace spillway::backing_store_test {

using spillway::models::BackingStore;
using spillway::models::poison;
using spillway::models::poison_word;
using spillway::workloads::ProgramError;

namespace {

std::byte poison_byte(std::uint64_t address) {
  constexpr std::uint8_t little_endian[] = {0xad, 0xde, 0xc0, 0x7f};
  return std::byte{little_endian[address % 4]};
}

std::vector<std::byte> read(const BackingStore& store, std::uint64_t address, std::size_t size) {
  std::vector<std::byte> bytes(size);
  store.read(address, bytes);
  return bytes;
}

}  // namespace

TEST_CASE("memory that nobody wrote reads as a quiet NaN and costs no page") {
  CHECK(std::isnan(std::bit_cast<float>(poison_word)));
  CHECK((poison_word & 0x00400000) != 0);  // quiet
  const BackingStore store;
  const auto bytes = read(store, 0xfffff000, 8);
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data() + 4, 4);
  CHECK(word == poison_word);
  CHECK(store.pages() == 0);
}

TEST_CASE("the poison pattern follows the address, at any alignment and length") {
  for (std::uint64_t address = 0; address < 5; ++address) {
    for (std::size_t size = 0; size < 11; ++size) {
      std::vector<std::byte> bytes(size);
      poison(bytes, address);
      for (std::size_t i = 0; i < size; ++i) REQUIRE(bytes[i] == poison_byte(address + i));
    }
  }
}

TEST_CASE("a write makes its pages, and the rest of them stays poison") {
  BackingStore store;
  const std::uint64_t border = 7 * BackingStore::page_size;
  const std::vector<std::byte> written(5, std::byte{0x11});
  store.write(border - 2, written);
  CHECK(store.pages() == 2);
  CHECK(read(store, border - 2, 5) == written);
  CHECK(read(store, border - 3, 1).front() == poison_byte(border - 3));
  CHECK(read(store, border + 3, 1).front() == poison_byte(border + 3));
  CHECK(store.pages() == 2);
}

TEST_CASE("memory ends at the last 64-bit address") {
  BackingStore store;
  const std::uint64_t last = ~std::uint64_t{0};
  const std::vector<std::byte> two(2, std::byte{0x22});
  store.write(last - 1, two);
  CHECK(read(store, last - 1, 2) == two);
  CHECK_THROWS_AS(store.write(last, two), ProgramError);
  std::vector<std::byte> out(2);
  CHECK_THROWS_AS(store.read(last, out), ProgramError);
  CHECK(read(store, last, 0).empty());
}

TEST_CASE("random writes read back as from a plain map of bytes") {
  std::mt19937_64 random(1);
  BackingStore store;
  std::map<std::uint64_t, std::byte> naive;
  const std::uint64_t span = 3 * BackingStore::page_size;
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t address = random() % span;
    std::vector<std::byte> bytes(random() % 700);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    store.write(address, bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) naive[address + i] = bytes[i];
  }
  const auto all = read(store, 0, span + 700);
  std::size_t wrong = 0;
  for (std::uint64_t address = 0; address < all.size(); ++address) {
    const auto known = naive.find(address);
    wrong += all[address] != (known == naive.end() ? poison_byte(address) : known->second);
  }
  CHECK(wrong == 0);
}

}  // namespace spillway::backing_store_test
