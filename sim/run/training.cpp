#include "sim/run/training.hpp"

#include <fmt/format.h>

#include <numeric>

#include "sim/run/direct.hpp"
#include "workloads/initialise.hpp"

namespace spillway::sim {

namespace {

constexpr std::uint64_t order_purpose = 4;

/// A fresh order of the examples (Fisher and Yates).
std::vector<std::size_t> shuffled(std::size_t size, std::uint64_t seed, int epoch) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), 0);
  workloads::SplitMix numbers =
      workloads::stream(seed, order_purpose, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = size; i > 1; --i) std::swap(order[i - 1], order[numbers.below(i)]);
  return order;
}

void add(Epoch& epoch, const std::vector<Decision>& decisions, double examples, double steps) {
  epoch.loss.resize(decisions.size());
  epoch.train_accuracy.resize(decisions.size());
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    epoch.loss[i] += decisions[i].loss / steps;
    epoch.train_accuracy[i] += static_cast<double>(decisions[i].right) / examples;
  }
}

}  // namespace

TrainingResult train(const Experiment& experiment, const workloads::DataSplit& data, int epochs,
                     const std::function<void(const TrainingProgress&)>& progress,
                     const std::function<void(const Epoch&)>& after_epoch) {
  const auto batch = static_cast<std::size_t>(experiment.batch);
  const std::size_t steps = data.train.size() / batch;
  if (steps == 0) {
    throw workloads::InputError(fmt::format(
        "batch: found {}; allowed: at most the {} training examples", batch, data.train.size()));
  }
  Simulation simulation(experiment);
  const workloads::Step& step = simulation.plan().step();
  const auto read = [&](const std::string& name) {
    return simulation.read(step.find(name).value());
  };
  TrainingResult result{{}, simulation.plan().ledger().emptied(), {}, 0};
  for (int number = 1; number <= epochs; ++number) {
    Epoch epoch{number, {}, {}, {}, {}};
    const std::vector<std::size_t> order = shuffled(data.train.size(), experiment.seed, number);
    for (std::size_t s = 0; s < steps; ++s) {
      const Result one =
          simulation.run_step(make_batch(data.train, s * batch, experiment.batch, order));
      add(epoch, one.decisions, static_cast<double>(steps * batch), static_cast<double>(steps));
      result.ledger.add(one.ledger);
      result.time += one.execution.time;
      ++result.steps;
      if (progress) progress({number, s + 1, steps});
    }
    for (const Decision& decision : evaluate(experiment, data.test, read)) {
      epoch.layers.push_back(decision.layer);
      epoch.test_accuracy.push_back(static_cast<double>(decision.right) /
                                    static_cast<double>(data.test.size()));
    }
    if (after_epoch) after_epoch(epoch);
    result.epochs.push_back(std::move(epoch));
  }
  return result;
}

}  // namespace spillway::sim
