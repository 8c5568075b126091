#include "analysis/closed_forms/graph_form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "workloads/support/error.hpp"

namespace spillway::analysis {

using workloads::Block;
using workloads::Layer;
using workloads::LayerKind;
using workloads::Network;

namespace {

using Stages = std::set<int>;

/// What a rule is made of, as far as words and MACs go.
struct Traits {
  bool local = false, direct = false, trained_classifier = false;
  int fix = 0;
};

Traits traits_of(const std::string& rule, const workloads::RuleOptions& options) {
  const workloads::LearningRule& found = workloads::learning_rule(rule);
  if (!found.closed_form) {
    throw workloads::InputError(fmt::format("rule {} has no closed form", rule));
  }
  const ClosedForm& form = *found.closed_form;
  return {found.local, !found.local && !form.error_pass, form.reads.classifiers > 0, options.fix};
}

/// What learns and which errors there are, layer by layer.
class Learning {
 public:
  Learning(const Network& network, const Traits& traits, const std::vector<Block>& blocks)
      : network_(network), errors_(network.layers.size() + 1), weights_(errors_.size()) {
    int convs = 0;
    for (const Block& block : blocks) {
      for (int i = block.first; i <= block.last; ++i) {
        const Layer& layer = network.layer(i);
        const bool fixed = layer.kind == LayerKind::conv && ++convs <= traits.fix;
        weights_[at(i)] = is_weighted(layer.kind) && !fixed;
        errors_[at(i)] = weights_[at(i)] || layer.batch_norm;
        for (const int input : layer.inputs) {
          if (block.contains(input) && errors_[at(input)]) errors_[at(i)] = true;
        }
      }
    }
  }
  bool has_error(int i) const { return errors_[at(i)]; }
  bool weights_learn(int i) const { return weights_[at(i)]; }
  /// A conv or fc layer hands its error on to what it reads.
  bool hands_on(int i, const Block& block) const {
    const int input = network_.layer(i).inputs.front();
    return has_error(i) && block.contains(input) && has_error(input);
  }

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  const Network& network_;
  std::vector<bool> errors_, weights_;
};

/// The row of stages: when each layer runs forward, its weights are learned, and its error is
/// complete.
class Timeline {
 public:
  Timeline(const Network& network, const Traits& traits, const std::vector<Block>& blocks,
           const Learning& learning)
      : network_(network), traits_(traits), blocks_(blocks), learning_(learning) {
    if (traits.local) {
      for (const Block& block : blocks) local_block(block);
    } else {
      whole_network();
    }
  }

  int forward(int i) const { return forward_.at(i); }
  int backward(int i) const { return backward_.at(i); }
  int complete(int i) const { return complete_.at(i); }
  /// Stages of the classifier or readout on a layer: scores, and then gradients.
  std::optional<int> scores(int i) const { return found(scores_, i); }
  std::optional<int> classifier(int i) const { return found(classifier_, i); }
  /// The stages in which a layer without a part of its own in them adds to the error of layer i.
  const Stages& parts(int i) const { return parts_.at(i); }
  bool turns_after(int stage) const { return turns_.contains(stage); }

 private:
  static std::optional<int> found(const std::map<int, int>& in, int i) {
    const auto at = in.find(i);
    return at == in.end() ? std::nullopt : std::optional(at->second);
  }

  void forward_pass(const Block& block) {
    std::map<int, int> stage_of;
    for (const int i : weighted_layers(network_, block)) stage_of[i] = next_++;
    const std::vector<int> stages = stages_of(network_, block);
    for (int i = block.first; i <= block.last; ++i) {
      forward_[i] = stage_of.at(stages[static_cast<std::size_t>(i - block.first)]);
    }
  }

  void backward_stages(const Block& block) {
    std::vector<int> layers = weighted_layers(network_, block);
    std::ranges::reverse(layers);
    for (const int i : layers) {
      if (learning_.has_error(i)) backward_[i] = next_++;
    }
  }

