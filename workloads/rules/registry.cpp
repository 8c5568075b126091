#include <fmt/format.h>

#include "workloads/rules/rule.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::workloads {

const std::vector<LearningRule>& learning_rules() {
  static const std::vector<LearningRule> rules{
      {"bp", "backpropagation with a trained readout layer", bp_training_step, bp_inference_step},
      {"lel", "local errors from fixed random classifiers, symmetric feedback", lel_training_step,
       lel_inference_step},
  };
  return rules;
}

std::vector<std::string> learning_rule_names() {
  std::vector<std::string> names;
  for (const LearningRule& rule : learning_rules()) names.push_back(rule.name);
  return names;
}

const LearningRule& learning_rule(const std::string& name) {
  for (const LearningRule& rule : learning_rules()) {
    if (rule.name == name) return rule;
  }
  const std::vector<std::string> names = learning_rule_names();
  throw InputError(fmt::format("found \"{}\"; allowed: {}{}", printable(name), joined(names),
                               did_you_mean(name, names)));
}

void require_supported(const Network& network) {
  for (const Layer& layer : network.layers) {
    if (layer.batch_norm) {
      throw InputError(
          fmt::format("network {}, layer {}: batch_norm: true has no kernel yet; "
                      "allowed: false",
                      network.name, layer.name));
    }
    if (layer.dropout > 0) {
      throw InputError(
          fmt::format("network {}, layer {}: dropout: {} has no kernel yet; allowed: 0",
                      network.name, layer.name, layer.dropout));
    }
    if (layer.pool_window && layer.pool_window->kernel[0] * layer.pool_window->kernel[1] > 256) {
      throw InputError(fmt::format(
          "network {}, layer {}: a pooling window of {}x{}; allowed: up to "
          "256 words, so that a winner fits a byte",
          network.name, layer.name, layer.pool_window->kernel[0], layer.pool_window->kernel[1]));
    }
  }
}

}  // namespace spillway::workloads
