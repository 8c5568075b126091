#include "sim/plan/operations/tile_kernel.hpp"

#include <algorithm>
#include <string>

#include "workloads/kernels/operands.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

namespace {

using namespace workloads;
using models::Range;
using models::Tile;
using Tiles = std::span<const Tile>;

[[noreturn]] void refuse(const std::string& why) {
  throw ConsistencyError("a tile does not fit its operation: " + why);
}
void require(bool fits, const char* why) {
  if (!fits) refuse(why);
}

Range whole(std::int64_t size) { return {0, size}; }

/// Examples, channels, rows and columns of a box of maps; a flat vector has one pixel a channel.
ImageShape image(const Tile& tile) {
  return {tile.box[1].size(), tile.box[2].size(), tile.box[3].size()};
}
NormGeometry maps(const Tile& tile) {
  return {tile.box[0].size(), tile.box[1].size(), tile.box[2].size(), tile.box[3].size()};
}
std::int64_t elements(const Tile& tile) { return static_cast<std::int64_t>(tile.elements()); }
/// Values of each example.
std::int64_t values(const Tile& tile) { return image(tile).elements(); }

void require_same(const Tile& a, const Tile& b) {
  require(a.box == b.box, "boxes of tensors of one shape differ");
}
void require_channels(const Tile& channels, const Tile& of_maps) {
  require(channels.box[0] == whole(2) && channels.box[1] == of_maps.box[1],
          "channel operands are not those of the maps");
}

/// Windows `outputs` of an input that goes from 0 to `size`, on the inputs `inputs` of them.
struct WindowsOnAxis {
  Range inputs, outputs;
  std::int64_t kernel, stride, padding, size;

  /// Where a window begins, and the first place that no window reaches.
  std::int64_t begin(std::int64_t output) const { return output * stride - padding; }
  std::int64_t end() const { return begin(outputs.end - 1) + kernel; }

  std::int64_t padding_begin() const { return inputs.begin - begin(outputs.begin); }
  /// So that the last window fits; negative when the inputs go further than it.
  std::int64_t padding_end() const { return end() - inputs.end; }

  /// No window needs an input of the map that the tile does not have.
  bool windows_are_complete() const {
    return std::max<std::int64_t>(begin(outputs.begin), 0) >= inputs.begin &&
           std::min(end(), size) <= inputs.end;
  }
  /// Outputs at the begin whose windows begin in an earlier tile.
  std::int64_t begun_earlier() const {
    std::int64_t count = 0;
    while (inputs.begin > 0 && count < outputs.size() &&
           begin(outputs.begin + count) < inputs.begin) {
      ++count;
    }
    return count;
  }
};

template <class Geometry>
WindowsOnAxis axis_of(const Geometry& g, int axis, const Tile& input, const Tile& output) {
  const std::size_t dimension = 2 + static_cast<std::size_t>(axis);
  return {input.box[dimension],         output.box[dimension],
          g.window.kernel[axis],        g.window.stride[axis],
          g.window.padding_begin[axis], axis == 0 ? g.input.height : g.input.width};
}

/// The window of a part. An axis that is not cut keeps its paddings as they were written.
template <class Geometry>
Window window_of(const Geometry& g, const Tile& input, const Tile& output) {
  Window window = g.window;
  for (int axis = 0; axis < 2; ++axis) {
    const WindowsOnAxis a = axis_of(g, axis, input, output);
    const std::int64_t outputs = axis == 0 ? g.output.height : g.output.width;
    if (a.inputs == whole(a.size) && a.outputs == whole(outputs)) continue;
    window.padding_begin[axis] = a.padding_begin();
    window.padding_end[axis] = a.padding_end();
  }
  return window;
}

/// How many groups a tile covers. `weights` names output channels, and inputs within their group.
std::int64_t groups_of(const ConvGeometry& g, const Tile& x, const Tile& weights, const Tile& y) {
  const std::int64_t in = g.input.channels / g.groups, out = g.output.channels / g.groups;
  const Range outputs = weights.box[0], inputs = weights.box[1];
  require(outputs == y.box[1], "output channels of weights and maps differ");
  require(
      weights.box[2] == whole(g.window.kernel[0]) && weights.box[3] == whole(g.window.kernel[1]),
      "a kernel's taps are cut");
  const std::int64_t first = outputs.begin / out, last = (outputs.end - 1) / out;
  const bool one = first == last;
  require(one || (outputs.begin % out == 0 && outputs.end % out == 0 && inputs == whole(in)),
          "it covers parts of several groups");
  const Range expected = {first * in + inputs.begin, last * in + inputs.end};
  require(x.box[1] == expected, "input channels of weights and maps differ");
  return last - first + 1;
}

ConvGeometry conv(const ConvGeometry& g, const Tile& x, const Tile& weights, const Tile& y) {
  require(x.box[0] == y.box[0], "examples of inputs and outputs differ");
  return {x.box[0].size(), image(x), image(y), window_of(g, x, y), groups_of(g, x, weights, y)};
}

PoolGeometry pool(const PoolGeometry& g, const Tile& y, const Tile& a) {
  require(y.box[0] == a.box[0] && y.box[1] == a.box[1], "maps of inputs and outputs differ");
  return {y.box[0].size(), image(y), image(a), window_of(g, y, a)};
}

bool windows_are_complete(const PoolGeometry& g, const Tile& y, const Tile& a) {
  return axis_of(g, 0, y, a).windows_are_complete() && axis_of(g, 1, y, a).windows_are_complete();
}

/// Examples x features, and features x outputs in a matrix that has its features as the examples
/// have them ([channels, rows, columns]) or flat, from dimension `first` on.
DenseGeometry dense(const Tile& x, const Tile& matrix, std::size_t first, const Range& outputs,
                    const Tile& y) {
  require(x.box[0] == y.box[0], "examples of inputs and outputs differ");
  const Range& flat = matrix.box[first];
  const bool alike = std::equal(x.box.begin() + 1, x.box.end(),
                                matrix.box.begin() + static_cast<std::ptrdiff_t>(first));
  require(alike || (values(x) == flat.size() &&
                    x.box[1].begin * x.box[2].size() * x.box[3].size() == flat.begin),
          "inputs of matrix and examples differ");
  require(y.box[1] == outputs, "outputs of matrix and examples differ");
  return {x.box[0].size(), values(x), outputs.size()};
}
/// fc weights are [out, in …].
DenseGeometry fc(const Tile& x, const Tile& weights, const Tile& y) {
  return dense(x, weights, 1, weights.box[0], y);
}
/// Classifier matrices are [features …, classes]; flat features have the second dimension for the
/// classes.
DenseGeometry classifier(const Tile& x, const Tile& matrix, const Tile& y) {
  const bool flat = matrix.box[2] == Range{} && matrix.box[3] == Range{} &&
                    !(matrix.box[1] != y.box[1] && matrix.box[3] == y.box[1]);
  return dense(x, matrix, 0, flat ? matrix.box[1] : matrix.box[3], y);
}

void require_bias(const Tile& bias, const Range& outputs) {
  require(bias.box[0] == outputs, "biases are not those of the outputs");
}

struct KernelOfTiles {
  Tiles in, out;
  bool accumulate;

