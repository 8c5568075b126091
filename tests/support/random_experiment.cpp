#include "tests/support/random_experiment.hpp"

#include <fmt/format.h>

#include "analysis/reports/report.hpp"
#include "workloads/support/error.hpp"

namespace spillway::test {

using sim::Experiment;
using workloads::LayerKind;
using workloads::LayerSpec;
using workloads::Network;

namespace {

/// Now and then another optimizer than SGD without weight decay: by the seed and no number of its
/// own, so that all other experiments stay as they are.
void set_optimizer(Experiment& experiment) {
  using workloads::Optimizer;
  using workloads::OptimizerKind;
  const std::uint64_t drawn = experiment.seed % 12;
  if (drawn > 2) return;
  if (drawn > 0) {
    experiment.optimizer = Optimizer::of(drawn == 1 ? OptimizerKind::adam : OptimizerKind::adamw);
    // Divided by its own size alone, a gradient that is zero but for the order of sums would make
    // a step as large as any.
    experiment.optimizer.epsilon = 1;
  }
  experiment.optimizer.weight_decay = 0.125;
}

}  // namespace

Experiment random_experiment(workloads::SplitMix& numbers, const std::string& rule) {
  Experiment result =
      experiment(random_network(numbers), rule, 1 + static_cast<std::int64_t>(numbers.below(9)));
  if (workloads::learning_rule(rule).local) {
    result.rule_options.fix = static_cast<int>(numbers.below(3));
  }
  if (numbers.below(3) == 0) result.rule_options.loss = workloads::Loss::square_hinge;
  if (numbers.below(3) == 0) result.optimizer.momentum = 0;
  result.seed = numbers.next();
  set_optimizer(result);
  if (numbers.below(2) == 0) {
    result.idealisations = sim::Idealisations::none();
    for (const sim::Item item : sim::all_items()) {
      if (numbers.below(2) == 0) result.idealisations.add(item);
    }
  }
  return result;
}

std::uint64_t smallest_buffer_words(Experiment experiment) {
  experiment.device.buffer = workloads::Bytes(4);
  try {
    sim::make_plan(experiment);
  } catch (const workloads::InputError& error) {
    const std::string message = error.what();
    const std::size_t at = message.find("at least ");
    if (at == std::string::npos) throw;
    return std::stoull(message.substr(at + 9)) / workloads::bytes_per_word;
  }
  return 1;
}

std::uint64_t dram_words(const sim::Plan& plan) {
  return (plan.ledger().total(models::Port::dram, sim::Direction::read) +
          plan.ledger().total(models::Port::dram, sim::Direction::write))
      .count();
}

std::uint64_t moved_words(const sim::Plan& plan) {
  std::uint64_t words = dram_words(plan);
  for (const auto direction : {sim::Direction::read, sim::Direction::write}) {
    words += plan.ledger().total(models::Port::host, direction).count();
  }
  return words;
}

std::string description(const Experiment& experiment) {
  std::string text = fmt::format(
      "{}, {} examples, fix {}, {} with {} states, weight decay {}, input dropout {}, loss {}, "
      "seed {}\n  in DRAM:",
      experiment.rule, experiment.batch, experiment.rule_options.fix,
      to_string(experiment.optimizer.kind), experiment.optimizer.states().size(),
      experiment.optimizer.weight_decay, experiment.network.input_dropout,
      experiment.rule_options.loss == workloads::Loss::square_hinge ? "square hinge"
                                                                    : "cross-entropy",
      experiment.seed);
  for (const sim::Item item : sim::all_items()) {
    if (!experiment.idealisations.contains(item)) text += " " + to_string(item) + ",";
  }
  text += "\n" + analysis::network_text(experiment.network);
  for (const workloads::Layer& layer : experiment.network.layers) {
    text += fmt::format(
        "  {}: kernel {}x{}, stride {}x{}, groups {}, bias {}, norm {}, relu {}, dropout {}",
        layer.name, layer.kernel[0], layer.kernel[1], layer.stride[0], layer.stride[1],
        layer.groups, layer.bias, layer.batch_norm, layer.relu, layer.dropout);
    text += fmt::format(", padding mode {} {}x{}", static_cast<int>(layer.padding_mode),
                        layer.padding[0], layer.padding[1]);
    if (layer.pool) {
      text += fmt::format(", {} {}x{} stride {}x{} padding {}x{} ceil {}",
                          workloads::pool_row(layer.pool->kind).key, layer.pool->kernel[0],
                          layer.pool->kernel[1], layer.pool->stride[0], layer.pool->stride[1],
                          layer.pool->padding[0], layer.pool->padding[1], layer.pool->ceil_mode);
    }
    text += "\n";
  }
  return text;
}

namespace {

class Simplifier {
 public:
  explicit Simplifier(const Experiment& experiment) : experiment_(experiment) {
    for (const workloads::Layer& layer : experiment.network.layers) layers_.push_back(layer);
  }

