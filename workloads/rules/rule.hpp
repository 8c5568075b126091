// The learning rules: what a training step computes. A rule is a function from a network to a Step;
// adding one takes a file beside this one and a line in registry.cpp.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "workloads/blocks.hpp"
#include "workloads/network.hpp"
#include "workloads/random_values.hpp"
#include "workloads/rules/optimizer.hpp"
#include "workloads/step.hpp"
#include "workloads/support/names.hpp"

namespace spillway::workloads {

enum class Loss {
  cross_entropy,  ///< softmax cross-entropy
  square_hinge,
  mse  ///< squared error, sum (s - t)^2 / (2 batch)
};

/// What the loss compares scores with.
enum class Targets {
  labels,
  inputs  ///< the images themselves, as they were before input dropout; `mse` alone takes them
};

/// As experiments name them.
inline constexpr Names<Loss, 3> loss_names{{
    {Loss::cross_entropy, "cross-entropy"},
    {Loss::square_hinge, "square-hinge"},
    {Loss::mse, "mse"},
}};
inline constexpr Names<Targets, 2> targets_names{{
    {Targets::labels, "labels"},
    {Targets::inputs, "inputs"},
}};

/// Where fixed random matrices (classifiers, feedback weights) come from when they are used.
enum class RandomMatrices {
  generated,  ///< made from their seeds, and never stored
  stored      ///< read from memory, where the same values were put before training
};
inline constexpr Names<RandomMatrices, 2> random_matrices_names{{
    {RandomMatrices::generated, "generated"},
    {RandomMatrices::stored, "stored"},
}};
std::string to_string(Loss loss);
std::string to_string(Targets targets);

/// What a rule may be told beside the optimizer. Each rule names those that it takes.
struct RuleOptions {
  Loss loss = Loss::cross_entropy;
  Targets targets = Targets::labels;
  /// Of random classifiers and feedback weights: uniform or Gaussian.
  Distribution distribution = Distribution::uniform;
  /// The first so many conv layers keep their random weights; their batch-norm still learns.
  int fix = 0;
  /// Learning rate of trained local classifiers; that of the optimizer when absent.
  std::optional<double> classifier_rate;
  /// Random feedback weights are multiplied by this.
  double feedback_scale = 1;
  /// Rules with errors by block: so many blocks, or the layers that blocks end at but the last;
  /// with neither the network's natural blocks.
  std::optional<int> block_count{};
  std::vector<std::string> block_ends{};
  RandomMatrices random = RandomMatrices::generated;
};

struct StepOptions {
  std::int64_t batch = 100;
  Optimizer optimizer;
  RuleOptions rule{};
  /// 0: all layers learn. k: the block that ends at layer k alone (local rules); those below are
  /// run as in inference, those above not at all.
  int only_layer = 0;
};

struct InferenceOptions {
  std::int64_t batch = 100;
  RuleOptions rule{};
  /// 0: all decisions that the network gives. k: what it takes to decide at layer k, and no more.
  int exit_layer = 0;
};

/// What one mini-batch of a rule moves and computes by formula, from the lifetimes behind the
/// paper's Table 1, with everything idealised that the paper leaves out: multiples of what a
/// network has. analysis/closed_forms puts the network in.
struct ClosedForm {
  /// |P|; B |A|, with |Y_i| where the way back needs it; and the words of all local classifiers,
  /// |M| = C |A| of one example.
  struct Words {
    std::uint64_t weights = 0, activations = 0, classifiers = 0;
  };
  Words reads, writes;
  /// Passes with the MACs of the forward pass, itself included.
  std::uint64_t passes = 0;
  /// One of them takes errors from each layer to the one below, and so has no first layer.
  bool error_pass = false;
  /// Products of every example with a matrix of C |A_i| for each layer i that gives no scores.
  std::uint64_t classifier_products = 0;
};

struct LearningRule {
  std::string name;                  ///< as written in an experiment
  std::string description;           ///< one line
  bool local;                        ///< every block has an error, and gives a decision, of its own
  std::vector<std::string> options;  ///< keys of RuleOptions that it takes
  std::optional<ClosedForm> closed_form;  ///< absent: nobody has derived one
  /// One mini-batch of training.
  std::function<Step(const Network&, const StepOptions&)> training_step;
  /// The forward pass with the decisions asked for.
  std::function<Step(const Network&, const InferenceOptions&)> inference_step;
};

const std::vector<LearningRule>& learning_rules();
std::vector<std::string> learning_rule_names();
/// Throws InputError for a name that is none.
const LearningRule& learning_rule(const std::string& name);

/// Throws InputError when the network asks for what no kernel offers.
void require_supported(const Network& network);

/// Decisions are right or wrong: not where scores are compared with the images.
inline bool decides(const RuleOptions& options) { return options.targets != Targets::inputs; }
/// The blocks that a rule trains by errors of their own: one under a rule whose errors go all the
/// way down. Throws InputError when there are no such blocks.
std::vector<Block> blocks_of(const Network& network, const std::string& rule,
                             const RuleOptions& options);

/// Throws InputError when a rule so told does not fit the network: where images are the targets,
/// `classes` has to be their size; one class takes `mse`; `dfa` takes its errors from an fc layer.
void require_fitting_rule(const Network& network, const std::string& rule,
                          const RuleOptions& options);

/// How errors get from the readout to a layer below it.
enum class Backward {
  weights,  ///< backpropagation: through the weights
  random,   ///< feedback alignment: through random weights of the same shape
  direct    ///< direct feedback alignment: from the readout straight to each layer
};
Step backward_training_step(const Network& network, const StepOptions& options, Backward backward);
Step readout_inference_step(const Network& network, const InferenceOptions& options);

/// Where the error of a local classifier comes from.
enum class Feedback {
  symmetric,        ///< the classifier's own weights
  sign_concordant,  ///< independent magnitudes with their signs
  independent       ///< independent weights, which do not learn
};
struct LocalRule {
  std::string name;
  Feedback feedback = Feedback::symmetric;
  bool trained_classifier = false;  ///< then stored, and its words cross the border
};
Step lel_training_step(const Network& network, const StepOptions& options, const LocalRule& rule);
Step lel_inference_step(const Network& network, const InferenceOptions& options,
                        const LocalRule& rule);

}  // namespace spillway::workloads
