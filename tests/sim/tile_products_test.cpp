// Tiles of convolutions and dense products, one after another, against the product in one go.
#include <doctest/doctest.h>

#include "tests/support/tile_cuts.hpp"

namespace spillway::tile_test {

namespace {

/// Output channels, and inputs within their group and at all.
struct Channels {
  Range outputs, weights, inputs;
};

/// Runs of whole groups, and groups cut into ranges of both channels.
std::vector<Channels> cut_channels(const ConvGeometry& g, SplitMix& numbers) {
  const std::int64_t in = g.input.channels / g.groups, out = g.output.channels / g.groups;
  std::vector<Channels> result;
  for (const Range& groups : cut(g.groups, numbers)) {
    if (groups.size() > 1) {
      result.push_back(
          {{groups.begin * out, groups.end * out}, {0, in}, {groups.begin * in, groups.end * in}});
      continue;
    }
    const Ranges inputs = cut(in, numbers);
    for (const Range& o : cut(out, numbers)) {
      for (const Range& i : inputs) {
        const std::int64_t first_out = groups.begin * out, first_in = groups.begin * in;
        result.push_back(
            {{first_out + o.begin, first_out + o.end}, i, {first_in + i.begin, first_in + i.end}});
      }
    }
  }
  return result;
}

/// Boxes of the operands of one tile of a convolution.
struct ConvTile {
  Tile x, weights, bias, y;
  bool first_inputs;  ///< of its output channels: the tile that has the bias
};

std::vector<ConvTile> cut_convolution(const ConvGeometry& g, Halo row_halo, Halo column_halo,
                                      SplitMix& numbers) {
  std::vector<ConvTile> result;
  const Range taps[] = {{0, g.window.kernel[0]}, {0, g.window.kernel[1]}};
  const Ranges examples = cut(g.batch, numbers);
  const auto rows = rows_of(g).strips(row_halo, numbers);
  const auto columns = columns_of(g).strips(column_halo, numbers);
  for (const Channels& c : cut_channels(g, numbers)) {
    for (const Range& b : examples) {
      for (const Strip& row : rows) {
        for (const Strip& column : columns) {
          result.push_back({tile(b, c.inputs, row.inputs, column.inputs),
                            tile(c.outputs, c.weights, taps[0], taps[1]), tile(c.outputs),
                            tile(b, c.outputs, row.outputs, column.outputs), c.weights.begin == 0});
        }
      }
    }
  }
  return result;
}
Outputs overlapping_if(bool overlap) {
  return overlap ? Outputs::overlapping : Outputs::apart_or_equal;
}

}  // namespace

TEST_CASE("tiles of a convolution make what it makes in one go") {
  SplitMix numbers(501);
  int cut_groups = 0, both_halos = 0;
  for (int trial = 0; trial < 150; ++trial) {
    CAPTURE(trial);
    const ConvGeometry g = random_convolution(numbers);
    const Halo rows = random_halo(numbers), columns = random_halo(numbers);
    const bool y_overlaps = rows == Halo::outputs || columns == Halo::outputs;
    const bool x_overlaps = rows == Halo::inputs || columns == Halo::inputs;
    const bool bias = !y_overlaps && numbers.below(2) == 0, dbias = numbers.below(2) == 0;
    const ConvOperands o(g, numbers);
    const Array zero_y = zeros(o.y.shape), zero_x = zeros(o.x.shape);
    Operation forward{ConvForward{g}, {o.x, o.weights}, {zero_y}},
        input_gradient{ConvInputGradient{g}, {o.y, o.weights}, {zero_x}},
        weight_gradient{ConvWeightGradient{g}, {o.y, o.x}, {zeros(o.weights.shape)}};
    if (bias) forward.inputs.push_back(o.bias);
    if (dbias) weight_gradient.outputs.push_back(zeros(o.bias.shape));
    std::vector<Part> forwards, input_gradients, weight_gradients;
    for (const ConvTile& t : cut_convolution(g, rows, columns, numbers)) {
      forwards.push_back({{t.x, t.weights}, {t.y}});
      input_gradients.push_back({{t.y, t.weights}, {t.x}});
      weight_gradients.push_back({{t.y, t.x}, {t.weights}});
      if (bias && t.first_inputs) forwards.back().inputs.push_back(t.bias);
      if (dbias && t.first_inputs) weight_gradients.back().outputs.push_back(t.bias);
      cut_groups += g.groups > 1 && t.weights.box[0].size() > g.output.channels / g.groups;
      both_halos += rows != columns;
    }
    check_product(forward, forwards, overlapping_if(y_overlaps), numbers);
    check_product(input_gradient, input_gradients, overlapping_if(x_overlaps), numbers);
    check_product(weight_gradient, weight_gradients, Outputs::apart_or_equal, numbers);
  }
  CHECK(cut_groups > 10);
  CHECK(both_halos > 10);
}

TEST_CASE("tiles of dense products make what they make in one go") {
  SplitMix numbers(502);
  for (int trial = 0; trial < 100; ++trial) {
    CAPTURE(trial);
    TensorShape maps = random_maps(numbers);
    if (numbers.below(2) == 0) maps.resize(2);
    const Array x = random_array(maps, numbers);
    const std::int64_t pixels = maps.size() > 2 ? maps[2] * maps[3] : 1;
    const DenseGeometry g{maps[0], maps[1] * pixels, from_one_to(12, numbers)};
    const Array weights = random_array({g.outputs, g.inputs}, numbers),
                matrix = random_array({g.inputs, g.outputs}, numbers),
                bias = random_array({g.outputs}, numbers),
                y = random_array({g.batch, g.outputs}, numbers);
    const Array zero_x = zeros(maps), zero_y = zeros(y.shape);
    Operation products[] = {
        {FcForward{g}, {x, weights, bias}, {zero_y}},
        {FcInputGradient{g}, {y, weights}, {zero_x}},
        {FcWeightGradient{g}, {y, x}, {zeros(weights.shape), zeros(bias.shape)}},
        {ClassifierForward{g}, {x, matrix}, {zero_y}},
        {ClassifierError{g}, {y, matrix}, {zero_x}},
        {ClassifierWeightGradient{g}, {y, x}, {zeros(matrix.shape)}}};
    std::vector<std::vector<Part>> parts(6);
    const Ranges examples = cut(g.batch, numbers), channels = cut(maps[1], numbers),
                 outputs = cut(g.outputs, numbers);
    for (const Range& b : examples) {
      for (const Range& c : channels) {
        for (const Range& o : outputs) {
          const Range inputs{c.begin * pixels, c.end * pixels};
          Tile of_x = x.whole();
          of_x.box[0] = b;
          of_x.box[1] = c;
          const Tile of_y = tile(b, o), of_weights = tile(o, inputs), of_matrix = tile(inputs, o);
          parts[0].push_back({{of_x, of_weights}, {of_y}});
          parts[1].push_back({{of_y, of_weights}, {of_x}});
          parts[2].push_back({{of_y, of_x}, {of_weights}});
          parts[3].push_back({{of_x, of_matrix}, {of_y}});
          parts[4].push_back({{of_y, of_matrix}, {of_x}});
          parts[5].push_back({{of_y, of_x}, {of_matrix}});
          if (c.begin > 0) continue;
          parts[0].back().inputs.push_back(tile(o));
          parts[2].back().outputs.push_back(tile(o));
        }
      }
    }
    for (std::size_t i = 0; i < 6; ++i) {
      CAPTURE(kernel_name(products[i].kernel));
      check_product(products[i], parts[i], Outputs::apart_or_equal, numbers);
    }
  }
}

}  // namespace spillway::tile_test
