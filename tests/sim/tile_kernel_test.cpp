// Operations cut into tiles, one tile after the other, against the operation in one go.
#include "sim/plan/operations/tile_kernel.hpp"

#include <doctest/doctest.h>

#include <set>

#include "models/kernel_cost.hpp"
#include "tests/support/kernels.hpp"

namespace spillway::tile_kernel_test {

using namespace workloads;
using namespace test;
using models::Range;
using models::Tile;
using sim::tile_kernel;

namespace {

using Tiles = std::vector<Tile>;
using Ranges = std::vector<Range>;
using Box = std::array<Range, models::largest_rank>;

Tile tile(const Range& a, const Range& b = {}, const Range& c = {}, const Range& d = {}) {
  return {0, {a, b, c, d}};
}

/// A whole operand.
struct Array {
  TensorShape shape;
  OperandBytes bytes;

  Tile whole() const { return models::whole_tensor(0, shape); }
  Bytes element() const { return Bytes(bytes.size() / whole().elements()); }
  OperandBytes gather(const Tile& part) const {
    OperandBytes values;
    models::for_each_run(part, shape, element(), [&](const models::Run& run) {
      const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(run.offset);
      values.insert(values.end(), first, first + static_cast<std::ptrdiff_t>(run.size.count()));
    });
    return values;
  }
  void scatter(const Tile& part, const std::byte* values) {
    models::for_each_run(part, shape, element(), [&](const models::Run& run) {
      std::copy_n(values, run.size.count(), bytes.data() + run.offset);
      values += run.size.count();
    });
  }
};

Array zeros(const TensorShape& shape, std::size_t element = 4) {
  std::size_t count = element;
  for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
  return {shape, OperandBytes(count)};
}
Array random_array(const TensorShape& shape, SplitMix& numbers) {
  return {shape, operand(random_values(zeros(shape).bytes.size() / 4, numbers))};
}
/// Bytes stay as they are.
Array absolute(Array array) {
  if (array.element() != Bytes(4)) return array;
  Values values = as<float>(array.bytes);
  for (float& value : values) value = std::abs(value);
  return {array.shape, operand(values)};
}
TensorShape map_shape(std::int64_t batch, const ImageShape& image) {
  return {batch, image.channels, image.height, image.width};
}

struct Operation {
  Kernel kernel;
  std::vector<Array> inputs, outputs;
  std::map<std::size_t, std::size_t> on = {};  ///< which outputs lie on which inputs
};

/// The operands that a tile has. Optional ones may be left out.
struct Part {
  Tiles inputs, outputs;
};

/// How outputs of parts lie to each other.
enum class Outputs {
  apart_or_equal,  ///< the first part to write a box overwrites it, later ones accumulate
  overlapping      ///< all accumulate, on zeros
};

Part whole_part(const Operation& operation) {
  Part part;
  for (const Array& input : operation.inputs) part.inputs.push_back(input.whole());
  for (const Array& output : operation.outputs) part.outputs.push_back(output.whole());
  return part;
}

/// An operand with bytes around it that nobody may write.
class Guarded {
 public:
  explicit Guarded(const OperandBytes& values) : size_(values.size()), memory_(size_ + 2 * guard) {
    std::ranges::fill(memory_.span(), mark);
    std::ranges::copy(values, data());
  }
  std::byte* data() { return memory_.span().data() + guard; }
  bool is_intact() const {
    const auto marked = [](std::byte value) { return value == mark; };
    return std::ranges::all_of(memory_.span().first(guard), marked) &&
           std::ranges::all_of(memory_.span().last(guard), marked);
  }