  template <class K>
  Kernel operator()(const K& k) const {
    require(
        !accumulate || requires { k.accumulate; } || requires { k.before; },
        "its kernel cannot accumulate");
    return part(k);
  }

 private:
  ConvForward part(const ConvForward& k) const {
    if (in.size() > 2) require_bias(in[2], out[0].box[1]);
    return {conv(k.shape, in[0], in[1], out[0]), accumulate};
  }
  ConvInputGradient part(const ConvInputGradient& k) const {
    return {conv(k.shape, out[0], in[1], in[0]), accumulate};
  }
  ConvWeightGradient part(const ConvWeightGradient& k) const {
    ConvWeightGradient tile{conv(k.shape, in[1], out[0], in[0]), accumulate};
    if (out.size() < 2) return tile;
    require_bias(out[1], out[0].box[0]);
    for (int axis = 0; axis < 2; ++axis) {
      tile.bias_begin[axis] =
          k.bias_begin[axis] + axis_of(k.shape, axis, in[1], in[0]).begun_earlier();
    }
    return tile;
  }
  FcForward part(const FcForward&) const {
    if (in.size() > 2) require_bias(in[2], out[0].box[1]);
    return {fc(in[0], in[1], out[0]), accumulate};
  }
  FcInputGradient part(const FcInputGradient&) const {
    return {fc(out[0], in[1], in[0]), accumulate};
  }
  FcWeightGradient part(const FcWeightGradient&) const {
    if (out.size() > 1) require_bias(out[1], out[0].box[0]);
    return {fc(in[1], out[0], in[0]), accumulate};
  }
  ClassifierForward part(const ClassifierForward&) const {
    return {classifier(in[0], in[1], out[0]), accumulate};
  }
  ClassifierError part(const ClassifierError&) const {
    return {classifier(out[0], in[1], in[0]), accumulate};
  }
  ClassifierWeightGradient part(const ClassifierWeightGradient&) const {
    return {classifier(in[1], out[0], in[0]), accumulate};
  }

