#include "workloads/kernels/optimizer_update.hpp"

#include <cmath>
#include <initializer_list>

#include "workloads/kernels/alike.hpp"
#include "workloads/kernels/execution.hpp"

namespace spillway::workloads {

namespace {

/// Parameters, their gradient, and what the optimizer keeps for each of them.
Contract update_contract(std::int64_t elements, std::initializer_list<std::string_view> states) {
  Alike all(elements);
  all.contract.inputs = {{"parameters", all.map}, {"gradient", all.map}};
  all.contract.outputs = {{"parameters", all.map}};
  for (const std::string_view state : states) {
    all.contract.inputs.push_back({state, all.map});
    all.contract.outputs.push_back({state, all.map});
  }
  all.contract.repeatable = false;
  all.contract.by_rows = true;
  return all.contract;
}

}  // namespace

Contract Update::contract() const {
  return momentum != 0 ? update_contract(elements, {"momentum"}) : update_contract(elements, {});
}

Update Update::on_boxes(Boxes in, Boxes out, bool) const {
  Update part = *this;
  part.elements = same_elements(in, out);
  return part;
}

Update Update::in_step(const StepControl& step) const {
  Update scaled = *this;
  scaled.rate *= step.rate_scale;
  return scaled;
}

void Update::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const float* g = floats(layouts.read(in[1], float_bytes(elements)));
  float* p = floats(layouts.change(out[0], float_bytes(elements)));
  float* v = momentum != 0 ? floats(layouts.change(out[1], float_bytes(elements))) : nullptr;
  const auto by = static_cast<float>(rate);
  const float share = momentum, decay = weight_decay;
  const auto follow = [&](auto&& gradient) {
    if (v == nullptr) {
#pragma omp parallel for simd if (elements >= parallel_elements)
      for (std::int64_t i = 0; i < elements; ++i) p[i] -= by * gradient(i);
      return;
    }
#pragma omp parallel for simd if (elements >= parallel_elements)
    for (std::int64_t i = 0; i < elements; ++i) {
      const float slope = gradient(i);
      v[i] = share * v[i] + slope;
      p[i] -= by * (slope + share * v[i]);
    }
  };
  if (decay == 0) {
    follow([g](std::int64_t i) { return g[i]; });
  } else {
    follow([g, p, decay](std::int64_t i) { return g[i] + decay * p[i]; });
  }
}

Contract AdamUpdate::contract() const {
  return update_contract(elements, {"first moment", "second moment"});
}

AdamUpdate AdamUpdate::on_boxes(Boxes in, Boxes out, bool) const {
  AdamUpdate part = *this;
  part.elements = same_elements(in, out);
  return part;
}

AdamUpdate AdamUpdate::in_step(const StepControl& control) const {
  AdamUpdate now = *this;
  now.rate *= control.rate_scale;
  now.step = control.number;
  return now;
}

void AdamUpdate::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const float* g = floats(layouts.read(in[1], float_bytes(elements)));
  float* p = floats(layouts.change(out[0], float_bytes(elements)));
  float* m = floats(layouts.change(out[1], float_bytes(elements)));
  float* v = floats(layouts.change(out[2], float_bytes(elements)));
  const auto t = static_cast<double>(step);
  const auto by = static_cast<float>(rate / (1 - std::pow(beta1, t)));
  const auto root = static_cast<float>(std::sqrt(1 - std::pow(beta2, t)));
  const auto keep1 = static_cast<float>(beta1), take1 = static_cast<float>(1 - beta1);
  const auto keep2 = static_cast<float>(beta2), take2 = static_cast<float>(1 - beta2);
  const auto least = static_cast<float>(epsilon);
  const auto decay = static_cast<float>(decoupled ? 0 : weight_decay);
  const auto shrink = static_cast<float>(decoupled ? 1 - rate * weight_decay : 1);
#pragma omp parallel for simd if (elements >= parallel_elements)
  for (std::int64_t i = 0; i < elements; ++i) {
    const float before = shrink * p[i];
    const float slope = g[i] + decay * before;
    m[i] = keep1 * m[i] + take1 * slope;
    v[i] = keep2 * v[i] + take2 * slope * slope;
    p[i] = before - by * (m[i] / (std::sqrt(v[i]) / root + least));
  }
}

}  // namespace spillway::workloads
