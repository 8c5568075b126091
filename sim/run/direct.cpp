#include "sim/run/direct.hpp"

#include <algorithm>

#include "models/lfsr.hpp"
#include "workloads/initialise.hpp"

namespace spillway::sim {

using workloads::DirectExecutor;
using workloads::Step;
using workloads::Tensor;
using workloads::TensorId;

namespace {

/// What the device's PRNG unit makes.
void generate(std::uint32_t seed, double standard_deviation, std::span<float> values) {
  models::generate_uniform(seed, standard_deviation, 0, values);
}

void give_batch(const Step& step, DirectExecutor& executor, const Batch& batch) {
  std::ranges::copy(batch.images, executor.floats(step.find("input.images").value()).begin());
  std::ranges::copy(batch.labels, executor.integers(step.find("input.labels").value()).begin());
}

std::vector<Decision> read_decisions(const Step& step, DirectExecutor& executor) {
  std::vector<Decision> decisions;
  for (const TensorId id : step.decisions) {
    decisions.push_back(make_decision(step, id, executor.floats(id)));
  }
  return decisions;
}

/// Parameters and seeds, which do not come with the batch.
bool is_given(const Tensor& tensor) { return tensor.layer > 0 && tensor.is_given(); }

}  // namespace

DirectTraining::DirectTraining(const Experiment& experiment)
    : step_(training_step(experiment)), executor_(step_, generate) {
  for (const Tensor& tensor : step_.tensors) {
    if (!is_given(tensor)) continue;
    workloads::initialise(experiment.network, tensor, experiment.seed, executor_.bytes(tensor.id));
  }
}

std::vector<Decision> DirectTraining::run_step(const Batch& batch) {
  give_batch(step_, executor_, batch);
  executor_.run();
  return read_decisions(step_, executor_);
}

std::vector<Decision> evaluate(
    const Experiment& experiment, const workloads::Dataset& data,
    const std::function<std::vector<std::byte>(const std::string&)>& read) {
  std::vector<Decision> sum;
  const auto examples = static_cast<std::int64_t>(data.size());
  for (std::int64_t first = 0; first < examples;) {
    // Full batches, then one smaller batch for the rest.
    const std::int64_t size = std::min(experiment.batch, examples - first);
    const Step step =
        workloads::learning_rule(experiment.rule).inference_step(experiment.network, size);
    DirectExecutor executor(step, generate);
    for (const Tensor& tensor : step.tensors) {
      if (is_given(tensor)) std::ranges::copy(read(tensor.name), executor.bytes(tensor.id).begin());
    }
    for (; first + size <= examples; first += size) {
      give_batch(step, executor, make_batch(data, static_cast<std::size_t>(first), size));
      executor.run();
      const std::vector<Decision> decisions = read_decisions(step, executor);
      sum.resize(decisions.size());
      for (std::size_t i = 0; i < sum.size(); ++i) {
        const double weight = static_cast<double>(size) / static_cast<double>(examples);
        sum[i].layer = decisions[i].layer;
        sum[i].loss += decisions[i].loss * weight;
        sum[i].right += decisions[i].right;
      }
    }
  }
  return sum;
}

}  // namespace spillway::sim
