// Tiles and their runs.
#include "models/tile.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/build.hpp"
#include "workloads/support/error.hpp"

namespace spillway::tile_test {

using models::Run;
using models::Tile;
using models::TileSize;
using workloads::Bytes;
using workloads::TensorShape;
using workloads::Words;

namespace {

/// A tensor of rank 1 to 4 and a box of it. Half of the ranges take in their whole dimension.
struct Box {
  TensorShape shape;
  Tile tile;

  explicit Box(workloads::SplitMix& numbers) {
    const auto below = [&](std::int64_t n) {
      return static_cast<std::int64_t>(numbers.below(static_cast<std::uint64_t>(n)));
    };
    shape.resize(1 + numbers.below(4));
    for (std::size_t d = 0; d < shape.size(); ++d) {
      shape[d] = 1 + below(6);
      tile.box[d] = {0, shape[d]};
      if (below(2) == 0) continue;
      tile.box[d].begin = below(shape[d]);
      tile.box[d].end = tile.box[d].begin + 1 + below(shape[d] - tile.box[d].begin);
    }
  }
};

/// For each byte of a tensor whether it belongs to a box, found element by element.
std::vector<bool> bytes_inside(const Box& box, Bytes element) {
  std::vector<bool> inside;
  std::int64_t elements = 1;
  for (const std::int64_t dimension : box.shape) elements *= dimension;
  for (std::int64_t i = 0; i < elements; ++i) {
    bool in_box = true;
    std::int64_t rest = i;
    for (std::size_t d = box.shape.size(); d-- > 0; rest /= box.shape[d]) {
      const std::int64_t at = rest % box.shape[d];
      in_box = in_box && at >= box.tile.box[d].begin && at < box.tile.box[d].end;
    }
    inside.insert(inside.end(), element.count(), in_box);
  }
  return inside;
}

std::vector<Run> runs_of(const Box& box, Bytes element) {
  std::vector<Run> runs;
  models::for_each_run(box.tile, box.shape, element, [&](const Run& run) { runs.push_back(run); });
  return runs;
}

}  // namespace

TEST_CASE("the runs of a box are its bytes, each once") {
  workloads::SplitMix numbers(21);
  for (int i = 0; i < 600; ++i) {
    const Box box(numbers);
    const Bytes element(std::uint64_t{1} << numbers.below(3));
    std::vector<int> visits(bytes_inside(box, element).size());
    for (const Run& run : runs_of(box, element)) {
      REQUIRE(run.offset + run.size.count() <= visits.size());
      for (std::uint64_t b = 0; b < run.size.count(); ++b) ++visits[run.offset + b];
    }
    const std::vector<bool> inside = bytes_inside(box, element);
    REQUIRE(std::equal(visits.begin(), visits.end(), inside.begin()));
  }
}

TEST_CASE("runs come in order, and each is as long as it can be") {
  workloads::SplitMix numbers(22);
  int several = 0;
  for (int i = 0; i < 600; ++i) {
    const Box box(numbers);
    const Bytes element(std::uint64_t{1} << numbers.below(3));
    const std::vector<Run> runs = runs_of(box, element);
    REQUIRE_FALSE(runs.empty());
    for (std::size_t r = 0; r + 1 < runs.size(); ++r) {
      // A gap follows each run, so none could have taken in the next.
      CHECK(runs[r].offset + runs[r].size.count() < runs[r + 1].offset);
    }
    several += runs.size() > 1;
  }
  CHECK(several > 100);
}

TEST_CASE("a tile's size is the sum over its runs, with words rounded up once a run") {
  workloads::SplitMix numbers(23);
  int rounded = 0;
  for (int i = 0; i < 600; ++i) {
    const Box box(numbers);
    for (const std::uint64_t element : {1, 2, 4}) {
      std::uint64_t words = 0, bytes = 0;
      for (const Run& run : runs_of(box, Bytes(element))) {
        words += (run.size.count() + 3) / 4;
        bytes += run.size.count();
      }
      const TileSize size = models::tile_size(box.tile, box.shape, Bytes(element));
      CHECK(size.words == Words(words));
      CHECK(size.bytes == Bytes(bytes));
      CHECK(bytes == box.tile.elements() * element);
      rounded += words > (bytes + 3) / 4;
    }
  }
  CHECK(rounded > 50);
}

TEST_CASE("a whole tensor is one run, whatever its shape") {
  for (const TensorShape& shape :
       {TensorShape{7}, TensorShape{3, 4}, TensorShape{3, 1, 5}, TensorShape{2, 3, 4, 5}}) {
    int runs = 0;
    const Tile tile = models::whole_tensor(3, shape);
    CHECK(tile.tensor == 3);
    models::for_each_run(tile, shape, Bytes(4), [&](const Run& run) {
      CHECK(run.offset == 0);
      CHECK(run.size == Bytes(4 * tile.elements()));
      ++runs;
    });
    CHECK(runs == 1);
  }
  CHECK_THROWS_AS(models::whole_tensor(0, {1, 1, 1, 1, 1, 1}), workloads::ProgramError);
}

TEST_CASE("a tile is called by its tensor, and by its box where it is a part") {
  const models::MemoryMap map{{"images", {2, 3}}, {"conv1.weights", {8, 3, 5, 5}}};
  Tile tile = models::whole_tensor(1, map[1].shape);
  CHECK(models::tile_name(tile, map) == "conv1.weights");
  tile.box[0] = {4, 8};
  CHECK(models::tile_name(tile, map) == "conv1.weights[4:8, 0:3, 0:5, 0:5]");
}

}  // namespace spillway::tile_test
