#include "models/copies.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "models/backing_store.hpp"

namespace spillway::copies_test {

using spillway::models::BackingStore;
using spillway::models::Copies;
using spillway::models::Reuse;

namespace {

std::vector<std::byte> random_bytes(std::mt19937_64& random, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

}  // namespace

TEST_CASE("copies move every byte and no other, whatever their size, place and reuse") {
  std::mt19937_64 random(1);
  constexpr std::size_t border = 3;
  for (const Reuse reuse : {Reuse::soon, Reuse::late}) {
    for (const std::size_t total :
         {std::size_t{0}, std::size_t{1000}, 3 * spillway::models::least_shared + 17}) {
      const std::vector<std::byte> from = random_bytes(random, total + border);
      std::vector<std::byte> to(total + 2 * border, std::byte{0x33});
      Copies copies;
      for (std::size_t done = 0; done < total;) {
        const std::size_t size = std::min<std::size_t>(1 + random() % 9000, total - done);
        copies.add(to.data() + border + done, from.data() + done, size, reuse);
        done += size;
      }
      copies.run();
      copies.run();  // has nothing left to do
      std::vector<std::byte> wanted(to.size(), std::byte{0x33});
      std::copy_n(from.begin(), total, wanted.begin() + border);
      CHECK(to == wanted);
    }
  }
}

TEST_CASE("more copies than are noted at a time all arrive") {
  std::mt19937_64 random(2);
  const std::vector<std::byte> from = random_bytes(random, 20000);
  std::vector<std::byte> to(from.size());
  Copies copies;
  for (std::size_t i = 0; i < from.size(); ++i) {  // backwards, so that none joins the one before
    const std::size_t at = from.size() - 1 - i;
    copies.add(to.data() + at, from.data() + at, 1, Reuse::soon);
  }
  copies.run();
  CHECK(to == from);
}

TEST_CASE("a store's noted copies move when they run, across its pages") {
  std::mt19937_64 random(3);
  const std::vector<std::byte> written = random_bytes(random, 9 * BackingStore::page_size + 5);
  const std::uint64_t address = 2 * BackingStore::page_size - 7;
  BackingStore store;
  Copies copies;
  store.write(address, written, copies);
  std::vector<std::byte> before(4), poisoned(4);
  store.read(address, before);
  spillway::models::poison(poisoned, address);
  CHECK(before == poisoned);
  copies.run();

  std::vector<std::byte> back(written.size());
  store.read(address, back, copies);
  CHECK(back != written);
  copies.run();
  CHECK(back == written);
}

}  // namespace spillway::copies_test
