#include "sim/run/inference.hpp"

#include <fmt/format.h>

#include "sim/run/simulation.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

namespace {

Plan plan_of(const Experiment& experiment, int exit_layer) {
  return Plan(inference_step(experiment, experiment.batch, exit_layer), experiment.device,
              experiment.idealisations, experiment.policy, plan_options(experiment));
}

ExitPoint run_exit(const Experiment& experiment, const workloads::Dataset& data, const State& state,
                   int exit_layer, const std::function<void(const std::string&)>& progress) {
  Plan plan = plan_of(experiment, exit_layer);
  ExitPoint exit;
  exit.buffer = plan.buffer_words();
  exit.decides = workloads::decides(experiment.rule_options);
  Simulation simulation(experiment, std::move(plan));
  simulation.restore(state, 0);
  const auto batch = static_cast<std::size_t>(experiment.batch);
  const std::size_t batches = data.size() / batch;
  for (std::size_t b = 0; b < batches; ++b) {
    const Result result = simulation.run_step(make_batch(data, b * batch, experiment.batch));
    const Decision& decision = result.decisions.back();
    exit.layer = decision.layer;
    exit.images += experiment.batch;
    exit.right += decision.right;
    exit.loss += decision.loss / static_cast<double>(batches);
    exit.traffic.add(result);
    if (progress) {
      progress(fmt::format("exit at {}, mini-batch {}/{}", decision.layer, b + 1, batches));
    }
  }
  return exit;
}

}  // namespace

std::vector<ExitPoint> infer(const Experiment& experiment, const workloads::Dataset& data,
                             const TrainingState& trained,
                             const std::function<void(const std::string&)>& progress) {
  if (data.size() < static_cast<std::size_t>(experiment.batch)) {
    throw workloads::InputError(fmt::format("batch: found {}; allowed: at most the {} test images",
                                            experiment.batch, data.size()));
  }
  const bool local = workloads::learning_rule(experiment.rule).local;
  std::vector<int> exit_layers{0};
  if (local) {
    exit_layers = layers_trained_apart(experiment);
    std::erase_if(exit_layers,
                  [&](int layer) { return trained.layer > 0 && layer > trained.layer; });
  }
  for (const int layer : exit_layers) plan_of(experiment, layer);  // refused before anything runs
  std::vector<ExitPoint> exits;
  for (const int layer : exit_layers) {
    exits.push_back(run_exit(experiment, data, trained.tensors, layer, progress));
  }
  return exits;
}

}  // namespace spillway::sim
