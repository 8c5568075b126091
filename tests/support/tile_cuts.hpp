// Tensors and windows cut into tiles at random places, and random operations to cut.
#pragma once

#include <vector>

#include "tests/support/tile_runs.hpp"

namespace spillway::tile_test {

/// 0 … size - 1, cut at random places.
Ranges cut(std::int64_t size, SplitMix& numbers);

/// On which side of windows tiles overlap.
enum class Halo { inputs, outputs };

inline Halo random_halo(SplitMix& numbers) {
  return numbers.below(2) == 0 ? Halo::inputs : Halo::outputs;
}

/// Inputs and outputs of windows along one axis.
struct Strip {
  Range inputs, outputs;
};

struct Axis {
  std::int64_t inputs, outputs, kernel, stride, padding;

  std::int64_t begin(std::int64_t output) const { return output * stride - padding; }
  /// What the windows of these outputs touch, or the input next to them when they touch nothing.
  Strip under(const Range& of) const {
    const std::int64_t first = std::clamp<std::int64_t>(begin(of.begin), 0, inputs - 1);
    const std::int64_t end = std::min(begin(of.end - 1) + kernel, inputs);
    return {{first, std::max(first + 1, end)}, of};
  }
  /// The outputs whose windows touch these inputs, or the one before when none does. Those that
  /// touch nothing but padding go with the border.
  Strip over(const Range& of) const {
    std::int64_t first = 0, end = 0;
    while (of.begin > 0 && begin(first) + kernel <= of.begin && first + 1 < outputs) ++first;
    while (end < outputs && (of.end == inputs || begin(end) < of.end)) ++end;
    return {of, {std::min(first, end - 1), end}};
  }
  std::vector<Strip> strips(Halo halo, SplitMix& numbers) const;
};

template <class Geometry>
Axis rows_of(const Geometry& g) {
  return {g.input.height, g.output.height, g.window.kernel[0], g.window.stride[0],
          g.window.padding_begin[0]};
}
template <class Geometry>
Axis columns_of(const Geometry& g) {
  return {g.input.width, g.output.width, g.window.kernel[1], g.window.stride[1],
          g.window.padding_begin[1]};
}

inline TensorShape map_shape(std::int64_t batch, const ImageShape& image) {
  return {batch, image.channels, image.height, image.width};
}
TensorShape random_maps(SplitMix& numbers);
/// Maps with any boxes.
Tiles cut_maps(const TensorShape& shape, SplitMix& numbers);
/// Channel operands of a tile of maps.
inline Tile channels_of(const Tile& maps) { return tile({0, 2}, maps.box[1]); }

ConvGeometry random_convolution(SplitMix& numbers);

struct ConvOperands {
  Array x, weights, bias, y;
  ConvOperands(const ConvGeometry& g, SplitMix& numbers)
      : x(random_array(map_shape(g.batch, g.input), numbers)),
        weights(random_array({g.output.channels, g.input.channels / g.groups, g.window.kernel[0],
                              g.window.kernel[1]},
                             numbers)),
        bias(random_array({g.output.channels}, numbers)),
        y(random_array(map_shape(g.batch, g.output), numbers)) {}
};

}  // namespace spillway::tile_test
