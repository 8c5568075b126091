#include "workloads/kernels/convolution.hpp"

#include "workloads/kernels/boxes.hpp"
#include "workloads/kernels/convolution_algorithms.hpp"

namespace spillway::workloads {

namespace {

/// The sides of the product in GEMM form: of examples and places, of outputs, of inputs and taps.
/// Per group a convolution over B images of OH x OW outputs lowers to
///   forward          (B OH OW) x (Ci KH KW) times (Ci KH KW) x Co
///   input gradient   (B OH OW) x Co         times Co x (Ci KH KW), then added up where taps
///   overlap weight gradient  Co x (B OH OW)         times (B OH OW) x (Ci KH KW)
/// with Ci and Co the channels of a group, so that all three have the same MACs.
struct ConvSides {
  Side places, outputs, inputs;
};

/// What the three have in common: axes, and how each array is indexed.
struct ConvMaps {
  Contract contract;
  Operand x, weights, bias, y;

  ConvMaps(const ConvGeometry& g, const ConvSides& sides) {
    const std::int64_t in = g.input.channels / g.groups, out = g.output.channels / g.groups;
    const auto tap = [&](std::string_view name, int axis) {
      return contract.add({name, g.window.kernel[axis], AxisKind::none, Cut::never, sides.inputs});
    };
    const auto place = [&](std::string_view name, std::int64_t extent, AxisKind kind) {
      return contract.add({name, extent, kind, Cut::freely, sides.places});
    };
    const AxisId group =
        contract.add({"groups", g.groups, AxisKind::group, Cut::freely, Side::count});
    const AxisId batch = place("examples", g.batch, AxisKind::example),
                 row = place("rows", g.output.height, AxisKind::row),
                 column = place("columns", g.output.width, AxisKind::column);
    const AxisId output =
        contract.add({"outputs", out, AxisKind::output, Cut::freely, sides.outputs});
    const AxisId input = contract.add({"inputs", in, AxisKind::input, Cut::freely, sides.inputs});
    const AxisId tap_row = tap("tap rows", 0), tap_column = tap("tap columns", 1);
    const Window& w = g.window;
    x = {"x",
         {contract.along(batch), contract.in_groups(group, input),
          Contract::windows(row, tap_row, w.stride[0], w.padding_begin[0], g.input.height),
          Contract::windows(column, tap_column, w.stride[1], w.padding_begin[1], g.input.width)}};
    weights = {"weights",
               {contract.in_groups(group, output), contract.along(input), contract.along(tap_row),
                contract.along(tap_column)}};
    bias = {"bias", {contract.in_groups(group, output)}};
    bias.optional = bias.once = true;
    y = {"y",
         {contract.along(batch), contract.in_groups(group, output), contract.along(row),
          contract.along(column)}};
  }
};

/// How many groups a part covers. `weights` names output channels, and inputs within their group.
std::int64_t groups_of(const ConvGeometry& g, const Box& x, const Box& weights, const Box& y) {
  const std::int64_t in = g.input.channels / g.groups, out = g.output.channels / g.groups;
  const Range outputs = weights[0], inputs = weights[1];
  require(outputs == y[1], "output channels of weights and maps differ");
  require(weights[2] == all_of(g.window.kernel[0]) && weights[3] == all_of(g.window.kernel[1]),
          "a kernel's taps are cut");
  const std::int64_t first = outputs.begin / out, last = (outputs.end - 1) / out;
  const bool one = first == last;
  require(one || (outputs.begin % out == 0 && outputs.end % out == 0 && inputs == all_of(in)),
          "it covers parts of several groups");
  const Range expected = {first * in + inputs.begin, last * in + inputs.end};
  require(x[1] == expected, "input channels of weights and maps differ");
  return last - first + 1;
}

ConvGeometry part_of(const ConvGeometry& g, const Box& x, const Box& weights, const Box& y) {
  require(x[0] == y[0], "examples of inputs and outputs differ");
  return {x[0].size(), image(x), image(y), window_of(g.input, g.output, g.window, x, y),
          groups_of(g, x, weights, y)};
}

}  // namespace

Contract ConvForward::contract() const {
  ConvMaps maps(shape, {Side::m, Side::n, Side::k});
  maps.contract.keep(maps.weights, AxisKind::input);
  maps.contract.inputs = {maps.x, maps.weights, maps.bias};
  maps.contract.outputs = {maps.y.summed("y")};
  maps.contract.cut_at = {{true, 0}};
  return maps.contract;
}
ConvForward ConvForward::on_boxes(Boxes in, Boxes out, bool adds) const {
  if (in.size() > 2) require_bias(in[2], out[0][1]);
  return {part_of(shape, in[0], in[1], out[0]), adds};
}
void ConvForward::run(Execution& execution, Inputs in, Outputs out) const {
  execution.state<Convolutions>().run(*this, in, out);
}

Contract ConvInputGradient::contract() const {
  ConvMaps maps(shape, {Side::m, Side::k, Side::n});
  maps.contract.keep(maps.weights, AxisKind::output);
  maps.contract.inputs = {maps.y.named("dy"), maps.weights};
  maps.contract.outputs = {maps.x.summed("dx")};
  maps.contract.cut_at = {{true, 0}};
  maps.contract.zero_with = 0;
  return maps.contract;
}
ConvInputGradient ConvInputGradient::on_boxes(Boxes in, Boxes out, bool adds) const {
  return {part_of(shape, out[0], in[1], in[0]), adds};
}
void ConvInputGradient::run(Execution& execution, Inputs in, Outputs out) const {
  execution.state<Convolutions>().run(*this, in, out);
}

Contract ConvWeightGradient::contract() const {
  ConvMaps maps(shape, {Side::k, Side::m, Side::n});
  maps.contract.keep(maps.weights, AxisKind::output);
  maps.contract.keep(maps.bias, AxisKind::output);
  maps.contract.inputs = {maps.y.named("dy"), maps.x};
  maps.contract.outputs = {maps.weights.summed("dweights"), maps.bias.summed("dbias")};
  maps.contract.cut_at = {{false, 0}, {false, 1}};
  maps.contract.zero_with = 0;
  return maps.contract;
}
ConvWeightGradient ConvWeightGradient::on_boxes(Boxes in, Boxes out, bool adds) const {
  ConvWeightGradient part{part_of(shape, in[1], out[0], in[0]), adds};
  if (out.size() < 2) return part;
  require_bias(out[1], out[0][0]);
  for (int axis = 0; axis < 2; ++axis) {
    part.bias_begin[axis] = bias_begin[axis] + begun_earlier(axis, shape.window, in[1], in[0]);
  }
  return part;
}
void ConvWeightGradient::run(Execution& execution, Inputs in, Outputs out) const {
  execution.state<Convolutions>().run(*this, in, out);
}

}  // namespace spillway::workloads
