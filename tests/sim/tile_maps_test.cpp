// Tiles of pooling, batch-norm and single elements against the operation in one go.
#include "sim/plan/operations/tile_kernel.hpp"

#include <doctest/doctest.h>

#include "tests/support/tile_cuts.hpp"

namespace spillway::tile_test {

using sim::tile_kernel;

namespace {

Array random_bytes(const TensorShape& shape, std::uint64_t below, SplitMix& numbers) {
  Array result = zeros(shape, 1);
  for (std::byte& value : result.bytes) value = std::byte(numbers.below(below));
  return result;
}

}  // namespace

TEST_CASE("tiles of max-pooling have the winners and errors of the whole") {
  SplitMix numbers(503);
  int overlapping = 0, padded = 0, clipped = 0;
  for (int trial = 0; trial < 150; ++trial) {
    CAPTURE(trial);
    const PoolGeometry g = random_pooling(from_one_to(9, numbers), numbers);
    Array y = random_array(map_shape(g.batch, g.input), numbers);
    Values coarse = as<float>(y.bytes);
    for (float& value : coarse) value = std::round(value * 3) / 3;  // few values, many ties
    y.bytes = operand(coarse);
    const TensorShape pooled = map_shape(g.batch, g.output);
    const Operation forward{MaxPool{g}, {y}, {zeros(pooled), zeros(pooled, 1)}};
    const Array winners = run_whole(forward)[1];
    const Operation error{
        MaxPoolError{g}, {random_array(pooled, numbers), winners}, {zeros(y.shape)}};
    std::vector<Part> forwards, errors;
    const Ranges examples = cut(g.batch, numbers), channels = cut(g.input.channels, numbers);
    const auto add = [&](std::vector<Part>& parts, Halo halo) {
      const auto rows = rows_of(g).strips(halo, numbers),
                 columns = columns_of(g).strips(halo, numbers);
      for (const Range& b : examples) {
        for (const Range& c : channels) {
          for (const Strip& row : rows) {
            for (const Strip& column : columns) {
              const Tile in = tile(b, c, row.inputs, column.inputs),
                         out = tile(b, c, row.outputs, column.outputs);
              parts.push_back(halo == Halo::inputs ? Part{{in}, {out, out}}
                                                   : Part{{out, out}, {in}});
            }
          }
        }
      }
    };
    add(forwards, Halo::inputs);
    add(errors, Halo::outputs);
    check_equal(forward, forwards, numbers);
    check_product(error, errors, Outputs::apart_or_equal, numbers);
    overlapping += g.window.kernel[0] > g.window.stride[0];
    padded += g.window.padding_begin[0] > 0;
    for (const Part& part : errors) {
      const Kernel kernel = tile_kernel(error.kernel, part.inputs, part.outputs, false);
      clipped += get<MaxPoolError>(kernel).clip;
    }
  }
  for (const int drawn : {overlapping, padded, clipped}) CHECK(drawn > 20);
}

TEST_CASE("tiles of what treats elements alone make the same bits") {
  SplitMix numbers(504);
  for (int trial = 0; trial < 60; ++trial) {
    CAPTURE(trial);
    TensorShape shape = random_maps(numbers);
    shape.resize(static_cast<std::size_t>(from_one_to(4, numbers)));
    const Array a = random_array(shape, numbers), b = random_array(shape, numbers),
                c = random_array(shape, numbers), zero = zeros(shape);
    const auto n = static_cast<std::int64_t>(a.whole().elements());
    const Operation operations[] = {
        {Relu{n}, {a}, {zero}, {{0, 0}}},
        {ReluError{n}, {a, b}, {zero}, {{0, 0}}},
        {Dropout{n, 1.25f}, {a, random_bytes(shape, 2, numbers)}, {zero}},
        {Update{n, 0.5, 0}, {a, b}, {zero}, {{0, 0}}},
        {Update{n, 0.5, 0.5f}, {a, b, c}, {zero, zero}, {{0, 0}, {1, 2}}},
        {AdamUpdate{n, 0.5, 0.75, 0.875, 0.01, 0.25},
         {a, b, c, absolute(c)},
         {zero, zero, zero},
         {{0, 0}, {1, 2}, {2, 3}}}};
    for (const Operation& operation : operations) {
      CAPTURE(kernel_name(operation.kernel));
      std::vector<Part> parts;
      for (const Tile& box : cut_maps(shape, numbers)) {
        parts.push_back(
            {Tiles(operation.inputs.size(), box), Tiles(operation.outputs.size(), box)});
      }
      check_equal(operation, parts, numbers);
    }
  }
}

TEST_CASE("tiles of batch-norm in phases make what each phase makes in one go") {
  SplitMix numbers(506);
  for (int trial = 0; trial < 100; ++trial) {
    CAPTURE(trial);
    TensorShape shape = random_maps(numbers);
    if (numbers.below(4) == 0) shape.resize(2);
    const Array x = random_array(shape, numbers), dz = random_array(shape, numbers),
                zero = zeros(shape);
    const Array norm = random_array({2, shape[1]}, numbers),
                running = random_array(norm.shape, numbers), zero_norm = zeros(norm.shape);
    const bool flat = shape.size() == 2;
    const NormGeometry g{shape[0], shape[1], flat ? 1 : shape[2], flat ? 1 : shape[3]};
    const std::int64_t values = g.batch * g.height * g.width;
    const Operation statistics{NormStatistics{g}, {x}, {zero_norm}};
    const Array made = run_whole(statistics)[0];
    const Operation apply{NormApply{g}, {x, norm, made}, {zero}},
        inference{BatchNormInference{g}, {x, norm, absolute(running)}, {zero}},
        run{NormRunning{g.channels, values}, {made, running}, {zero_norm}, {{0, 1}}},
        sums{NormErrorSums{g}, {dz, x, made}, {zero_norm}};
    const Operation error{
        NormErrorApply{g, values}, {dz, x, made, norm, run_whole(sums)[0]}, {zero}, {{0, 0}}};
    std::vector<Part> of_statistics, of_apply, of_sums, of_error, of_run;
    for (const Tile& box : cut_maps(shape, numbers)) {
      const Tile c = channels_of(box);
      of_statistics.push_back({{box}, {c}});
      of_apply.push_back({{box, c, c}, {box}});
      of_sums.push_back({{box, box, c}, {c}});
      of_error.push_back({{box, box, c, c, c}, {box}});
    }
    for (const Range& c : cut(g.channels, numbers)) {
      of_run.push_back({Tiles(2, tile({0, 2}, c)), {tile({0, 2}, c)}});
    }
    require_close(run_parts(statistics, of_statistics, Outputs::apart_or_equal, numbers)[0], made,
                  zeros(made.shape));
    const Array sum = run_whole(sums)[0];
    Array magnitude = sum;
    magnitude.bytes =
        operand(Values(2 * static_cast<std::size_t>(g.channels), static_cast<float>(values)));
    require_close(run_parts(sums, of_sums, Outputs::apart_or_equal, numbers)[0], sum, magnitude);
    check_equal(apply, of_apply, numbers);
    check_equal(error, of_error, numbers);
    check_equal(run, of_run, numbers);
    const Array expected = run_whole(inference)[0];
    require_close(run_parts(inference, of_apply, Outputs::apart_or_equal, numbers)[0], expected,
                  expected);
  }
}

TEST_CASE("batch-norm in one go is cut by channels alone") {
  SplitMix numbers(507);
  for (int trial = 0; trial < 40; ++trial) {
    CAPTURE(trial);
    const TensorShape shape = random_maps(numbers);
    const NormGeometry g{shape[0], shape[1], shape[2], shape[3]};
    const Array x = random_array(shape, numbers), dz = random_array(shape, numbers),
                zero = zeros(shape);
    const Array norm = random_array({2, g.channels}, numbers),
                running = random_array(norm.shape, numbers), zero_norm = zeros(norm.shape);
    const Operation forward{
        BatchNorm{g}, {x, norm, running}, {zero, zero_norm, zero_norm}, {{2, 2}}};
    const Operation error{
        BatchNormError{g}, {dz, x, run_whole(forward)[1], norm}, {zero, zero_norm}};
    std::vector<Part> forwards, errors;
    for (const Range& c : cut(g.channels, numbers)) {
      Tile box = x.whole();
      box.box[1] = c;
      const Tile channels = channels_of(box);
      forwards.push_back({{box, channels, channels}, {box, channels, channels}});
      errors.push_back({{box, box, channels, channels}, {box, channels}});
    }
    for (const auto& [operation, parts] : {std::pair(forward, forwards), {error, errors}}) {
      const auto found = run_parts(operation, parts, Outputs::apart_or_equal, numbers);
      const auto expected = run_whole(operation);
      for (std::size_t i = 0; i < found.size(); ++i) {
        require_close(found[i], expected[i], expected[i]);
      }
    }
  }
  const Tile x = tile({0, 2}, {0, 4}, {0, 3}, {0, 3}), half = tile({0, 1}, {0, 4}, {0, 3}, {0, 3}),
             upper = tile({0, 2}, {0, 4}, {0, 2}, {0, 3}), c = tile({0, 2}, {0, 4});
  const NormGeometry g{2, 4, 3, 3};
  CHECK_NOTHROW(tile_kernel(BatchNorm{g}, Tiles{x, c, c}, Tiles{x, c, c}, false));
  for (const Tile& part : {half, upper}) {
    CHECK_THROWS_AS(tile_kernel(BatchNorm{g}, Tiles{part, c, c}, Tiles{part, c, c}, false),
                    ConsistencyError);
    CHECK_THROWS_AS(tile_kernel(BatchNormError{g}, Tiles{part, part, c, c}, Tiles{part, c}, false),
                    ConsistencyError);
  }
}

}  // namespace spillway::tile_test