  /// From the last layer down: an error is complete when the last of its readers has added its
  /// part.
  void complete_errors(const Block& block, std::optional<int> end) {
    for (int i = block.last; i >= block.first; --i) {
      if (!learning_.has_error(i)) continue;
      if (i == block.last) {
        if (end) parts_[i] = {*end};
      }
      for (const int reader : network_.readers(i)) {
        if (!block.contains(reader)) continue;
        const bool weighted = is_weighted(network_.layer(reader).kind);
        parts_[i].insert(weighted ? backward_.at(reader) : complete_.at(reader));
      }
      complete_[i] = *parts_[i].rbegin();
    }
  }

  void whole_network() {
    for (const Block& block : blocks_) forward_pass(block);
    const int depth = blocks_.back().last, turn = next_++;
    turns_.insert(turn);
    scores_[depth] = turn;
    if (!network_.gives_scores(depth)) classifier_[depth] = next_++;
    for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) backward_stages(*block);
    int end = classifier(depth).value_or(turn);
    for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
      complete_errors(*block, end);
      end = backward_.at(weighted_layers(network_, *block).front());
    }
  }

  void local_block(const Block& block) {
    const std::vector<int> layers = weighted_layers(network_, block);
    const bool scored = network_.gives_scores(block.last);
    const bool gradients =
        learning_.has_error(block.last) || (traits_.trained_classifier && !scored);
    if (layers.size() == 1) {
      const int stage = next_;
      forward_pass(block);
      scores_[block.last] = stage;
      if (gradients) classifier_[block.last] = stage;
      if (learning_.has_error(layers.front())) backward_[layers.front()] = stage;
      complete_errors(block, stage);
      return;
    }
    forward_pass(block);
    const int turn = next_++;
    scores_[block.last] = turn;
    if (!gradients) return;
    turns_.insert(turn);
    if (!scored) classifier_[block.last] = next_++;
    backward_stages(block);
    complete_errors(block, classifier(block.last).value_or(turn));
  }

  const Network& network_;
  const Traits& traits_;
  const std::vector<Block>& blocks_;
  const Learning& learning_;
  int next_ = 0;
  std::map<int, int> forward_, backward_, complete_, scores_, classifier_;  // by layer
  std::map<int, Stages> parts_;
  std::set<int> turns_;
};

class GraphForm {
 public:
  GraphForm(const Network& network, const std::string& rule, const workloads::RuleOptions& options,
            std::uint64_t batch)
      : network_(network),
        batch_(batch),
        traits_(traits_of(rule, options)),
        blocks_(blocks_of(network, rule, options)),
        learning_(network, traits_, blocks_),
        timeline_(network, traits_, blocks_, learning_) {}

  Table1Words words() {
    for (const Block& block : blocks_) {
      for (int i = block.first; i <= block.last; ++i) {
        activation(i, block);
        if (learning_.has_error(i)) error(i, block);
        if (is_weighted(network_.layer(i).kind)) weights(i, block);
      }
      if (traits_.trained_classifier && !network_.gives_scores(block.last)) {
        parameter(classifier_words(block.last), *timeline_.scores(block.last),
                  timeline_.classifier(block.last), true);
      }
    }
    return sum_;
  }

  Macs macs() const {
    Macs sum;
    for (const Block& block : blocks_) {
      for (const int i : weighted_layers(network_, block)) {
        const std::uint64_t passes = 1 + learning_.weights_learn(i) + learning_.hands_on(i, block);
        sum += passes * network_.layer(i).macs_exact();
      }
      sum += classifier_products(block) * Macs(classifier_words(block.last).count());
    }
    return sum * batch_;
  }

 private:
  /// Of a local classifier, or of direct feedback, on the block's output.
  std::uint64_t classifier_products(const Block& block) const {
    if (network_.gives_scores(block.last)) return 0;
    const bool error = learning_.has_error(block.last);
    if (traits_.local) return 1ul + error + traits_.trained_classifier;
    if (!traits_.direct) return 0;
    return 1;
  }

  Words classifier_words(int i) const {
    return network_.layer(i).activations() * static_cast<std::uint64_t>(network_.classes);
  }