  NormGeometry whole_channels(const NormGeometry& g, const Tile& x) const {
    const NormGeometry shape = maps(x);
    require(shape.batch == g.batch && shape.height == g.height && shape.width == g.width,
            "batch-norm in one go needs all examples, rows and columns");
    return shape;
  }
  BatchNorm part(const BatchNorm& k) const {
    require_same(in[0], out[0]);
    for (const Tile* channels : {&in[1], &in[2], &out[1], &out[2]}) {
      require_channels(*channels, in[0]);
    }
    return {whole_channels(k.shape, in[0])};
  }
  BatchNormInference part(const BatchNormInference&) const { return {normalised()}; }
  BatchNormError part(const BatchNormError& k) const {
    require_same(in[0], in[1]);
    require_same(in[0], out[0]);
    for (const Tile* channels : {&in[2], &in[3], &out[1]}) require_channels(*channels, in[0]);
    return {whole_channels(k.shape, in[0])};
  }
  NormStatistics part(const NormStatistics& k) const {
    require_channels(out[0], in[0]);
    require(!accumulate || k.before > 0, "nobody said how many values came before");
    return {maps(in[0]), accumulate ? k.before : 0};
  }
  NormRunning part(const NormRunning& k) const {
    require_same(in[0], in[1]);
    require_same(in[0], out[0]);
    require(in[0].box[0] == whole(2), "means and variances are apart");
    return {in[0].box[1].size(), k.values};
  }
  NormApply part(const NormApply&) const { return {normalised()}; }
  NormErrorSums part(const NormErrorSums&) const {
    require_same(in[0], in[1]);
    require_channels(in[2], in[0]);
    require_channels(out[0], in[0]);
    return {maps(in[0]), accumulate};
  }
  NormErrorApply part(const NormErrorApply& k) const {
    require_same(in[0], in[1]);
    require_same(in[0], out[0]);
    for (std::size_t i = 2; i < 5; ++i) require_channels(in[i], in[0]);
    return {maps(in[0]), k.total};
  }
  /// x and two channel operands -> z.
  NormGeometry normalised() const {
    require_same(in[0], out[0]);
    require_channels(in[1], in[0]);
    require_channels(in[2], in[0]);
    return maps(in[0]);
  }

  std::int64_t same_elements() const {
    for (const Tile& tile : in) require_same(tile, out[0]);
    for (const Tile& tile : out) require_same(tile, out[0]);
    return elements(out[0]);
  }
  Dropout part(const Dropout& k) const { return {same_elements(), k.scale}; }
  Relu part(const Relu&) const { return {same_elements()}; }
  ReluError part(const ReluError&) const { return {same_elements()}; }
  Update part(const Update& k) const { return {same_elements(), k.rate, k.momentum}; }
  AdvanceSeed part(const AdvanceSeed& k) const { return k; }

  MaxPool part(const MaxPool& k) const {
    require_same(out[0], out[1]);
    require(windows_are_complete(k.shape, in[0], out[0]), "inputs of windows are missing");
    return {pool(k.shape, in[0], out[0])};
  }
  MaxPoolError part(const MaxPoolError& k) const {
    require_same(in[0], in[1]);
    return {pool(k.shape, out[0], in[0]), k.clip || !windows_are_complete(k.shape, out[0], in[0])};
  }

  /// Scores may be maps. Values beside them are cut as they are, or into examples alone.
  template <class Loss>
  Loss loss(const Loss& k) const {
    const Range examples = in[0].box[0];
    require(in[1].box[0] == examples, "examples of scores and targets differ");
    bool alike = false;
    if constexpr (requires { k.targets; }) {
      const bool are_values = k.targets == TargetKind::values;
      alike = are_values && in[0].box == in[1].box;
      require(!are_values || alike || values(in[1]) == k.classes, "targets are cut");
    }
    require(alike || values(in[0]) == k.classes, "classes are cut");
    if (out.size() > 1) require_same(in[0], out[0]);
    require(out.back().box[0] == whole(2), "metrics are cut");
    Loss tile = k;
    tile.batch = examples.size();
    tile.classes = values(in[0]);
    tile.accumulate = accumulate;
    if (tile.batch != k.batch && k.total_batch == 0) tile.total_batch = k.batch;
    return tile;
  }
  SoftmaxCrossEntropy part(const SoftmaxCrossEntropy& k) const { return loss(k); }
  SquareHinge part(const SquareHinge& k) const { return loss(k); }
  SquaredError part(const SquaredError& k) const { return loss(k); }
};

void require_operands(const Kernel& kernel, std::size_t inputs, std::size_t outputs) {
  const OperandSizes sizes = operand_sizes(kernel);
  require(inputs >= sizes.required_inputs && inputs <= sizes.inputs.size() &&
              outputs >= sizes.required_outputs && outputs <= sizes.outputs.size(),
          "operands are missing");
}

}  // namespace

Kernel tile_kernel(const Kernel& whole, Tiles inputs, Tiles outputs, bool accumulate) {
  try {
    require_operands(whole, inputs.size(), outputs.size());
    return std::visit(KernelOfTiles{inputs, outputs, accumulate}, whole);
  } catch (const ConsistencyError& error) {
    throw ConsistencyError(kernel_name(whole) + ": " + error.what());
  }
}

}  // namespace spillway::sim
