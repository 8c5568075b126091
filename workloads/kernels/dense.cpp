// Dense products, on plain row-major operands.
#include <cstring>

#include "workloads/kernels/operations.hpp"
#include "workloads/support/error.hpp"

namespace spillway::workloads {

namespace {

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
void run(Layouts& layouts, const FcForward& k, Inputs in, Outputs out) {
  const auto [batch, inputs, outputs] = k.shape;
  const DenseBytes size(k.shape);
  const float* x = floats(layouts.read(in[0], size.x));
  const float* weights = floats(layouts.read(in[1], size.weights));
  const bool bias = in.size() > 2;
  const float* biases = bias ? floats(layouts.read(in[2], size.bias)) : nullptr;
  float* y = result(layouts, out[0], size.y, k.accumulate);
  for (std::int64_t b = 0; bias && b < batch; ++b) {
    if (!k.accumulate) {
      std::memcpy(y + b * outputs, biases, size.bias);
      continue;
    }
    for (std::int64_t o = 0; o < outputs; ++o) y[b * outputs + o] += biases[o];
  }
  multiply(batch, outputs, inputs, {x, inputs}, {weights, inputs, true}, y,
           keep(bias || k.accumulate));
}

void run(Layouts& layouts, const FcInputGradient& k, Inputs in, Outputs out) {
  const auto [batch, inputs, outputs] = k.shape;
  const DenseBytes size(k.shape);
  const float* dy = floats(layouts.read(in[0], size.y));
  const float* weights = floats(layouts.read(in[1], size.weights));
  multiply(batch, inputs, outputs, {dy, outputs}, {weights, inputs},
           result(layouts, out[0], size.x, k.accumulate), keep(k.accumulate));
}

void run(Layouts& layouts, const FcWeightGradient& k, Inputs in, Outputs out) {
  const auto [batch, inputs, outputs] = k.shape;
  const DenseBytes size(k.shape);
  const float* dy = floats(layouts.read(in[0], size.y));
  const float* x = floats(layouts.read(in[1], size.x));
  multiply(outputs, inputs, batch, {dy, outputs, true}, {x, inputs},
           result(layouts, out[0], size.weights, k.accumulate), keep(k.accumulate));
  if (out.size() < 2) return;
  float* dbias = result(layouts, out[1], size.bias, k.accumulate);
  if (!k.accumulate) std::memcpy(dbias, dy, size.bias);
  for (std::int64_t b = k.accumulate ? 0 : 1; b < batch; ++b) {
    for (std::int64_t o = 0; o < outputs; ++o) dbias[o] += dy[b * outputs + o];
  }
}

// M is [features, classes]: scores = y M, back dy = dscores K^T, and dM = y^T dscores.
void run(Layouts& layouts, const ClassifierForward& k, Inputs in, Outputs out) {
  const auto [batch, features, classes] = k.shape;
  const DenseBytes size(k.shape);
  const float* y = floats(layouts.read(in[0], size.x));
  const float* matrix = floats(layouts.read(in[1], size.weights));
  multiply(batch, classes, features, {y, features}, {matrix, classes},
           result(layouts, out[0], size.y, k.accumulate), keep(k.accumulate));
}

void run(Layouts& layouts, const ClassifierError& k, Inputs in, Outputs out) {
  const auto [batch, features, classes] = k.shape;
  const DenseBytes size(k.shape);
  const float* errors = floats(layouts.read(in[0], size.y));
  const float* matrix = floats(layouts.read(in[1], size.weights));
  multiply(batch, features, classes, {errors, classes}, {matrix, classes, true},
           result(layouts, out[0], size.x, k.accumulate), keep(k.accumulate));
}

void run(Layouts& layouts, const ClassifierWeightGradient& k, Inputs in, Outputs out) {
  const auto [batch, features, classes] = k.shape;
  const DenseBytes size(k.shape);
  const float* errors = floats(layouts.read(in[0], size.y));
  const float* y = floats(layouts.read(in[1], size.x));
  multiply(features, classes, batch, {y, features, true}, {errors, classes},
           result(layouts, out[0], size.weights, k.accumulate), keep(k.accumulate));
}

}  // namespace spillway::workloads