  std::vector<Experiment> all() {
    const Network& network = experiment_.network;
    for (std::size_t i = 0; i < layers_.size(); ++i) without_layer(i);
    if (experiment_.batch > 1) {
      for (const std::int64_t batch :
           {std::int64_t{1}, experiment_.batch / 2, experiment_.batch - 1}) {
        with([&](Experiment& e) { e.batch = batch; });
      }
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) simpler_layer(i);
    for (std::int64_t workloads::ImageShape::*size :
         {&workloads::ImageShape::channels, &workloads::ImageShape::height,
          &workloads::ImageShape::width}) {
      for (const std::int64_t less : {network.input.*size / 2, network.input.*size - 1}) {
        workloads::ImageShape input = network.input;
        input.*size = less;
        if (less >= 1) with_network(input, network.classes, layers_);
      }
    }
    if (network.classes > 2) {
      with_network(network.input, 2, layers_);
      with_network(network.input, network.classes - 1, layers_);
    }
    if (network.input_dropout != 0) {
      with([](Experiment& e) { e.network.input_dropout = 0; });
    }
    if (experiment_.rule_options.fix != 0) {
      with([](Experiment& e) { --e.rule_options.fix; });
    }
    if (!experiment_.optimizer.is_sgd()) {
      with([](Experiment& e) { e.optimizer = {}; });
    } else if (experiment_.optimizer.momentum != 0) {
      with([](Experiment& e) { e.optimizer.momentum = 0; });
    }
    if (experiment_.rule_options.loss != workloads::Loss::cross_entropy) {
      with([](Experiment& e) { e.rule_options.loss = workloads::Loss::cross_entropy; });
    }
    for (const sim::Item item : sim::all_items()) {
      if (experiment_.idealisations.contains(item)) continue;
      with([&](Experiment& e) { e.idealisations.add(item); });
    }
    return results_;
  }

 private:
  template <class Change>
  void with(Change change) {
    results_.push_back(experiment_);
    change(results_.back());
  }

  void with_network(const workloads::ImageShape& input, std::int64_t classes,
                    std::vector<LayerSpec> layers) {
    try {
      for (LayerSpec& layer : layers) layer.name.clear();
      Network network = workloads::make_network("random", input, classes, layers);
      network.input_dropout = experiment_.network.input_dropout;
      with([&](Experiment& e) { e.network = network; });
    } catch (const workloads::InputError&) {  // not a network
    }
  }

  void without_layer(std::size_t i) {
    std::vector<LayerSpec> layers = layers_;
    layers.erase(layers.begin() + static_cast<std::ptrdiff_t>(i));
    if (!layers.empty())
      with_network(experiment_.network.input, experiment_.network.classes, layers);
  }

  template <class Change>
  void with_layer(std::size_t i, Change change) {
    std::vector<LayerSpec> layers = layers_;
    change(layers[i]);
    with_network(experiment_.network.input, experiment_.network.classes, layers);
  }

  void simpler_layer(std::size_t i) {
    const LayerSpec& layer = layers_[i];
    if (layer.pool) {
      with_layer(i, [](LayerSpec& l) { l.pool.reset(); });
    }
    if (layer.batch_norm) {
      with_layer(i, [](LayerSpec& l) { l.batch_norm = false; });
    }
    if (layer.bias) {
      with_layer(i, [](LayerSpec& l) { l.bias = false; });
    }
    if (layer.relu) {
      with_layer(i, [](LayerSpec& l) { l.relu = false; });
    }
    if (layer.dropout != 0) {
      with_layer(i, [](LayerSpec& l) { l.dropout = 0; });
    }
    if (layer.groups > 1) {
      with_layer(i, [](LayerSpec& l) { l.groups = 1; });
    }
    for (const std::int64_t less : {std::int64_t{1}, layer.outputs / 2, layer.outputs - 1}) {
      if (less < 1 || less == layer.outputs) continue;
      with_layer(i, [&](LayerSpec& l) { l.outputs = less; });
    }
    if (layer.kind != LayerKind::conv) return;
    for (const std::size_t axis : {0u, 1u}) {
      if (layer.kernel[axis] > 1) {
        with_layer(i, [&](LayerSpec& l) { --l.kernel[axis]; });
      }
      if (layer.stride[axis] > 1) {
        with_layer(i, [&](LayerSpec& l) { --l.stride[axis]; });
      }
      if (layer.padding[axis] > 0) {
        with_layer(i, [&](LayerSpec& l) { --l.padding[axis]; });
      }
      if (!layer.pool) continue;
      if (layer.pool->kernel[axis] > 1) {
        with_layer(i, [&](LayerSpec& l) {
          --l.pool->kernel[axis];
          l.pool->padding[axis] = std::min(l.pool->padding[axis], l.pool->kernel[axis] / 2);
        });
      }
      if (layer.pool->stride[axis] > 1) {
        with_layer(i, [&](LayerSpec& l) { --l.pool->stride[axis]; });
      }
    }
    if (layer.padding_mode != workloads::PaddingMode::valid) {
      with_layer(i, [](LayerSpec& l) { l.padding_mode = workloads::PaddingMode::valid; });
    }
  }

  const Experiment& experiment_;
  std::vector<LayerSpec> layers_;
  std::vector<Experiment> results_;
};

}  // namespace

std::vector<Experiment> simpler(const Experiment& experiment) {
  return Simplifier(experiment).all();
}

Experiment shrunk(Experiment experiment, const std::function<bool(const Experiment&)>& fails,
                  int tries) {
  for (bool progress = true; progress && tries > 0;) {
    progress = false;
    for (const Experiment& candidate : simpler(experiment)) {
      if (tries-- <= 0) break;
      if (!fails(candidate)) continue;
      experiment = Experiment(candidate);
      progress = true;
      break;
    }
  }
  return experiment;
}

}  // namespace spillway::test
