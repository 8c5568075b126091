// Layouts of tensors in DRAM.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "models/layout_runs.hpp"
#include "tests/support/device_programs.hpp"
#include "workloads/kernels/operations.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::layout_test {

using models::BufferedTile;
using models::Layout;
using models::Run;
using models::TensorPlacement;
using models::Tile;
using workloads::Bytes;
using workloads::SplitMix;

namespace {

std::int64_t below(SplitMix& numbers, std::int64_t n) {
  return static_cast<std::int64_t>(numbers.below(static_cast<std::uint64_t>(n)));
}

TensorPlacement random_placement(SplitMix& numbers) {
  TensorPlacement place{"t", {}, Bytes(4)};
  const std::size_t rank = 1 + numbers.below(models::largest_rank);
  for (std::size_t d = 0; d < rank; ++d) {
    place.shape.push_back(1 + below(numbers, 6));
    place.layout.block[d] = below(numbers, 8);
  }
  return place;
}

/// Half of the ranges take in their whole dimension.
Tile random_tile(const TensorPlacement& place, SplitMix& numbers) {
  Tile tile = models::whole_tensor(0, place.shape);
  for (std::size_t d = 0; d < place.shape.size(); ++d) {
    if (numbers.below(2) == 0) continue;
    tile.box[d].begin = below(numbers, place.shape[d]);
    tile.box[d].end = tile.box[d].begin + 1 + below(numbers, place.shape[d] - tile.box[d].begin);
  }
  return tile;
}

std::vector<Run> runs_of(const Tile& tile, const TensorPlacement& place) {
  std::vector<Run> runs;
  models::for_each_run(tile, place, [&](const Run& run) { runs.push_back(run); });
  return runs;
}

/// Visit the elements of a tile as their places in the row-major tensor.
template <class Visit>
void for_each_element(const Tile& tile, const workloads::TensorShape& shape, Visit visit) {
  models::for_each_run(tile, shape, Bytes(1), [&](const Run& run) {
    for (std::uint64_t i = 0; i < run.size.count(); ++i) visit(run.offset + i);
  });
}

std::size_t elements_of(const TensorPlacement& place) {
  return models::whole_tensor(0, place.shape).elements();
}

/// Where each element stands, in elements, by the definition: a block's elements after all blocks
/// before it in the grid.
std::vector<std::uint64_t> offsets_of(const TensorPlacement& place) {
  const auto sizes = models::block_sizes(place.layout, place.shape);
  std::vector<std::pair<std::vector<std::int64_t>, std::uint64_t>> order;
  for (std::uint64_t i = 0; i < elements_of(place); ++i) {
    std::vector<std::int64_t> block, within;
    std::uint64_t rest = i;
    for (std::size_t d = place.shape.size(); d-- > 0;) {
      const auto at = static_cast<std::int64_t>(rest % static_cast<std::uint64_t>(place.shape[d]));
      rest /= static_cast<std::uint64_t>(place.shape[d]);
      block.insert(block.begin(), at / sizes[d]);
      within.insert(within.begin(), at % sizes[d]);
    }
    block.insert(block.end(), within.begin(), within.end());
    order.emplace_back(block, i);
  }
  std::ranges::sort(order);
  std::vector<std::uint64_t> offsets(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) offsets[order[i].second] = i;
  return offsets;
}

}  // namespace

TEST_CASE("an element stands behind all blocks before its own, and within it row-major") {
  SplitMix numbers(20261130);
  for (int i = 0; i < 2000; ++i) {
    const TensorPlacement place = random_placement(numbers);
    std::vector<std::uint64_t> values(elements_of(place)), stored(values.size());
    std::iota(values.begin(), values.end(), 0);
    TensorPlacement wide = place;
    wide.element = Bytes(sizeof(std::uint64_t));
    models::gather(models::whole_tensor(0, place.shape), wide, std::as_bytes(std::span(values)),
                   std::as_writable_bytes(std::span(stored)));
    const std::vector<std::uint64_t> expected = offsets_of(place);
    for (std::size_t at = 0; at < stored.size(); ++at) REQUIRE(expected[stored[at]] == at);
  }
}

TEST_CASE("the runs of a tile are its elements where they stand, in order, none to be joined") {
  SplitMix numbers(20261201);
  int blocked = 0;
  for (int i = 0; i < 5000; ++i) {
    const TensorPlacement place = random_placement(numbers);
    const Tile tile = random_tile(place, numbers);
    blocked += !models::is_row_major(place.layout, place.shape);
    const std::vector<std::uint64_t> offsets = offsets_of(place);
    std::vector<std::uint64_t> expected, found;
    for_each_element(tile, place.shape,
                     [&](std::uint64_t element) { expected.push_back(offsets[element]); });
    std::ranges::sort(expected);
    std::uint64_t end = 0;
    for (const Run& run : runs_of(tile, place)) {
      REQUIRE(run.size > Bytes(0));
      REQUIRE((found.empty() || run.offset > end));
      end = run.offset + run.size.count();
      for (std::uint64_t at = run.offset; at < end; at += 4) found.push_back(at / 4);
    }
    REQUIRE(found == expected);
  }
  CHECK(blocked > 1500);
}

