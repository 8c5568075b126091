// The learning rules: what a training step computes. A rule is a function from a network to a Step;
// adding one takes a file beside this one and a line in registry.cpp.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "workloads/network.hpp"
#include "workloads/step.hpp"

namespace spillway::workloads {

/// SGD with a learning rate, and Nesterov momentum when `momentum` is above 0.
struct Optimizer {
  double rate = 0.1;
  double momentum = 0.9;
};

struct StepOptions {
  std::int64_t batch = 100;
  Optimizer optimizer;
};

struct LearningRule {
  std::string name;         ///< as written in an experiment
  std::string description;  ///< one line
  /// One mini-batch of training.
  std::function<Step(const Network&, const StepOptions&)> training_step;
  /// The forward pass with a decision per layer that gives one, for measuring accuracy.
  std::function<Step(const Network&, std::int64_t batch)> inference_step;
};

const std::vector<LearningRule>& learning_rules();
std::vector<std::string> learning_rule_names();
/// Throws InputError for a name that is none.
const LearningRule& learning_rule(const std::string& name);

/// Throws InputError when the network asks for what no kernel offers yet (batch-norm, dropout).
void require_supported(const Network& network);

Step bp_training_step(const Network& network, const StepOptions& options);
Step bp_inference_step(const Network& network, std::int64_t batch);
Step lel_training_step(const Network& network, const StepOptions& options);
Step lel_inference_step(const Network& network, std::int64_t batch);

}  // namespace spillway::workloads
