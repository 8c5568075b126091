#include "workloads/kernels/dense.hpp"

#include <algorithm>
#include <cstring>

#include "workloads/kernels/boxes.hpp"
#include "workloads/kernels/execution.hpp"

namespace spillway::workloads {

namespace {

/// The sides of the product in GEMM form.
struct DenseSides {
  Side batch, outputs, inputs;
};
constexpr DenseSides forward_sides{Side::m, Side::n, Side::k},
    back_sides{Side::m, Side::k, Side::n};

/// What the products have in common. An fc layer's inputs are what its loops call inputs; a
/// classifier's features are that forward, and outputs on the way back.
struct DenseMaps {
  Contract contract;
  Operand x, y, weights, matrix, bias;  // weights are [out, in], matrices [in, out]

  /// `rest`: how rows and columns of inputs that are maps may be cut.
  DenseMaps(const DenseGeometry& g, const DenseSides& sides, AxisKind input_kind, Cut rest) {
    const AxisKind output_kind = input_kind == AxisKind::input ? AxisKind::output : AxisKind::input;
    const AxisId batch =
        contract.add({"examples", g.batch, AxisKind::example, Cut::freely, sides.batch});
    const AxisId input =
        contract.add({"inputs", g.inputs, input_kind, Cut::freely, sides.inputs, true, rest});
    const AxisId output =
        contract.add({"outputs", g.outputs, output_kind, Cut::freely, sides.outputs});
    x = {"x", {contract.along(batch), contract.along(input)}};
    y = {"y", {contract.along(batch), contract.along(output)}};
    weights = {"weights", {contract.along(output), contract.along(input)}};
    matrix = {"matrix", {contract.along(input), contract.along(output)}};
    bias = {"bias", {contract.along(output)}};
    bias.optional = bias.once = true;
  }
};

/// Examples x features, and features x outputs in a matrix that has its features as the examples
/// have them ([channels, rows, columns]) or flat, from dimension `first` on.
DenseGeometry part_of(const Box& x, const Box& matrix, std::size_t first, const Range& outputs,
                      const Box& y) {
  require(x[0] == y[0], "examples of inputs and outputs differ");
  constexpr std::ptrdiff_t feature_dimensions = 3;
  const Range& flat = matrix[first];
  const bool alike = std::equal(x.begin() + 1, x.begin() + 1 + feature_dimensions,
                                matrix.begin() + static_cast<std::ptrdiff_t>(first));
  require(
      alike || (values(x) == flat.size() && x[1].begin * x[2].size() * x[3].size() == flat.begin),
      "inputs of matrix and examples differ");
  require(y[1] == outputs, "outputs of matrix and examples differ");
  return {x[0].size(), values(x), outputs.size()};
}
/// fc weights are [out, in …].
DenseGeometry fc_part(const Box& x, const Box& weights, const Box& y) {
  return part_of(x, weights, 1, weights[0], y);
}
/// Classifier matrices are [features …, classes]; flat features have the second dimension for the
/// classes.
DenseGeometry classifier_part(const Box& x, const Box& matrix, const Box& y) {
  const bool flat =
      matrix[2] == Range{} && matrix[3] == Range{} && !(matrix[1] != y[1] && matrix[3] == y[1]);
  return part_of(x, matrix, 0, flat ? matrix[1] : matrix[3], y);
}

/// A matrix operand as it is stored, row-major.
struct Matrix {
  const float* values;
  std::int64_t columns;
  bool transposed = false;
};

/// C = op(A) op(B) + beta C, C of m rows and n columns.
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix& a, const Matrix& b,
              float* c, float beta = 0) {
  const dnnl::status status =
      dnnl::sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, 1.0f, a.values,
                  a.columns, b.values, b.columns, beta, c, n);
  if (status != dnnl::status::success) throw Error("oneDNN refused a matrix product");
}

/// Plain operands of a dense kernel: batch x inputs, inputs x outputs (either way), batch x
/// outputs.
struct DenseBytes {
  std::size_t x, weights, bias, y;
  explicit DenseBytes(const DenseGeometry& g)
      : x(bytes(g.batch * g.inputs)),
        weights(bytes(g.inputs * g.outputs)),
        bias(bytes(g.outputs)),
        y(bytes(g.batch * g.outputs)) {}
  static std::size_t bytes(std::int64_t count) {
    return static_cast<std::size_t>(count) * sizeof(float);
  }
};

/// Room for a result, or what stands there already.
float* result(Layouts& layouts, std::byte* address, std::size_t size, bool accumulate) {
  return floats(accumulate ? layouts.change(address, size) : layouts.write(address, size));
}

/// The factor of what stands in a result.
float keep(bool before) { return before ? 1.0f : 0.0f; }

}  // namespace

// fc weights are [out, in]: y = x W^T.
Contract FcForward::contract() const {
  DenseMaps maps(shape, forward_sides, AxisKind::input, Cut::freely);
  maps.contract.keep(maps.weights, AxisKind::input);
  maps.contract.inputs = {maps.x, maps.weights, maps.bias};
  maps.contract.outputs = {maps.y.summed("y")};
  return maps.contract;
}
FcForward FcForward::on_boxes(Boxes in, Boxes out, bool adds) const {
  if (in.size() > 2) require_bias(in[2], out[0][1]);
  return {fc_part(in[0], in[1], out[0]), adds};
}

