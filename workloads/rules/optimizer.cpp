#include "workloads/rules/optimizer.hpp"

#include "workloads/kernels/optimizer_update.hpp"

namespace spillway::workloads {

std::string to_string(OptimizerKind kind) { return name_in(optimizer_kind_names, kind); }

Optimizer Optimizer::of(OptimizerKind kind) {
  Optimizer optimizer;
  optimizer.kind = kind;
  if (!optimizer.is_sgd()) optimizer.rate = 0.001;
  if (kind == OptimizerKind::adamw) optimizer.weight_decay = 0.01;
  return optimizer;
}

std::vector<std::string> Optimizer::states() const {
  if (!is_sgd()) return {"first_moment", "second_moment"};
  return momentum > 0 ? std::vector<std::string>{"momentum"} : std::vector<std::string>{};
}

Kernel Optimizer::update(std::int64_t elements, double at_rate) const {
  if (is_sgd()) {
    return Update{elements, at_rate, static_cast<float>(momentum),
                  static_cast<float>(weight_decay)};
  }
  return AdamUpdate{
      elements, at_rate, beta1, beta2, epsilon, weight_decay, kind == OptimizerKind::adamw};
}

}  // namespace spillway::workloads