  int gaps(const Stages& uses, bool survives_turns = false) const {
    int count = 0;
    std::optional<int> before;
    for (const int stage : uses) {
      const bool follows =
          before && stage == *before + 1 && (survives_turns || !timeline_.turns_after(*before));
      count += before.has_value() && !follows;
      before = stage;
    }
    return count;
  }

  void add(Words words, int reads, int writes) {
    sum_.reads += words * static_cast<std::uint64_t>(reads);
    sum_.writes += words * static_cast<std::uint64_t>(writes);
  }

  void activation(int i, const Block& block) {
    const Layer& layer = network_.layer(i);
    const bool error = learning_.has_error(i);
    Stages uses{timeline_.forward(i)};
    for (const int reader : network_.readers(i)) {
      uses.insert(timeline_.forward(reader));
      if (learning_.weights_learn(reader)) uses.insert(timeline_.backward(reader));
      if (network_.layer(reader).kind == LayerKind::batch_norm) {
        uses.insert(timeline_.complete(reader));
      }
    }
    if (layer.relu && !layer.needs_map_before_pool() && error) uses.insert(timeline_.complete(i));
    if (i == block.last) {
      if (const auto scores = timeline_.scores(i)) uses.insert(*scores);
      const bool gradient = traits_.trained_classifier || !traits_.local;
      const auto classifier = timeline_.classifier(i);
      if (classifier && gradient) uses.insert(*classifier);
    }
    add(layer.activations() * batch_, gaps(uses), gaps(uses) > 0);
    if (!layer.needs_map_before_pool() || !error) return;
    const Stages map{timeline_.forward(i), timeline_.complete(i)};
    add(layer.activations_before_pool() * batch_, gaps(map), gaps(map) > 0);
  }

  void error(int i, const Block& block) {
    const Layer& layer = network_.layer(i);
    const bool weighted = is_weighted(layer.kind);
    // Where nothing but batch-norm learns, nobody reads it once it has passed that.
    const bool read = learning_.weights_learn(i) || learning_.hands_on(i, block);
    Stages uses = timeline_.parts(i);
    if (network_.gives_scores(i)) {
      uses.insert(timeline_.backward(i));
      for (std::size_t b = 1; traits_.direct && b < blocks_.size(); ++b) {
        uses.insert(timeline_.backward(weighted_layers(network_, blocks_[b]).front()));
      }
      add(layer.activations() * batch_, gaps(uses, true), gaps(uses, true) > 0);
      return;
    }
    if (layer.pool_window && weighted) {
      Stages before_pool{timeline_.complete(i)};
      if (read) before_pool.insert(timeline_.backward(i));
      const int own = gaps(before_pool);
      add(layer.activations_before_pool() * batch_, own, own);
    } else if (weighted && read) {
      uses.insert(timeline_.backward(i));
    }
    add(layer.activations() * batch_, gaps(uses), gaps(uses));
  }

  void weights(int i, const Block& block) {
    const bool learn = learning_.weights_learn(i), used = learn || learning_.hands_on(i, block);
    parameter(network_.layer(i).weights(), timeline_.forward(i),
              used ? std::optional(timeline_.backward(i)) : std::nullopt, learn);
  }

  void parameter(Words words, int forward, std::optional<int> backward, bool learns) {
    Stages uses{forward};
    if (backward) uses.insert(*backward);
    add(words, 1 + gaps(uses), learns);
  }

  const Network& network_;
  std::uint64_t batch_;
  Traits traits_;
  std::vector<Block> blocks_;
  Learning learning_;
  Timeline timeline_;
  Table1Words sum_;
};

}  // namespace

Table1Words graph_words(const Network& network, const std::string& rule,
                        const workloads::RuleOptions& options, std::uint64_t batch) {
  return GraphForm(network, rule, options, batch).words();
}

Macs graph_macs(const Network& network, const std::string& rule,
                const workloads::RuleOptions& options, std::uint64_t batch) {
  return GraphForm(network, rule, options, batch).macs();
}

}  // namespace spillway::analysis
