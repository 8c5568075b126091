// Losses of parts of a mini-batch against the loss of all of it.
#include <doctest/doctest.h>

#include "tests/support/tile_cuts.hpp"

namespace spillway::tile_test {

TEST_CASE("parts of a mini-batch are judged as the whole is") {
  SplitMix numbers(505);
  for (int trial = 0; trial < 60; ++trial) {
    CAPTURE(trial);
    const std::int64_t batch = from_one_to(9, numbers), classes = 1 + from_one_to(9, numbers);
    const Array scores = random_array({batch, classes}, numbers);
    std::vector<std::int32_t> labels;
    for (std::int64_t b = 0; b < batch; ++b) {
      labels.push_back(static_cast<std::int32_t>(from_one_to(classes, numbers) - 1));
    }
    const Array label{{batch}, operand(labels)}, errors = zeros(scores.shape), metrics = zeros({2});
    for (const bool with_error : {true, false}) {
      for (const Kernel& kernel : {Kernel(SoftmaxCrossEntropy{batch, classes, with_error}),
                                   Kernel(SquareHinge{batch, classes, with_error}),
                                   Kernel(SquaredError{batch, classes, with_error})}) {
        Operation loss{kernel, {scores, label}, {metrics}};
        if (with_error) loss.outputs = {errors, metrics};
        std::vector<Part> parts;
        for (const Range& b : cut(batch, numbers)) {
          const Tile of_scores = tile(b, {0, classes});
          parts.push_back({{of_scores, tile(b)}, {tile({0, 2})}});
          if (with_error) parts.back().outputs = {of_scores, tile({0, 2})};
        }
        const auto found = run_parts(loss, parts, Outputs::apart_or_equal, numbers);
        const auto expected = run_whole(loss);
        if (with_error) CHECK(found[0].bytes == expected[0].bytes);
        require_close(found.back(), expected.back(), expected.back());
        CHECK(as<float>(found.back().bytes)[1] == as<float>(expected.back().bytes)[1]);
      }
    }
  }
}

TEST_CASE("values beside scores are judged in boxes of any shape, or example by example") {
  SplitMix numbers(507);
  for (int trial = 0; trial < 60; ++trial) {
    CAPTURE(trial);
    const TensorShape shape = random_maps(numbers);
    const std::int64_t classes = shape[1] * shape[2] * shape[3];
    const bool flat = trial % 3 == 0;  // the one beside the maps
    const TensorShape target_shape = flat ? TensorShape{shape[0], classes} : shape;
    const Array scores = random_array(shape, numbers),
                targets = random_array(target_shape, numbers), errors = zeros(shape),
                metrics = zeros({2});
    const Operation loss{SquaredError{shape[0], classes, true, 0, false, TargetKind::values},
                         {scores, targets},
                         {errors, metrics}};
    std::vector<Part> parts;
    for (const Range& b : cut(shape[0], numbers)) {
      if (flat) {
        const Tile map = tile(b, {0, shape[1]}, {0, shape[2]}, {0, shape[3]});
        parts.push_back({{map, tile(b, {0, classes})}, {map, tile({0, 2})}});
        continue;
      }
      for (const Range& channels : cut(shape[1], numbers)) {
        for (const Range& rows : cut(shape[2], numbers)) {
          const Tile box = tile(b, channels, rows, {0, shape[3]});
          parts.push_back({{box, box}, {box, tile({0, 2})}});
        }
      }
    }
    const auto found = run_parts(loss, parts, Outputs::apart_or_equal, numbers);
    const auto expected = run_whole(loss);
    CHECK(found[0].bytes == expected[0].bytes);
    require_close(found[1], expected[1], expected[1]);
  }
}

}  // namespace spillway::tile_test
