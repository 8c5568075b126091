// Tiles that overlap, and tensors that have no value yet.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "models/box_index.hpp"
#include "models/element_set.hpp"
#include "tests/support/device_programs.hpp"
#include "workloads/kernels/operations.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::coherence_test {

using models::BoxIndex;
using models::BufferedTile;
using models::Compute;
using models::ElementSet;
using models::Free;
using models::Generate;
using models::Instruction;
using models::Load;
using models::Port;
using models::Range;
using models::Store;
using models::Tile;
using test::Bench;
using test::box;
using workloads::Bytes;
using workloads::SplitMix;

namespace {

const Tile top = box(0, {{0, 3}, {0, 6}}), bottom = box(0, {{2, 4}, {0, 6}}),
           rest = box(0, {{3, 4}, {0, 6}});

/// Changes every element of a tile of tensor 0 (or makes it) from a tile of tensor 1.
Compute change(const BufferedTile& tile, const BufferedTile& from) {
  return {workloads::Relu{static_cast<std::int64_t>(tile.tile.elements())},
          {models::TileView(from,
                            box(1, {{0, tile.tile.box[0].size()}, {0, tile.tile.box[1].size()}}))},
          {tile}};
}

struct Overlap {
  Bench bench{{{4, 6}, {4, 6}}};
  BufferedTile from = bench.whole(1, 1024), a{top, 0}, b{bottom, 512}, c{rest, 768};

  std::string failure(std::vector<Instruction> program) {
    program.insert(program.begin(), Load{from});
    return bench.failure(program);
  }
  void check_incoherent(const std::vector<Instruction>& program, const std::string& changed,
                        const std::string& other) {
    const std::string message = failure(program);
    CAPTURE(message);
    CHECK(message.find("incoherent: " + changed + " overlaps " + other) != std::string::npos);
  }
};

}  // namespace

TEST_CASE("tiles that overlap may be on chip together while nobody changes one") {
  Overlap o;
  CHECK(o.failure({Load{o.a}, Load{o.b}, Free{o.a}, Free{o.b}, Free{o.from}}) == "");
}

TEST_CASE("changing or making a tile beside another one of the same elements is incoherent") {
  Overlap o;
  const std::string a = "t0[0:3, 0:6]", b = "t0[2:4, 0:6]";
  o.check_incoherent({Load{o.a}, Load{o.b}, change(o.a, o.from)}, a, b + ", which is resident");
  o.check_incoherent({Load{o.b}, change(o.a, o.from)}, a, b);
  o.check_incoherent({Load{o.a}, change(o.a, o.from), Load{o.b}}, b,
                     a + ", which is resident and changed");
  o.check_incoherent({change(o.a, o.from), change(o.b, o.from)}, b, a);
  const Compute both{
      workloads::MaxPool{{1, {1, 3, 6}, {1, 3, 6}, {{1, 1}, {1, 1}, {0, 0}, {0, 0}}}},
      {models::TileView(o.from, box(1, {{0, 3}, {0, 6}}))},
      {o.a, o.b}};
  CHECK(o.failure({both}).find("incoherent: it changes t0[0:3, 0:6] and t0[2:4, 0:6]") !=
        std::string::npos);
}

TEST_CASE("a changed tile that was stored or given up is no hindrance and neither is a neighbour") {
  Overlap o;
  CHECK(o.failure({Load{o.a}, change(o.a, o.from), Store{o.a}, Load{o.b}, Free{o.a}, Free{o.b},
                   Free{o.from}}) == "");
  CHECK(o.failure({Load{o.a}, change(o.a, o.from), Free{o.a, true}, Load{o.b}, Free{o.b},
                   Free{o.from}}) == "");
  CHECK(o.failure({Load{o.a}, change(o.a, o.from), Load{o.c}, change(o.c, o.from), Store{o.a},
                   Store{o.c}, Free{o.a}, Free{o.c}, Free{o.from}}) == "");
}

TEST_CASE("generating a tile beside another one of the same elements is incoherent") {
  Overlap o;
  o.bench.map.push_back({"seed", {1}, Bytes(4), Port::host, 0});
  const BufferedTile seed = o.bench.whole(2, 2048);
  o.check_incoherent({Load{seed}, Load{o.b}, Generate{o.a, seed, {}, {}}}, "t0[0:3, 0:6]",
                     "t0[2:4, 0:6]");
}

TEST_CASE("a load that follows a store of other elements of the tensor need not wait for it") {
  Overlap o;
  const auto time = [&](const BufferedTile& second) {
    return o.bench
        .run({Load{o.from}, change(o.a, o.from), Store{o.a}, Load{second}, Free{second}, Free{o.a},
              Free{o.from}})
        .time;
  };
  CHECK(time(o.c) < time(o.b));
}