 private:
  static constexpr std::size_t guard = 256;
  static constexpr std::byte mark{0x5a};
  std::size_t size_;
  AlignedBytes memory_;
};

/// Runs one part on operands of its own.
void run_part(const Kernel& kernel, const Operation& operation, const Part& part,
              std::vector<Array>& results) {
  static KernelRunner runner;
  std::vector<Guarded> memory;
  std::vector<const std::byte*> in;
  std::vector<std::byte*> out;
  const auto place = [&](const OperandBytes& values, Bytes expected) {
    REQUIRE(values.size() == expected.count());
    memory.emplace_back(values);
    return memory.back().data();
  };
  const OperandSizes sizes = operand_sizes(kernel);
  for (std::size_t i = 0; i < part.inputs.size(); ++i) {
    in.push_back(place(operation.inputs[i].gather(part.inputs[i]), sizes.inputs[i]));
  }
  for (std::size_t i = 0; i < part.outputs.size(); ++i) {
    out.push_back(operation.on.contains(i)
                      ? const_cast<std::byte*>(in[operation.on.at(i)])
                      : place(results[i].gather(part.outputs[i]), sizes.outputs[i]));
  }
  runner.run(kernel, in, out);
  for (std::size_t i = 0; i < part.outputs.size(); ++i) results[i].scatter(part.outputs[i], out[i]);
  REQUIRE(std::ranges::all_of(memory, &Guarded::is_intact));
}

/// What the tiles' kernels make, in a random order.
std::vector<Array> run_parts(const Operation& operation, std::vector<Part> parts, Outputs outputs,
                             SplitMix& numbers) {
  numbers.shuffle(parts);
  std::vector<Array> results = operation.outputs;
  if (outputs == Outputs::apart_or_equal) {
    for (Array& result : results) std::fill(result.bytes.begin(), result.bytes.end(), std::byte(7));
  }
  std::map<std::pair<std::size_t, Box>, std::int64_t> merged;  // values, by output and its box
  Macs macs;
  for (const Part& part : parts) {
    std::int64_t& before = merged[{part.outputs.size(), part.outputs.back().box}];
    const bool accumulate = outputs == Outputs::overlapping || before > 0;
    Kernel whole = operation.kernel;
    if (whole.merges()) whole = whole.after(before);
    const Kernel kernel = tile_kernel(whole, part.inputs, part.outputs, accumulate);
    CHECK(accumulates(kernel) == accumulate);
    before += static_cast<std::int64_t>(part.inputs[0].elements()) / part.inputs[0].box[1].size();
    macs += models::kernel_cost(kernel).macs;
    run_part(kernel, operation, part, results);
  }
  CHECK(macs == models::kernel_cost(operation.kernel).macs);
  return results;
}

std::vector<Array> run_whole(const Operation& operation) {
  std::vector<Array> results = operation.outputs;
  run_part(operation.kernel, operation, whole_part(operation), results);
  return results;
}

/// To float summation order: within a share of the sums of absolute values.
void require_close(const Array& found, const Array& expected, const Array& magnitude) {
  Expected bounds(expected.bytes.size() / 4);
  const Values values = as<float>(expected.bytes), sizes = as<float>(magnitude.bytes);
  for (std::size_t i = 0; i < values.size(); ++i) {
    bounds.set(i, values[i], 1e-6 + 1e-5 * std::abs(sizes[i]));
  }
  bounds.require_close(as<float>(found.bytes));
}

/// Products, which are sums over inputs of any sign.
void check_product(const Operation& operation, const std::vector<Part>& parts, Outputs outputs,
                   SplitMix& numbers) {
  Operation magnitudes = operation;
  for (Array& input : magnitudes.inputs) input = absolute(input);
  const auto found = run_parts(operation, parts, outputs, numbers);
  const auto expected = run_whole(operation), magnitude = run_whole(magnitudes);
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    require_close(found[i], expected[i], magnitude[i]);
  }
}

/// Kernels that treat elements alone: to the bit.
void check_equal(const Operation& operation, const std::vector<Part>& parts, SplitMix& numbers) {
  const auto found = run_parts(operation, parts, Outputs::apart_or_equal, numbers);
  const auto expected = run_whole(operation);
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].bytes == expected[i].bytes);
}

/// 0 … size - 1, cut at random places.
Ranges cut(std::int64_t size, SplitMix& numbers) {
  Ranges ranges;
  const std::int64_t most = from_one_to(size, numbers);
  for (std::int64_t begin = 0; begin < size; begin = ranges.back().end) {
    ranges.push_back({begin, std::min(size, begin + from_one_to(most, numbers))});
  }
  return ranges;
}

/// On which side of windows tiles overlap.
enum class Halo { inputs, outputs };

Halo random_halo(SplitMix& numbers) { return numbers.below(2) == 0 ? Halo::inputs : Halo::outputs; }

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
  std::vector<Strip> strips(Halo halo, SplitMix& numbers) const {
    std::vector<Strip> result;
    for (const Range& range : cut(halo == Halo::inputs ? outputs : inputs, numbers)) {
      result.push_back(halo == Halo::inputs ? under(range) : over(range));
    }
    return result;
  }
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

Outputs overlapping_if(bool overlap) {
  return overlap ? Outputs::overlapping : Outputs::apart_or_equal;
}

ConvGeometry random_convolution(SplitMix& numbers) {
  const Layer layer = random_conv_layer(numbers);
  return {from_one_to(4, numbers), layer.input, layer.before_pool, layer.window, layer.groups};
}

