#include "sim/run/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>

#include "sim/run/checkpoint.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "workloads/initialise.hpp"

namespace spillway::sim {

namespace {

using models::Port;

constexpr std::uint64_t order_purpose = 4;

/// A fresh order of the examples (Fisher and Yates).
std::vector<std::size_t> shuffled(std::size_t size, std::uint64_t seed, int epoch) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), 0);
  workloads::SplitMix numbers =
      workloads::stream(seed, order_purpose, static_cast<std::uint64_t>(epoch));
  numbers.shuffle(order);
  return order;
}

/// The last `count` examples of a set.
workloads::Dataset last_examples(const workloads::Dataset& data, std::size_t count) {
  const std::size_t pixels = data.images.size() / data.size();
  workloads::Dataset result{data.name, data.image_shape, data.classes, {}, {}};
  result.images.assign(data.images.end() - static_cast<std::ptrdiff_t>(count * pixels),
                       data.images.end());
  result.labels.assign(data.labels.end() - static_cast<std::ptrdiff_t>(count), data.labels.end());
  return result;
}

/// One run from where its state stands to the end.
class Run {
 public:
  Run(const Experiment& experiment, const workloads::DataSplit& data,
      const TrainingOptions& options)
      : experiment_(experiment),
        data_(data),
        options_(options),
        batch_(static_cast<std::size_t>(experiment.batch)),
        held_back_(static_cast<std::size_t>(experiment.training.validation)) {
    require_enough_images(experiment, data);
    if (held_back_ > 0) validation_ = last_examples(data.train, held_back_);
    examples_ = data.train.size() - held_back_;
    steps_ = examples_ / batch_;
    settings_ = run_settings(experiment, data, options.direct);
    if (experiment.training.layer_by_layer) {
      layers_ = layers_trained_apart(experiment);
      state_.layer = layers_.front();
    }
    if (options.checkpoint && std::filesystem::exists(*options.checkpoint)) {
      take_over(read_checkpoint(*options.checkpoint, settings_));
    }
  }

  TrainingResult run() {
    while (!state_.finished) {
      if (!train_layer()) return {std::move(state_), true, std::nullopt};
      advance();
      checkpoint();
    }
    TrainingResult result{std::move(state_), false, std::nullopt};
    if (held_back_ > 0) result.depth = advice(result.state);
    return result;
  }

 private:
  /// Go on from a state. A finished run of all layers may be given more epochs.
  void take_over(TrainingState state) {
    const int epochs = experiment_.training.epochs;
    const bool known = by_layer() ? std::ranges::count(layers_, state.layer) > 0 : state.layer == 0;
    if (!known || state.epochs < 0 || state.steps > steps_ ||
        (state.epochs > 0 && state.history.empty())) {
      throw workloads::InputError(options_.checkpoint->string() +
                                  ": found a state that no run has; allowed: a checkpoint");
    }
    if (state.epochs > epochs || (state.epochs == epochs && state.steps > 0)) {
      throw workloads::InputError(
          fmt::format("{}: found a run in epoch {}; allowed: at least so many epochs, here {}",
                      options_.checkpoint->string(), state.epochs + (state.steps > 0), epochs));
    }
    if (!by_layer() && state.epochs < epochs) state.finished = false;
    state_ = std::move(state);
  }

  bool by_layer() const { return experiment_.training.layer_by_layer; }

  /// Of all layers, or of the one that is trained alone.
  std::size_t steps_done() const {
    return static_cast<std::size_t>(state_.epochs) * steps_ + state_.steps;
  }

  std::unique_ptr<Trainee> make_trainee() const {
    std::unique_ptr<Trainee> trainee;
    if (options_.direct) {
      trainee = std::make_unique<DirectTraining>(experiment_, state_.layer);
    } else {
      trainee = std::make_unique<Simulation>(experiment_, make_plan(experiment_, state_.layer));
    }
    trainee->restore(state_.tensors, steps_done());
    return trainee;
  }

  /// The layer's epochs, or all layers' at once; false when stopped.
  bool train_layer() {
    const std::unique_ptr<Trainee> trainee = make_trainee();
    Evaluator evaluator(experiment_, state_.layer);
    while (state_.epochs < experiment_.training.epochs) {
      if (!train_epoch(*trainee)) return false;
      finish_epoch(*trainee, evaluator);
      if (state_.epochs < experiment_.training.epochs) checkpoint();
    }
    return true;
  }

