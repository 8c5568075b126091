#include "workloads/kernels/pointwise.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "workloads/kernels/boxes.hpp"
#include "workloads/kernels/execution.hpp"

namespace spillway::workloads {

namespace {

/// All operands have one shape, and are indexed alike along all of its dimensions.
struct Alike {
  Contract contract;
  AccessMap map;

  explicit Alike(std::int64_t elements) {
    Axis all{"elements", elements};
    all.flat = true;
    all.rest = Cut::freely;
    map = {contract.along(contract.add(all))};
    contract.elementwise = static_cast<std::uint64_t>(elements);
  }
};

std::int64_t same_elements(Boxes in, Boxes out) {
  for (const Box& box : in) require_same(box, out[0]);
  for (const Box& box : out) require_same(box, out[0]);
  return elements(out[0]);
}

std::size_t bytes(std::int64_t elements) {
  return static_cast<std::size_t>(elements) * sizeof(float);
}

/// Kernels that work in place, given another place to put their result: start from a copy.
void bring(Layouts& layouts, const std::byte* from, std::byte* to, std::size_t size) {
  if (from != to) std::memcpy(layouts.write(to, size), layouts.read(from, size), size);
}

}  // namespace

// oneDNN's ReLU turns NaN into 0, and poison would pass for a value; hence plain loops.
Contract Relu::contract() const {
  Alike all(elements);
  all.contract.inputs = {{"y", all.map}};
  all.contract.outputs = {{"y", all.map}};
  return all.contract;
}
Relu Relu::on_boxes(Boxes in, Boxes out, bool) const { return {same_elements(in, out)}; }

void Relu::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  bring(layouts, in[0], out[0], bytes(elements));
  const Layouts::Flat y = layouts.change_flat(out[0], bytes(elements));
  float* values = y.values;
  const auto count = static_cast<std::int64_t>(y.count);
#pragma omp parallel for simd if (count >= parallel_elements)
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = values[i] > 0 || std::isnan(values[i]) ? values[i] : 0.0f;
  }
}

Contract ReluError::contract() const {
  Alike all(elements);
  all.contract.inputs = {{"dy", all.map}, {"y", all.map}};
  all.contract.outputs = {{"dy", all.map}};
  all.contract.zero_with = 0;
  return all.contract;
}
ReluError ReluError::on_boxes(Boxes in, Boxes out, bool) const { return {same_elements(in, out)}; }

void ReluError::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  bring(layouts, in[0], out[0], bytes(elements));
  const auto [errors, y] = layouts.change_flat(out[0], in[1], bytes(elements));
  float* dy = errors.values;
  const float* values = y;
  const auto count = static_cast<std::int64_t>(errors.count);
#pragma omp parallel for simd if (count >= parallel_elements)
  for (std::int64_t i = 0; i < count; ++i) {
    const float masked = values[i] > 0 ? dy[i] : 0.0f;
    dy[i] = std::isnan(values[i]) ? values[i] : masked;
  }
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
  const float* y = floats(layouts.read(in[0], bytes(elements)));
  const auto* mask = reinterpret_cast<const std::uint8_t*>(
      layouts.read(in[1], static_cast<std::size_t>(elements)));
  float* result = floats(layouts.write(out[0], bytes(elements)));
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

Contract Update::contract() const {
  Alike all(elements);
  all.contract.inputs = {{"parameters", all.map}, {"gradient", all.map}};
  all.contract.outputs = {{"parameters", all.map}};
  if (momentum != 0) {
    all.contract.inputs.push_back({"momentum", all.map});
    all.contract.outputs.push_back({"momentum", all.map});
  }
  all.contract.repeatable = false;
  all.contract.by_rows = true;
  return all.contract;
}
Update Update::on_boxes(Boxes in, Boxes out, bool) const {
  return {same_elements(in, out), rate, momentum};
}

void Update::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const float* g = floats(layouts.read(in[1], bytes(elements)));
  float* p = floats(layouts.change(out[0], bytes(elements)));
  const auto by = static_cast<float>(rate);
  const float share = momentum;
  if (momentum == 0) {
#pragma omp parallel for simd if (elements >= parallel_elements)
    for (std::int64_t i = 0; i < elements; ++i) p[i] -= by * g[i];
    return;
  }
  float* v = floats(layouts.change(out[1], bytes(elements)));
#pragma omp parallel for simd if (elements >= parallel_elements)
  for (std::int64_t i = 0; i < elements; ++i) {
    v[i] = share * v[i] + g[i];
    p[i] -= by * (g[i] + share * v[i]);
  }
}

}  // namespace spillway::workloads