/// Maps with any boxes.
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

TensorShape random_maps(SplitMix& numbers) {
  return {from_one_to(4, numbers), from_one_to(9, numbers), from_one_to(6, numbers),
          from_one_to(6, numbers)};
}

/// Channel operands of a tile of maps.
Tile channels_of(const Tile& maps) { return tile({0, 2}, maps.box[1]); }

Array random_bytes(const TensorShape& shape, std::uint64_t below, SplitMix& numbers) {
  Array result = zeros(shape, 1);
  for (std::byte& value : result.bytes) value = std::byte(numbers.below(below));
  return result;
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
        {Update{n, 0.5, 0.5f}, {a, b, c}, {zero, zero}, {{0, 0}, {1, 2}}}};
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

TEST_CASE("a tile that is the whole has the whole's kernel") {
  SplitMix numbers(508);
  for (int trial = 0; trial < 60; ++trial) {
    CAPTURE(trial);
    const ConvGeometry g = random_convolution(numbers);
    const ConvOperands o(g, numbers);
    const Tiles in{o.x.whole(), o.weights.whole(), o.bias.whole()}, out{o.y.whole()};
    CHECK(get<ConvForward>(tile_kernel(ConvForward{g}, in, out, false)).shape == g);
    const auto gradient = get<ConvWeightGradient>(
        tile_kernel(ConvWeightGradient{g}, Tiles{out[0], in[0]}, Tiles{in[1], in[2]}, true));
    CHECK(gradient.shape == g);
    CHECK(gradient.accumulate);
    CHECK(gradient.bias_begin == std::array<std::int64_t, 2>{0, 0});
    const PoolGeometry pool = random_pooling(3, numbers);
    const Tile y = models::whole_tensor(0, map_shape(pool.batch, pool.input)),
               a = models::whole_tensor(0, map_shape(pool.batch, pool.output));
    CHECK(get<MaxPool>(tile_kernel(MaxPool{pool}, Tiles{y}, Tiles{a, a}, false)).shape == pool);
    const auto error =
        get<MaxPoolError>(tile_kernel(MaxPoolError{pool}, Tiles{a, a}, Tiles{y}, false));
    CHECK(error.shape == pool);
    CHECK_FALSE(error.clip);
  }
  const auto loss = get<SquareHinge>(tile_kernel(SquareHinge{4, 3, true},
                                                 Tiles{tile({0, 4}, {0, 3}), tile({0, 4})},
                                                 Tiles{tile({0, 4}, {0, 3}), tile({0, 2})}, false));
  CHECK(loss.batch == 4);
  CHECK(loss.total_batch == 0);
}

TEST_CASE("a strip has padding where its windows go beyond it and nowhere else") {
  const ConvGeometry conv{1, {2, 16, 8}, {3, 16, 8}, {{3, 3}, {1, 1}, {1, 1}, {1, 1}}, 1};
  using Pair = std::pair<std::int64_t, std::int64_t>;
  const auto padding = [&](const Range& inputs, const Range& outputs) {
    const Kernel kernel =
        tile_kernel(ConvForward{conv},
                    Tiles{tile({}, {0, 2}, inputs, {0, 8}), tile({0, 3}, {0, 2}, {0, 3}, {0, 3})},
                    Tiles{tile({}, {0, 3}, outputs, {0, 8})}, false);
    const Window& window = get<ConvForward>(kernel).shape.window;
    CHECK(window.padding_begin[1] == 1);
    CHECK(window.padding_end[1] == 1);
    return Pair(window.padding_begin[0], window.padding_end[0]);
  };
  // The halo on the inputs' side: at the top, in the middle, at the bottom.
  CHECK(padding({0, 5}, {0, 4}) == Pair(1, 0));
  CHECK(padding({3, 9}, {4, 8}) == Pair(0, 0));
  CHECK(padding({11, 16}, {12, 16}) == Pair(0, 1));
  // And on the outputs' side.
  CHECK(padding({0, 4}, {0, 5}) == Pair(1, 2));
  CHECK(padding({4, 8}, {3, 9}) == Pair(2, 2));
  CHECK(padding({12, 16}, {11, 16}) == Pair(2, 1));
}