  bool train_epoch(Trainee& trainee) {
    const int number = state_.epochs + 1;
    const std::vector<std::size_t> order = shuffled(examples_, experiment_.seed, number);
    const double rate_scale = experiment_.schedule.factor(state_.epochs);
    while (state_.steps < steps_) {
      const Result one = trainee.run_step(
          make_batch(data_.train, state_.steps * batch_, experiment_.batch, order), rate_scale);
      add_decisions(one.decisions);
      state_.traffic.add(one);
      ++state_.steps;
      if (options_.progress) {
        options_.progress({state_.layer, number, state_.steps, steps_, mean_loss(), steps_left()});
      }
      const bool stop = options_.stop && options_.stop();
      if (stop || checkpoint_is_due()) {
        trainee.save(state_.tensors);
        checkpoint();
      }
      if (stop) return false;
    }
    return true;
  }

  bool checkpoint_is_due() const {
    if (!options_.checkpoint) return false;
    const bool by_steps =
        options_.checkpoint_steps > 0 && state_.traffic.steps % options_.checkpoint_steps == 0;
    const auto age = std::chrono::steady_clock::now() - written_;
    return by_steps ||
           (options_.checkpoint_interval.count() > 0 && age >= options_.checkpoint_interval);
  }

  double mean_loss() const {
    return state_.running.loss.back() / static_cast<double>(state_.steps);
  }

  std::size_t steps_left() const {
    const auto epochs = static_cast<std::size_t>(experiment_.training.epochs);
    const auto layers_after = static_cast<std::size_t>(
        std::ranges::count_if(layers_, [&](int layer) { return layer > state_.layer; }));
    return (layers_after * epochs + epochs - static_cast<std::size_t>(state_.epochs)) * steps_ -
           state_.steps;
  }

  void add_decisions(const std::vector<Decision>& decisions) {
    Epoch& epoch = state_.running;
    epoch.loss.resize(decisions.size());
    epoch.train_accuracy.resize(decisions.size());
    for (std::size_t i = 0; i < decisions.size(); ++i) {
      epoch.loss[i] += decisions[i].loss;
      epoch.train_accuracy[i] += static_cast<double>(decisions[i].right);
    }
  }

  void finish_epoch(Trainee& trainee, Evaluator& evaluator) {
    trainee.save(state_.tensors);
    Epoch epoch = std::move(state_.running);
    state_.running = {};
    epoch.epoch = ++state_.epochs;
    state_.steps = 0;
    for (double& loss : epoch.loss) loss /= static_cast<double>(steps_);
    const bool decides = workloads::decides(experiment_.rule_options);
    for (double& right : epoch.train_accuracy) {
      right = decides ? right / static_cast<double>(steps_ * batch_) : no_accuracy;
    }
    const auto measure = [&](const workloads::Dataset& data, std::vector<double>& accuracy) {
      epoch.layers.clear();
      for (const Decision& decision : evaluator.evaluate(data, state_.tensors)) {
        epoch.layers.push_back(decision.layer);
        const double share = static_cast<double>(decision.right) / static_cast<double>(data.size());
        accuracy.push_back(decides ? share : no_accuracy);
      }
    };
    if (held_back_ > 0) measure(validation_, epoch.validation_accuracy);
    measure(data_.test, epoch.test_accuracy);
    state_.history.push_back(std::move(epoch));
    if (options_.after_epoch) options_.after_epoch(state_.history.back());
  }

  /// To the next layer, or to the end.
  void advance() {
    const auto next = std::ranges::upper_bound(layers_, state_.layer);
    state_.finished = next == layers_.end() || (held_back_ > 0 && advice(state_).stopped_early);
    if (state_.finished) return;
    state_.layer = *next;
    state_.epochs = 0;
    state_.steps = 0;
    state_.running = {};
  }

  /// What validation images say. Layer by layer, training ends at the first layer that is no better
  /// than those below it.
  DepthAdvice advice(const TrainingState& state) const {
    DepthAdvice advice;
    for (const Epoch& epoch : state.history) {
      if (!by_layer()) {
        advice.layers = epoch.layers;
        advice.accuracy = epoch.validation_accuracy;
      } else if (advice.layers.empty() || advice.layers.back() != epoch.layers.front()) {
        advice.layers.push_back(epoch.layers.front());
        advice.accuracy.push_back(epoch.validation_accuracy.front());
      } else {
        advice.accuracy.back() = epoch.validation_accuracy.front();
      }
    }
    const double gain = experiment_.training.enough_gain;
    std::size_t enough = 0;
    if (by_layer()) {
      while (enough + 1 < advice.accuracy.size() &&
             advice.accuracy[enough + 1] > advice.accuracy[enough] + gain) {
        ++enough;
      }
      advice.stopped_early = enough + 1 < advice.accuracy.size();
    } else {
      const double best = *std::ranges::max_element(advice.accuracy);
      while (advice.accuracy[enough] < best - gain) ++enough;
    }
    advice.layer = advice.layers[enough];
    return advice;
  }