TEST_CASE("loading what was neither given nor stored is refused") {
  Overlap o;
  o.bench.map[0].given = false;
  const auto stored = [&](const std::vector<BufferedTile>& tiles) {
    std::vector<Instruction> program{Load{o.from}};
    for (const BufferedTile& tile : tiles) {
      program.insert(program.end(), {change(tile, o.from), Store{tile}, Free{tile}});
    }
    program.push_back(Free{o.from});
    const BufferedTile all = o.bench.whole(0, 0);
    program.insert(program.end(), {Load{all}, Free{all}});
    return o.bench.failure(program);
  };
  const std::string refused = "load t0: some of it has no value";
  CHECK(stored({}).find(refused) != std::string::npos);
  CHECK(stored({o.a}).find(refused) != std::string::npos);
  CHECK(stored({o.b}).find(refused) != std::string::npos);
  CHECK(stored({o.a, o.b}) == "");
  CHECK(stored({o.c, o.a}) == "");
  const BufferedTile left{box(0, {{0, 4}, {0, 3}}), 0}, right{box(0, {{0, 4}, {3, 6}}), 0};
  CHECK(stored({left}).find(refused) != std::string::npos);
  CHECK(stored({right, left}) == "");
  o.bench.map[0].given = true;
  CHECK(stored({}) == "");
}

TEST_CASE("a set of elements merges its runs and holds what was added to it") {
  SplitMix numbers(3);
  for (int round = 0; round < 50; ++round) {
    ElementSet set;
    std::vector<bool> plain(60);
    for (int i = 0; i < 25; ++i) {
      const std::uint64_t begin = numbers.below(60), end = begin + numbers.below(61 - begin);
      set.add(begin, end);
      std::fill(plain.begin() + static_cast<long>(begin), plain.begin() + static_cast<long>(end),
                true);
      std::size_t runs = 0;
      for (std::size_t at = 0; at < 60; ++at) runs += plain[at] && (at == 0 || !plain[at - 1]);
      REQUIRE(set.runs() == runs);
      const std::uint64_t from = numbers.below(60), to = from + numbers.below(61 - from);
      bool all = true;
      for (std::uint64_t at = from; at < to; ++at) all = all && plain[at];
      REQUIRE(set.contains(from, to) == all);
    }
  }
}

TEST_CASE("an index of boxes finds what looking at all of them finds") {
  SplitMix numbers(4);
  const workloads::TensorShape shape{7, 40, 9, 30};
  BoxIndex index(shape);
  std::vector<std::pair<std::uint32_t, Tile>> plain;
  const auto random_box = [&](std::uint64_t most) {
    Tile tile{0, {}};
    for (std::size_t i = 0; i < 4; ++i) {
      const auto size = static_cast<std::uint64_t>(shape[i]);
      const std::uint64_t length = 1 + numbers.below(std::min(size, most));
      const auto begin = static_cast<std::int64_t>(numbers.below(size - length + 1));
      tile.box[i] = {begin, begin + static_cast<std::int64_t>(length)};
    }
    return tile;
  };
  std::size_t found = 0, many = 0;
  for (std::uint32_t round = 0; round < 20'000; ++round) {
    // Times of many boxes and of few, of small ones and of large.
    const bool growing = round / 1000 % 2 == 0;
    if (numbers.below(10) < (growing ? 7u : 3u)) {
      plain.emplace_back(round, random_box(numbers.below(50) == 0 ? 40 : 4));
      index.insert(plain.back().first, plain.back().second);
    } else if (!plain.empty()) {
      const std::size_t victim = numbers.below(plain.size());
      index.erase(plain[victim].first, plain[victim].second);
      plain.erase(plain.begin() + static_cast<long>(victim));
    }
    REQUIRE(index.size() == plain.size());
    many += plain.size() > 100;
    const Tile wanted = random_box(6);
    std::set<std::uint32_t> expected, visited;
    for (const auto& [number, tile] : plain) {
      if (models::overlap(tile, wanted)) expected.insert(number);
    }
    index.find_overlapping(wanted, [&](std::uint32_t number, const Tile&) {
      visited.insert(number);
      return false;
    });
    REQUIRE(visited == expected);
    const auto one = index.find_overlapping(
        wanted, [&](std::uint32_t number, const Tile&) { return number % 2 == 0; });
    REQUIRE(one.has_value() ==
            std::ranges::any_of(expected, [](std::uint32_t number) { return number % 2 == 0; }));
    found += expected.size();
  }
  CHECK(found > 10'000);
  CHECK(many > 1000);
}

}  // namespace spillway::coherence_test