TEST_CASE("boxes that do not fit each other are refused") {
  const ConvGeometry conv{4, {6, 8, 8}, {4, 8, 8}, {{3, 3}, {1, 1}, {1, 1}, {1, 1}}, 2};
  const Range b{0, 4}, rows{0, 8}, taps{0, 3};
  const auto forward = [&](const Tile& x, const Tile& weights, const Tile& y) {
    return tile_kernel(ConvForward{conv}, Tiles{x, weights}, Tiles{y}, false);
  };
  const Tile x = tile(b, {3, 6}, rows, rows), y = tile(b, {2, 4}, rows, rows),
             weights = tile({2, 4}, {0, 3}, taps, taps);
  CHECK_NOTHROW(forward(x, weights, y));
  CHECK_NOTHROW(forward(tile(b, {4, 5}, rows, rows), tile({2, 4}, {1, 2}, taps, taps), y));
  // Inputs of another group, parts of two groups, other examples, cut taps.
  CHECK_THROWS_AS(forward(tile(b, {0, 3}, rows, rows), weights, y), ConsistencyError);
  CHECK_THROWS_AS(forward(tile(b, {0, 6}, rows, rows), tile({1, 4}, {0, 3}, taps, taps),
                          tile(b, {1, 4}, rows, rows)),
                  ConsistencyError);
  CHECK_THROWS_AS(forward(tile(b, {0, 5}, rows, rows), tile({0, 4}, {0, 2}, taps, taps),
                          tile(b, {0, 4}, rows, rows)),
                  ConsistencyError);
  CHECK_THROWS_AS(forward(tile({0, 3}, {3, 6}, rows, rows), weights, y), ConsistencyError);
  CHECK_THROWS_AS(forward(x, tile({2, 4}, {0, 3}, taps, {0, 2}), y), ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(ConvForward{conv}, Tiles{x}, Tiles{y}, false), ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(ConvForward{conv}, Tiles{x, weights, tile({0, 2})}, Tiles{y}, false),
                  ConsistencyError);

  const DenseGeometry fc{4, 24, 5};
  const Tile maps = tile(b, {2, 4}, {0, 2}, {0, 3}), out = tile(b, {0, 5});
  const auto dense = [&](const Range& inputs) {
    return tile_kernel(FcForward{fc}, Tiles{maps, tile({0, 5}, inputs)}, Tiles{out}, false);
  };
  CHECK_NOTHROW(dense({12, 24}));
  CHECK_THROWS_AS(dense({0, 12}), ConsistencyError);
  CHECK_THROWS_AS(dense({12, 23}), ConsistencyError);

  const PoolGeometry pool{4, {2, 6, 6}, {2, 3, 3}, {{2, 2}, {2, 2}, {0, 0}, {0, 0}}};
  const Tile pooled = tile(b, {0, 2}, {1, 2}, {0, 3});
  const auto max_pool = [&](const Range& inputs) {
    return tile_kernel(MaxPool{pool}, Tiles{tile(b, {0, 2}, inputs, {0, 6})}, Tiles{pooled, pooled},
                       false);
  };
  CHECK_NOTHROW(max_pool({2, 4}));
  CHECK_NOTHROW(max_pool({1, 6}));
  CHECK_THROWS_AS(max_pool({2, 3}), ConsistencyError);
  CHECK_THROWS_AS(max_pool({3, 6}), ConsistencyError);

  const Tile some = tile({0, 3});
  const NormStatistics statistics{{2, 3, 1, 1}};
  CHECK_THROWS_AS(tile_kernel(statistics, Tiles{tile({0, 2}, some.box[0])},
                              Tiles{tile({0, 2}, some.box[0])}, true),
                  ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(Relu{9}, Tiles{some}, Tiles{some}, true), ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(Update{9, 1, 0}, Tiles{some, tile({3, 6})}, Tiles{some}, false),
                  ConsistencyError);
  const SquaredError of_values{4, 12, false, 0, false, TargetKind::values};
  const Tile metrics = tile({0, 2}), half = tile({0, 4}, {0, 3}, {0, 2}, {0, 1});
  CHECK_NOTHROW(tile_kernel(of_values, Tiles{half, half}, Tiles{metrics}, false));
  CHECK_THROWS_AS(tile_kernel(of_values, Tiles{half, tile({0, 4}, {0, 6})}, Tiles{metrics}, false),
                  ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(of_values, Tiles{tile({0, 4}, {0, 12}), half}, Tiles{metrics}, false),
                  ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(SquareHinge{4, 3, false}, Tiles{tile({0, 2}, {0, 2}), tile({0, 2})},
                              Tiles{tile({0, 2})}, true),
                  ConsistencyError);
}

}  // namespace spillway::tile_kernel_test