void FcForward::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const auto [batch, inputs, outputs] = shape;
  const DenseBytes size(shape);
  const float* x = floats(layouts.read(in[0], size.x));
  const float* weights = floats(layouts.read(in[1], size.weights));
  const bool bias = in.size() > 2;
  const float* biases = bias ? floats(layouts.read(in[2], size.bias)) : nullptr;
  float* y = result(layouts, out[0], size.y, accumulate);
  for (std::int64_t b = 0; bias && b < batch; ++b) {
    if (!accumulate) {
      std::memcpy(y + b * outputs, biases, size.bias);
      continue;
    }
    for (std::int64_t o = 0; o < outputs; ++o) y[b * outputs + o] += biases[o];
  }
  multiply(batch, outputs, inputs, {x, inputs}, {weights, inputs, true}, y,
           keep(bias || accumulate));
}

Contract FcInputGradient::contract() const {
  DenseMaps maps(shape, back_sides, AxisKind::input, Cut::with_others);
  maps.contract.keep(maps.weights, AxisKind::output);
  maps.contract.inputs = {maps.y.named("dy"), maps.weights};
  maps.contract.outputs = {maps.x.summed("dx")};
  return maps.contract;
}
FcInputGradient FcInputGradient::on_boxes(Boxes in, Boxes out, bool adds) const {
  return {fc_part(out[0], in[1], in[0]), adds};
}

void FcInputGradient::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const auto [batch, inputs, outputs] = shape;
  const DenseBytes size(shape);
  const float* dy = floats(layouts.read(in[0], size.y));
  const float* weights = floats(layouts.read(in[1], size.weights));
  multiply(batch, inputs, outputs, {dy, outputs}, {weights, inputs},
           result(layouts, out[0], size.x, accumulate), keep(accumulate));
}

Contract FcWeightGradient::contract() const {
  DenseMaps maps(shape, {Side::k, Side::m, Side::n}, AxisKind::input, Cut::with_others);
  maps.contract.keep(maps.weights, AxisKind::output);
  maps.contract.keep(maps.bias, AxisKind::output);
  maps.contract.inputs = {maps.y.named("dy"), maps.x};
  maps.contract.outputs = {maps.weights.summed("dweights"), maps.bias.summed("dbias")};
  return maps.contract;
}
FcWeightGradient FcWeightGradient::on_boxes(Boxes in, Boxes out, bool adds) const {
  if (out.size() > 1) require_bias(out[1], out[0][0]);
  return {fc_part(in[1], out[0], in[0]), adds};
}

void FcWeightGradient::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const auto [batch, inputs, outputs] = shape;
  const DenseBytes size(shape);
  const float* dy = floats(layouts.read(in[0], size.y));
  const float* x = floats(layouts.read(in[1], size.x));
  multiply(outputs, inputs, batch, {dy, outputs, true}, {x, inputs},
           result(layouts, out[0], size.weights, accumulate), keep(accumulate));
  if (out.size() < 2) return;
  float* dbias = result(layouts, out[1], size.bias, accumulate);
  if (!accumulate) std::memcpy(dbias, dy, size.bias);
  for (std::int64_t b = accumulate ? 0 : 1; b < batch; ++b) {
    for (std::int64_t o = 0; o < outputs; ++o) dbias[o] += dy[b * outputs + o];
  }
}

Contract ClassifierForward::contract() const {
  DenseMaps maps(shape, forward_sides, AxisKind::input, Cut::with_others);
  maps.contract.inputs = {maps.x, maps.matrix};
  maps.contract.outputs = {maps.y.summed("scores")};
  return maps.contract;
}
ClassifierForward ClassifierForward::on_boxes(Boxes in, Boxes out, bool adds) const {
  return {classifier_part(in[0], in[1], out[0]), adds};
}

// M is [features, classes]: scores = y M, back dy = dscores K^T, and dM = y^T dscores.
void ClassifierForward::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const auto [batch, features, classes] = shape;
  const DenseBytes size(shape);
  const float* y = floats(layouts.read(in[0], size.x));
  const float* matrix = floats(layouts.read(in[1], size.weights));
  multiply(batch, classes, features, {y, features}, {matrix, classes},
           result(layouts, out[0], size.y, accumulate), keep(accumulate));
}

Contract ClassifierError::contract() const {
  DenseMaps maps(shape, back_sides, AxisKind::output, Cut::with_others);
  maps.contract.inputs = {maps.y.named("dscores"), maps.matrix};
  maps.contract.outputs = {maps.x.summed("dy")};
  return maps.contract;
}
ClassifierError ClassifierError::on_boxes(Boxes in, Boxes out, bool adds) const {
  return {classifier_part(out[0], in[1], in[0]), adds};
}

void ClassifierError::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const auto [batch, features, classes] = shape;
  const DenseBytes size(shape);
  const float* errors = floats(layouts.read(in[0], size.y));
  const float* matrix = floats(layouts.read(in[1], size.weights));
  multiply(batch, features, classes, {errors, classes}, {matrix, classes, true},
           result(layouts, out[0], size.x, accumulate), keep(accumulate));
}

Contract ClassifierWeightGradient::contract() const {
  DenseMaps maps(shape, {Side::k, Side::n, Side::m}, AxisKind::output, Cut::with_others);
  maps.contract.inputs = {maps.y.named("dscores"), maps.x.named("y")};
  maps.contract.outputs = {maps.matrix.summed("dmatrix")};
  return maps.contract;
}
ClassifierWeightGradient ClassifierWeightGradient::on_boxes(Boxes in, Boxes out, bool adds) const {
  return {classifier_part(in[1], out[0], in[0]), adds};
}

void ClassifierWeightGradient::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const auto [batch, features, classes] = shape;
  const DenseBytes size(shape);
  const float* errors = floats(layouts.read(in[0], size.y));
  const float* y = floats(layouts.read(in[1], size.x));
  multiply(features, classes, batch, {y, features, true}, {errors, classes},
           result(layouts, out[0], size.weights, accumulate), keep(accumulate));
}

}  // namespace spillway::workloads
