#include <fmt/format.h>

#include <algorithm>

#include "workloads/rules/rule.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::workloads {

namespace {

// Closed forms. With its own error each layer is done at once: weights are read and written in its
// stage, and activations never leave the chip. Two passes (forward, weight gradients), and C |A_i|
// MACs for the scores and as many for the error. Random classifiers and feedback come from the PRNG
// unit and cost no words.
constexpr ClosedForm local_form{{1, 0, 0}, {1, 0, 0}, 2, false, 2};
// A trained classifier is read and written in the stage of its layer, too, and has a gradient.
constexpr ClosedForm trained_local_form{{1, 0, 1}, {1, 0, 1}, 2, false, 3};
// Errors from the readout: weights are read in either pass, activations are kept for the gradients.
// Three passes, of which that of the errors ends at the second layer. With random weights on the
// way back, which cost no words, W_i is still read for its update.
constexpr ClosedForm readout_form{{2, 1, 0}, {1, 1, 0}, 3, true, 0};
// Straight from the readout an error costs C |A_i| MACs in the place of a layer's.
constexpr ClosedForm direct_form{{2, 1, 0}, {1, 1, 0}, 2, false, 1};

LearningRule local_rule(const std::string& description, const LocalRule& rule) {
  std::vector<std::string> options{"loss", "targets", "distribution", "random", "fix", "blocks"};
  if (rule.trained_classifier) options = {"loss", "targets", "fix", "blocks", "classifier_rate"};
  return {rule.name,
          description,
          true,
          options,
          rule.trained_classifier ? trained_local_form : local_form,
          [rule](const Network& network, const StepOptions& step) {
            return lel_training_step(network, step, rule);
          },
          [rule](const Network& network, const InferenceOptions& step) {
            return lel_inference_step(network, step, rule);
          }};
}

LearningRule readout_rule(const std::string& name, const std::string& description,
                          Backward backward) {
  std::vector<std::string> options{"loss", "targets"};
  if (backward != Backward::weights) {
    options = {"loss", "targets", "distribution", "random", "feedback_scale"};
  }
  if (backward == Backward::direct) options.emplace_back("blocks");
  return {name,
          description,
          false,
          options,
          backward == Backward::direct ? direct_form : readout_form,
          [backward](const Network& network, const StepOptions& step) {
            return backward_training_step(network, step, backward);
          },
          readout_inference_step};
}

}  // namespace

const std::vector<LearningRule>& learning_rules() {
  static const std::vector<LearningRule> rules{
      readout_rule("bp", "backpropagation with a trained readout layer", Backward::weights),
      readout_rule("fa", "feedback alignment: errors go back through fixed random weights",
                   Backward::random),
      readout_rule("dfa", "direct feedback alignment: the readout's error goes to each layer",
                   Backward::direct),
      local_rule("local errors from fixed random classifiers, symmetric feedback (SYM)", {"lel"}),
      local_rule("local errors, feedback of independent magnitudes and the right signs (SCFB)",
                 {"lel-scfb", Feedback::sign_concordant}),
      local_rule("local errors, independent feedback, which does not learn",
                 {"lel-independent", Feedback::independent}),
      local_rule("local errors from trained and stored classifiers (TLC)",
                 {"lel-tlc", Feedback::symmetric, true}),
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

std::vector<Block> blocks_of(const Network& network, const std::string& rule,
                             const RuleOptions& options) {
  const std::vector<std::string>& taken = learning_rule(rule).options;
  if (std::ranges::count(taken, "blocks") == 0) {
    return {{1, static_cast<int>(network.layers.size())}};
  }
  if (options.block_count) return joined_blocks(network, *options.block_count);
  if (!options.block_ends.empty()) return blocks_ending_at(network, options.block_ends);
  return natural_blocks(network);
}

void require_fitting_rule(const Network& network, const std::string& rule,
                          const RuleOptions& options) {
  const Layer& last = network.layers.back();
  if (rule == "dfa" && network.readout == Readout::none && last.kind != LayerKind::fc) {
    throw InputError(fmt::format(
        "dfa, but in network {} the scores come from a conv layer, {}; allowed: from an fc layer",
        network.name, last.name));
  }
  if (network.classes == 1 && options.loss != Loss::mse) {
    throw InputError(fmt::format("network {} has one class; allowed: loss: mse", network.name));
  }
  if (options.targets == Targets::labels) return;
  if (options.loss != Loss::mse) throw InputError("targets: inputs; allowed: beside loss: mse");
  if (network.classes != network.input.elements()) {
    throw InputError(fmt::format(
        "targets: inputs, of {} values, but {} classes in network {}; allowed: as many of both",
        network.input.elements(), network.classes, network.name));
  }
}

std::string to_string(Loss loss) { return name_in(loss_names, loss); }
std::string to_string(Targets targets) { return name_in(targets_names, targets); }

void require_supported(const Network& network) {
  const std::vector<int> readers = network.readers(0);
  if (network.input_dropout > 0 &&
      (readers != std::vector{1} || !is_weighted(network.layers.front().kind))) {
    throw InputError(
        fmt::format("network {}: input_dropout; allowed: where the first layer, of type conv or "
                    "fc, is the only "
                    "one to read the image",
                    network.name));
  }
  for (const Layer& layer : network.layers) {
    if (layer.pool_window && pool_row(layer.pool->kind).winners &&
        layer.pool_window->kernel[0] * layer.pool_window->kernel[1] > 256) {
      throw InputError(fmt::format(
          "network {}, layer {}: a pooling window of {}x{}; allowed: up to "
          "256 words, so that a winner fits a byte",
          network.name, layer.name, layer.pool_window->kernel[0], layer.pool_window->kernel[1]));
    }
  }
}

}  // namespace spillway::workloads
