// What optimizers do to a parameter with its gradient, by the definitions of torch.optim.
#pragma once

#include "workloads/kernels/kernel.hpp"

namespace spillway::workloads {

/// SGD: p, g -> p in place, p -= rate g. With momentum (Nesterov): p, g, v -> p, v in place,
/// v = momentum v + g, p -= rate (g + momentum v). With weight decay g + weight_decay p stands in
/// the place of g.
struct Update {
  static constexpr std::string_view name = "update";
  std::int64_t elements;
  double rate;
  float momentum;
  float weight_decay = 0;

  Contract contract() const;
  Update on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  Update in_step(const StepControl& step) const;
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// Adam (Kingma and Ba, 2015): p, g, m, v -> p, m, v in place. In step t, counted from 1,
/// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g²,
/// p -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon).
/// Weight decay: g + weight_decay p stands in the place of g or, when it is decoupled (AdamW,
/// Loshchilov and Hutter, 2019), p is multiplied by 1 - rate weight_decay before.
struct AdamUpdate {
  static constexpr std::string_view name = "Adam update";
  std::int64_t elements;
  double rate;
  double beta1, beta2, epsilon;
  double weight_decay = 0;
  bool decoupled = false;
  std::int64_t step = 1;  ///< t

  Contract contract() const;
  AdamUpdate on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  AdamUpdate in_step(const StepControl& step) const;
  void run(Execution& execution, Inputs in, Outputs out) const;
};

}  // namespace spillway::workloads
