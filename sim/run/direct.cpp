#include "sim/run/direct.hpp"

#include <algorithm>

#include "models/lfsr.hpp"

namespace spillway::sim {

using workloads::DirectExecutor;
using workloads::Step;
using workloads::Tensor;
using workloads::TensorId;

namespace {

/// What the device's PRNG unit makes.
void generate(const workloads::RandomValues& values, std::uint64_t seed,
              std::optional<std::uint64_t> sign_seed, std::span<std::byte> bytes) {
  models::generate_values(values, seed, sign_seed, 0, bytes);
}

std::vector<Decision> run_batch(const Step& step, DirectExecutor& executor, const Batch& batch,
                                const workloads::StepControl& control = {}) {
  require_fitting(batch, step);
  std::ranges::copy(batch.images, executor.floats(step.find("input.images").value()).begin());
  if (const auto labels = step.find("input.labels")) {
    std::ranges::copy(batch.labels, executor.integers(*labels).begin());
  }
  executor.run(control);
  std::vector<Decision> decisions;
  for (const TensorId id : step.decisions) {
    decisions.push_back(make_decision(step, id, executor.floats(id)));
  }
  return decisions;
}

}  // namespace

DirectTraining::DirectTraining(const Experiment& experiment, int only_layer)
    : step_(training_step(experiment, only_layer)), executor_(step_, generate) {
  initialise(experiment);
}

Result DirectTraining::run_step(const Batch& batch, double rate_scale) {
  return {{}, {}, run_batch(step_, executor_, batch, next_step(rate_scale))};
}

std::vector<std::byte> DirectTraining::read(TensorId id) {
  const std::span<std::byte> bytes = executor_.bytes(id);
  return {bytes.begin(), bytes.end()};
}

void DirectTraining::write(TensorId id, std::span<const std::byte> bytes) {
  std::ranges::copy(bytes, executor_.bytes(id).begin());
}

struct Evaluator::Prepared {
  explicit Prepared(Step s) : step(std::move(s)), executor(step, generate) {}
  Step step;
  DirectExecutor executor;
};

Evaluator::Evaluator(const Experiment& experiment, int exit_layer)
    : experiment_(experiment), exit_layer_(exit_layer) {}
Evaluator::~Evaluator() = default;

std::vector<Decision> Evaluator::evaluate(const workloads::Dataset& data, const State& state) {
  std::vector<Decision> sum;
  const auto examples = static_cast<std::int64_t>(data.size());
  for (std::int64_t first = 0; first < examples;) {
    // Full batches, then one smaller batch for the rest.
    const std::int64_t size = std::min(experiment_.batch, examples - first);
    std::unique_ptr<Prepared>& prepared = by_batch_[size];
    if (!prepared) {
      prepared = std::make_unique<Prepared>(inference_step(experiment_, size, exit_layer_));
    }
    for (const Tensor& tensor : prepared->step.tensors) {
      if (!tensor.is_kept()) continue;
      std::ranges::copy(state.at(tensor.name), prepared->executor.bytes(tensor.id).begin());
    }
    for (; first + size <= examples; first += size) {
      const std::vector<Decision> decisions =
          run_batch(prepared->step, prepared->executor,
                    make_batch(data, static_cast<std::size_t>(first), size));
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