  void checkpoint() {
    if (!options_.checkpoint) return;
    write_checkpoint(*options_.checkpoint, state_, settings_);
    written_ = std::chrono::steady_clock::now();
  }

  const Experiment& experiment_;
  const workloads::DataSplit& data_;
  const TrainingOptions& options_;
  std::size_t batch_, held_back_, examples_ = 0, steps_ = 0;
  std::vector<int> layers_;  ///< trained one after the other; none: all at once
  workloads::Dataset validation_;
  Settings settings_;
  TrainingState state_;
  std::chrono::steady_clock::time_point written_ = std::chrono::steady_clock::now();
};

std::size_t steps_of_an_epoch(const Experiment& experiment, const workloads::DataSplit& data) {
  const auto held_back = static_cast<std::size_t>(experiment.training.validation);
  return (data.train.size() - held_back) / static_cast<std::size_t>(experiment.batch);
}

}  // namespace

std::size_t training_steps(const Experiment& experiment, const workloads::DataSplit& data) {
  const TrainingPlan& training = experiment.training;
  const std::size_t layers = training.layer_by_layer ? layers_trained_apart(experiment).size() : 1;
  return layers * static_cast<std::size_t>(training.epochs) * steps_of_an_epoch(experiment, data);
}

std::size_t training_steps_done(const Experiment& experiment, const workloads::DataSplit& data,
                                const TrainingState& state) {
  const std::size_t all = training_steps(experiment, data);
  const std::size_t epoch = steps_of_an_epoch(experiment, data);
  const bool by_layer = experiment.training.layer_by_layer;
  if (by_layer && state.finished) return all;  // perhaps before the last layer
  std::size_t layers_before = 0;
  if (by_layer) {
    layers_before = static_cast<std::size_t>(std::ranges::count_if(
        layers_trained_apart(experiment), [&](int layer) { return layer < state.layer; }));
  }
  const auto epochs = static_cast<std::size_t>(experiment.training.epochs);
  return (layers_before * epochs + static_cast<std::size_t>(state.epochs)) * epoch + state.steps;
}

void Traffic::add(const Result& result, std::uint64_t times) {
  const Ledger& ledger = result.ledger;
  dram_read += times * ledger.total(Port::dram, Direction::read).count();
  dram_write += times * ledger.total(Port::dram, Direction::write).count();
  host_read += times * ledger.total(Port::host, Direction::read).count();
  host_write += times * ledger.total(Port::host, Direction::write).count();
  macs += times * result.execution.macs.count();
  time_ps += times * result.execution.time.count();
  steps += times;
}

void require_enough_images(const Experiment& experiment, const workloads::DataSplit& data) {
  const auto batch = static_cast<std::size_t>(experiment.batch);
  const auto held_back = static_cast<std::size_t>(experiment.training.validation);
  if (data.train.size() >= batch + held_back) return;
  const std::string beside =
      held_back == 0 ? "" : fmt::format(" beside {} validation images", held_back);
  throw workloads::InputError(
      fmt::format("batch: found {}{}; allowed: at most the {} training "
                  "images",
                  batch, beside, data.train.size()));
}

Traffic training_traffic(const Experiment& experiment, const workloads::DataSplit& data) {
  require_enough_images(experiment, data);
  const std::vector<int> layers =
      experiment.training.layer_by_layer ? layers_trained_apart(experiment) : std::vector<int>{0};
  const std::uint64_t steps = training_steps(experiment, data) / layers.size();
  models::DeviceOptions options;
  options.values = false;
  Traffic traffic;
  for (const int layer : layers) {
    Simulation simulation(experiment, make_plan(experiment, layer), options);
    traffic.add(simulation.run_step({}));
    if (steps > 1) traffic.add(simulation.run_step({}), steps - 1);
  }
  return traffic;
}

TrainingResult train(const Experiment& experiment, const workloads::DataSplit& data,
                     const TrainingOptions& options) {
  return Run(experiment, data, options).run();
}

}  // namespace spillway::sim
