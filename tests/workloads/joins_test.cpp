// Sums, concatenations and slices, in one go and in tiles; ReLU6.
#include "workloads/kernels/joins.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/tile_cuts.hpp"

namespace spillway::tile_test {

namespace {

Values values_of(const Array& array) { return as<float>(array.bytes); }

/// Channels of maps, one after the other; flat ones have one pixel.
struct Parts {
  TensorShape shape;
  std::int64_t pixels;
  JoinedMaps maps;

  explicit Parts(SplitMix& numbers) : shape(random_maps(numbers)) {
    const bool flat = numbers.below(4) == 0;
    if (flat) shape.resize(2);
    pixels = flat ? 1 : shape[2] * shape[3];
    maps = {shape[0], flat ? 1 : shape[2], flat ? 1 : shape[3], flat};
  }
  TensorShape with(std::int64_t channels) const {
    TensorShape result = shape;
    result[1] = channels;
    return result;
  }
};

}  // namespace

TEST_CASE("a sum adds up all terms, whole and in tiles, and may lie on the first") {
  SplitMix numbers(531);
  for (int trial = 0; trial < 60; ++trial) {
    CAPTURE(trial);
    const TensorShape shape = random_maps(numbers);
    const auto terms = 1 + static_cast<std::int64_t>(numbers.below(6));
    std::vector<Array> inputs;
    for (std::int64_t i = 0; i < terms; ++i) inputs.push_back(random_array(shape, numbers));
    const auto elements = static_cast<std::int64_t>(values_of(inputs[0]).size());
    const Operation sum{Sum{elements, terms}, inputs, {zeros(shape)}};
    const Values made = values_of(run_whole(sum)[0]);
    for (std::size_t i = 0; i < made.size(); ++i) {
      float wanted = values_of(inputs[0])[i];
      for (std::size_t t = 1; t < inputs.size(); ++t) wanted += values_of(inputs[t])[i];
      CHECK(made[i] == wanted);
    }
    std::vector<Part> parts;
    for (const Tile& box : cut_maps(shape, numbers)) {
      parts.push_back({Tiles(inputs.size(), box), {box}});
    }
    check_equal(sum, parts, numbers);
    const Operation in_place{Sum{elements, terms}, inputs, {zeros(shape)}, {{0, 0}}};
    CHECK(values_of(run_whole(in_place)[0]) == made);
  }
}

TEST_CASE("a slice of a concatenation is the part that was there, whole and in tiles") {
  SplitMix numbers(532);
  for (int trial = 0; trial < 80; ++trial) {
    CAPTURE(trial);
    const Parts of(numbers);
    const auto parts = 1 + static_cast<std::int64_t>(numbers.below(6));
    std::vector<Array> inputs;
    Concat concat{of.maps, {}, parts};
    std::int64_t all = 0;
    for (std::int64_t i = 0; i < parts; ++i) {
      const auto own = 1 + static_cast<std::int64_t>(numbers.below(4));
      concat.channels[static_cast<std::size_t>(i)] = own;
      inputs.push_back(random_array(of.with(own), numbers));
      all += own;
    }
    const Operation joined{concat, inputs, {zeros(of.with(all))}};
    const Array whole = run_whole(joined)[0];
    std::vector<Part> of_joined;
    for (const Tile& box : cut_maps(of.with(all), numbers)) {
      if (box.box[1].begin != 0) continue;
      std::vector<Tile> ins;
      for (std::int64_t i = 0; i < parts; ++i) {
        Tile in = box;
        in.box[1] = {0, concat.channels[static_cast<std::size_t>(i)]};
        ins.push_back(in);
      }
      Tile out = box;
      out.box[1] = {0, all};
      of_joined.push_back({ins, {out}});
    }
    check_equal(joined, of_joined, numbers);
    std::int64_t first = 0;
    for (std::int64_t i = 0; i < parts; ++i) {
      const std::int64_t own = concat.channels[static_cast<std::size_t>(i)];
      const ChannelSlice slice{of.maps, first, own, all};
      const Operation sliced{slice, {whole}, {zeros(of.with(own))}};
      CHECK(run_whole(sliced)[0].bytes == inputs[static_cast<std::size_t>(i)].bytes);
      std::vector<Part> of_slice;
      for (const Tile& box : cut_maps(of.with(own), numbers)) {
        Tile in = box;
        in.box[1] = {box.box[1].begin + first, box.box[1].end + first};
        of_slice.push_back({{in}, {box}});
      }
      check_equal(sliced, of_slice, numbers);
      first += own;
    }
  }
}

TEST_CASE("ReLU6 ends at 0 and 6, lets errors through between them, and keeps NaN") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Values y{-1, 0, 0.5f, 6, 7, nan};
  Array map = zeros({6, 1}), errors = zeros({6, 1});
  map.bytes = operand(y);
  errors.bytes = operand(Values(6, 2));
  const Values made = values_of(run_whole({Relu6{6}, {map}, {zeros({6, 1})}, {{0, 0}}})[0]);
  CHECK(Values(made.begin(), made.begin() + 5) == Values{0, 0, 0.5f, 6, 6});
  CHECK(std::isnan(made[5]));
  map.bytes = operand(made);
  const Values passed =
      values_of(run_whole({Relu6Error{6}, {errors, map}, {zeros({6, 1})}, {{0, 0}}})[0]);
  CHECK(Values(passed.begin(), passed.begin() + 5) == Values{0, 0, 2, 0, 0});
  CHECK(std::isnan(passed[5]));
}

}  // namespace spillway::tile_test
