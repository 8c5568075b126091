// Optimizers: what a parameter learns from its gradient, and what is kept for it from step to step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/kernels/kernel.hpp"
#include "workloads/support/names.hpp"

namespace spillway::workloads {

enum class OptimizerKind {
  sgd,   ///< with Nesterov momentum when `momentum` is above 0
  adam,  ///< weight decay is part of the gradient
  adamw  ///< Adam whose weight decay is apart from the gradient
};
/// As experiments name them.
inline constexpr Names<OptimizerKind, 3> optimizer_kind_names{{
    {OptimizerKind::sgd, "sgd"},
    {OptimizerKind::adam, "adam"},
    {OptimizerKind::adamw, "adamw"},
}};
std::string to_string(OptimizerKind kind);

/// With the settings of all kinds; each reads its own. Their definitions are those of torch.optim
/// (workloads/kernels/optimizer_update.hpp), and so are all defaults but SGD's.
struct Optimizer {
  double rate = 0.1;
  double momentum = 0.9;  ///< of `sgd`
  OptimizerKind kind = OptimizerKind::sgd;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  ///< of `adam` and `adamw`
  double weight_decay = 0;  ///< of all parameters that learn, biases and batch-norm included

  /// With the defaults of its kind.
  static Optimizer of(OptimizerKind kind);
  bool is_sgd() const { return kind == OptimizerKind::sgd; }
  /// What it keeps for each parameter, a tensor of the parameter's shape each: "momentum" …
  std::vector<std::string> states() const;
  /// Parameters, gradient, states -> parameters, states, at that learning rate.
  Kernel update(std::int64_t elements, double at_rate) const;
};

}  // namespace spillway::workloads
