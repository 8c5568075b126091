#include "tests/support/tile_cuts.hpp"

#include <algorithm>

namespace spillway::tile_test {

Ranges cut(std::int64_t size, SplitMix& numbers) {
  Ranges ranges;
  const std::int64_t most = from_one_to(size, numbers);
  for (std::int64_t begin = 0; begin < size; begin = ranges.back().end) {
    ranges.push_back({begin, std::min(size, begin + from_one_to(most, numbers))});
  }
  return ranges;
}

std::vector<Strip> Axis::strips(Halo halo, SplitMix& numbers) const {
  std::vector<Strip> result;
  for (const Range& range : cut(halo == Halo::inputs ? outputs : inputs, numbers)) {
    result.push_back(halo == Halo::inputs ? under(range) : over(range));
  }
  return result;
}

TensorShape random_maps(SplitMix& numbers) {
  return {from_one_to(4, numbers), from_one_to(9, numbers), from_one_to(6, numbers),
          from_one_to(6, numbers)};
}

Tiles cut_maps(const TensorShape& shape, SplitMix& numbers) {
  std::vector<Ranges> ranges;
  for (std::size_t i = 0; i < models::largest_rank; ++i) {
    ranges.push_back(i < shape.size() ? cut(shape[i], numbers) : Ranges{{}});
  }
  Tiles result;
  for (const Range& a : ranges[0]) {
    for (const Range& b : ranges[1]) {
      for (const Range& c : ranges[2]) {
        for (const Range& d : ranges[3]) result.push_back(tile(a, b, c, d));
      }
    }
  }
  return result;
}

ConvGeometry random_convolution(SplitMix& numbers) {
  const Layer layer = random_conv_layer(numbers);
  return {from_one_to(4, numbers), layer.input, layer.before_pool, layer.window, layer.groups};
}

}  // namespace spillway::tile_test
