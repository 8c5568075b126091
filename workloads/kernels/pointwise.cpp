#include "workloads/kernels/pointwise.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "workloads/kernels/alike.hpp"
#include "workloads/kernels/execution.hpp"

namespace spillway::workloads {

namespace {

/// Kernels that work in place, given another place to put their result: start from a copy.
void bring(Layouts& layouts, const std::byte* from, std::byte* to, std::size_t size) {
  if (from != to) std::memcpy(layouts.write(to, size), layouts.read(from, size), size);
}

/// y -> y, in place, element by element; NaN stays NaN. (oneDNN's ReLU turns it into 0, and poison
/// would pass for a value.)
template <class Value>
void rectify(Execution& execution, std::int64_t elements, Inputs in, Outputs out, Value value) {
  Layouts& layouts = execution.layouts();
  bring(layouts, in[0], out[0], float_bytes(elements));
  const Layouts::Flat y = layouts.change_flat(out[0], float_bytes(elements));
  float* values = y.values;
  const auto count = static_cast<std::int64_t>(y.count);
#pragma omp parallel for simd if (count >= parallel_elements)
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = std::isnan(values[i]) ? values[i] : value(values[i]);
  }
}

/// dy, y -> dy, in place: 0 where y lets no error through; NaN of y is handed on.
template <class Passes>
void mask_errors(Execution& execution, std::int64_t elements, Inputs in, Outputs out,
                 Passes passes) {
  Layouts& layouts = execution.layouts();
  bring(layouts, in[0], out[0], float_bytes(elements));
  const auto [errors, y] = layouts.change_flat(out[0], in[1], float_bytes(elements));
  float* dy = errors.values;
  const float* values = y;
  const auto count = static_cast<std::int64_t>(errors.count);
#pragma omp parallel for simd if (count >= parallel_elements)
  for (std::int64_t i = 0; i < count; ++i) {
    const float masked = passes(values[i]) ? dy[i] : 0.0f;
    dy[i] = std::isnan(values[i]) ? values[i] : masked;
  }
}

Contract rectifier_contract(std::int64_t elements) {
  Alike all(elements);
  all.contract.inputs = {{"y", all.map}};
  all.contract.outputs = {{"y", all.map}};
  return all.contract;
}

Contract mask_contract(std::int64_t elements) {
  Alike all(elements);
  all.contract.inputs = {{"dy", all.map}, {"y", all.map}};
  all.contract.outputs = {{"dy", all.map}};
  all.contract.zero_with = 0;
  return all.contract;
}

}  // namespace

Contract Relu::contract() const { return rectifier_contract(elements); }
Relu Relu::on_boxes(Boxes in, Boxes out, bool) const { return {same_elements(in, out)}; }
void Relu::run(Execution& execution, Inputs in, Outputs out) const {
  rectify(execution, elements, in, out, [](float y) { return y > 0 ? y : 0.0f; });
}

Contract ReluError::contract() const { return mask_contract(elements); }
ReluError ReluError::on_boxes(Boxes in, Boxes out, bool) const { return {same_elements(in, out)}; }
void ReluError::run(Execution& execution, Inputs in, Outputs out) const {
  mask_errors(execution, elements, in, out, [](float y) { return y > 0; });
}

Contract Relu6::contract() const { return rectifier_contract(elements); }
Relu6 Relu6::on_boxes(Boxes in, Boxes out, bool) const { return {same_elements(in, out)}; }
void Relu6::run(Execution& execution, Inputs in, Outputs out) const {
  rectify(execution, elements, in, out, [](float y) { return std::clamp(y, 0.0f, 6.0f); });
}

Contract Relu6Error::contract() const { return mask_contract(elements); }
Relu6Error Relu6Error::on_boxes(Boxes in, Boxes out, bool) const {
  return {same_elements(in, out)};
}
void Relu6Error::run(Execution& execution, Inputs in, Outputs out) const {
  mask_errors(execution, elements, in, out, [](float y) { return y > 0 && y < 6; });
}

Contract Dropout::contract() const {
  Alike all(elements);
  all.contract.inputs = {{"y", all.map}, {"mask", all.map, Bytes(1)}};
  all.contract.outputs = {{"y", all.map}};
  all.contract.zero_with = 0;
  return all.contract;
}
Dropout Dropout::on_boxes(Boxes in, Boxes out, bool) const {
  return {same_elements(in, out), scale};
}

void Dropout::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const float* y = floats(layouts.read(in[0], float_bytes(elements)));
  const auto* mask = reinterpret_cast<const std::uint8_t*>(
      layouts.read(in[1], static_cast<std::size_t>(elements)));
  float* result = floats(layouts.write(out[0], float_bytes(elements)));
  const float factors[] = {0, scale, std::numeric_limits<float>::quiet_NaN()};
#pragma omp parallel for simd if (elements >= parallel_elements)
  for (std::int64_t i = 0; i < elements; ++i) result[i] = y[i] * factors[mask[i] > 1 ? 2 : mask[i]];
}

Contract AdvanceSeed::contract() const {
  Alike all(1);
  all.contract.inputs = {{"seed", all.map}};
  all.contract.outputs = {{"seed", all.map}};
  all.contract.repeatable = false;
  return all.contract;
}
AdvanceSeed AdvanceSeed::on_boxes(Boxes, Boxes, bool) const { return *this; }

void AdvanceSeed::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  bring(layouts, in[0], out[0], sizeof(std::uint32_t));
  // A linear congruential generator modulo 2^32 with full period (Hull and Dobell).
  std::byte* seed = layouts.change(out[0], sizeof(std::uint32_t));
  std::uint32_t value = 0;
  std::memcpy(&value, seed, sizeof value);
  value = value * 1664525u + 1013904223u;
  std::memcpy(seed, &value, sizeof value);
}

}  // namespace spillway::workloads
