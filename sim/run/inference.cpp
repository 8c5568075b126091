#include "sim/run/inference.hpp"

#include <fmt/format.h>

#include "sim/run/simulation.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

namespace {

ExitPoint run_exit(const Experiment& experiment, const workloads::Dataset& data, const State& state,
                   int exit_layer, const std::function<void(const std::string&)>& progress) {
  Plan plan(inference_step(experiment, experiment.batch, exit_layer), experiment.device,
            experiment.idealisations, experiment.policy);
  ExitPoint exit;
  exit.buffer = plan.buffer_words();
  Simulation simulation(experiment, std::move(plan));
  for (const workloads::Tensor& tensor : simulation.step().tensors) {
    if (tensor.is_kept() && !state.contains(tensor.name)) {
      throw workloads::InputError("the trained network lacks " + tensor.name);
    }
  }
  simulation.restore(state);
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
                             const State& state,
                             const std::function<void(const std::string&)>& progress) {
  if (data.size() < static_cast<std::size_t>(experiment.batch)) {
    throw workloads::InputError(fmt::format("batch: found {}; allowed: at most the {} images",
                                            experiment.batch, data.size()));
  }
  std::vector<ExitPoint> exits;
  const bool local = workloads::learning_rule(experiment.rule).local;
  const int depth = static_cast<int>(experiment.network.layers.size());
  for (int layer = local ? 1 : depth; layer <= depth; ++layer) {
    exits.push_back(run_exit(experiment, data, state, local ? layer : 0, progress));
  }
  return exits;
}

}  // namespace spillway::sim