TEST_CASE("without blocks, or with blocks that change nothing, runs are the row-major ones") {
  SplitMix numbers(20261202);
  int cut = 0;
  for (int i = 0; i < 3000; ++i) {
    TensorPlacement place = random_placement(numbers);
    if (i % 2 == 0) place.layout = {};
    const std::vector<std::uint64_t> offsets = offsets_of(place);
    const bool same = std::ranges::is_sorted(offsets);
    if (models::is_row_major(place.layout, place.shape)) REQUIRE(same);
    if (!same) continue;
    cut += place.layout != Layout{};
    const Tile tile = random_tile(place, numbers);
    std::vector<Run> expected;
    models::for_each_run(tile, place.shape, place.element,
                         [&](const Run& run) { expected.push_back(run); });
    const std::vector<Run> found = runs_of(tile, place);
    REQUIRE(found.size() == expected.size());
    for (std::size_t r = 0; r < found.size(); ++r) {
      REQUIRE(found[r].offset == expected[r].offset);
      REQUIRE(found[r].size == expected[r].size);
    }
  }
  CHECK(cut > 200);
}

TEST_CASE("a tile that is a block is one run") {
  SplitMix numbers(20261203);
  for (int i = 0; i < 2000; ++i) {
    const TensorPlacement place = random_placement(numbers);
    const auto sizes = models::block_sizes(place.layout, place.shape);
    Tile tile = models::whole_tensor(0, place.shape);
    for (std::size_t d = 0; d < place.shape.size(); ++d) {
      const std::int64_t blocks = (place.shape[d] + sizes[d] - 1) / sizes[d];
      tile.box[d].begin = below(numbers, blocks) * sizes[d];
      tile.box[d].end = std::min(place.shape[d], tile.box[d].begin + sizes[d]);
    }
    const std::vector<Run> runs = runs_of(tile, place);
    REQUIRE(runs.size() == 1);
    REQUIRE(runs[0].size == Bytes(4) * tile.elements());
  }
}

TEST_CASE("tiles gathered for their runs scatter to what they were") {
  SplitMix numbers(20261204);
  for (int i = 0; i < 1000; ++i) {
    const TensorPlacement place = random_placement(numbers);
    const Tile tile = random_tile(place, numbers);
    std::vector<std::uint32_t> values(tile.elements()), runs(values.size()), found(values.size());
    for (std::uint32_t& value : values) value = static_cast<std::uint32_t>(numbers.next());
    models::gather(tile, place, std::as_bytes(std::span(values)),
                   std::as_writable_bytes(std::span(runs)));
    models::scatter(tile, place, std::as_bytes(std::span(runs)),
                    std::as_writable_bytes(std::span(found)));
    REQUIRE(found == values);
  }
}

TEST_CASE("elements of less than a word have no blocks") {
  TensorPlacement place{"winners", {4, 4}, Bytes(1)};
  const Tile tile = models::whole_tensor(0, place.shape);
  CHECK(runs_of(tile, place).size() == 1);
  place.layout.block = {1, 2};
  CHECK(runs_of(tile, place).size() == 1);
  place.layout.block = {2, 2};
  CHECK_THROWS_AS(runs_of(tile, place), workloads::ConsistencyError);
}

TEST_CASE("a device computes the same values in every layout, with the words of the tiles") {
  SplitMix numbers(20261205);
  for (int i = 0; i < 200; ++i) {
    const TensorPlacement form = random_placement(numbers);
    const Tile tile = random_tile(form, numbers);
    test::Bench bench({form.shape, form.shape}, Bytes(1 << 17));
    bench.map[0].layout = form.layout;
    bench.map[1].layout.block = random_placement(numbers).layout.block;
    const std::size_t elements = elements_of(form);
    std::vector<float> weights(elements), gradients(elements);
    for (std::size_t e = 0; e < elements; ++e) {
      weights[e] = static_cast<float>(e);
      gradients[e] = static_cast<float>(numbers.below(1000));
    }
    bench.fill(0, weights);
    bench.fill(1, gradients);
    Tile other = tile;
    other.tensor = 1;
    const BufferedTile w{tile, 0}, g{other, 1 << 16};
    const workloads::Update update{static_cast<std::int64_t>(tile.elements()), 0.5f, 0.0f};
    const models::Execution execution =
        bench.run({models::Load{w, 0}, models::Load{g, 1}, models::Compute{update, {w, g}, {w}},
                   models::Store{w, 2}, models::Free{w}, models::Free{g}});
    for_each_element(tile, form.shape, [&](std::uint64_t e) { weights[e] -= 0.5f * gradients[e]; });
    REQUIRE(bench.values(0) == weights);
    REQUIRE(bench.values(1) == gradients);
    for (const models::Transferred& line : execution.by_label) {
      REQUIRE(line.words == workloads::Words(tile.elements()));
    }
  }
}

TEST_CASE("short runs pay for whole bursts, and a block for its own") {
  test::Bench bench({{16, 64}});
  const BufferedTile tile{test::box(0, {{0, 16}, {4, 8}}), 0};
  const auto bursts = [&] {
    return bench.run({models::Load{tile, 0}, models::Free{tile}}).dram.read_bursts;
  };
  CHECK(bursts() == 16);
  bench.map[0].layout.block = {0, 4};
  CHECK(bursts() == 4);
}

}  // namespace spillway::layout_test
