#include "sim/run/trainee.hpp"

#include <cmath>

#include "models/lfsr.hpp"
#include "workloads/initialise.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

using workloads::Tensor;

Batch make_batch(const workloads::Dataset& data, std::size_t first, std::int64_t size,
                 std::span<const std::size_t> order) {
  const std::size_t pixels = data.images.size() / data.size();
  const std::size_t examples = order.empty() ? data.size() : order.size();
  Batch batch;
  batch.images.reserve(pixels * static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) {
    const std::size_t place = (first + static_cast<std::size_t>(i)) % examples;
    const std::size_t example = order.empty() ? place : order[place];
    const auto image = data.images.begin() + static_cast<std::ptrdiff_t>(example * pixels);
    batch.images.insert(batch.images.end(), image, image + static_cast<std::ptrdiff_t>(pixels));
    batch.labels.push_back(data.labels[example]);
  }
  return batch;
}

void require_fitting(const Batch& batch, const workloads::Step& step) {
  const auto fits = [&](const char* name, std::size_t found) {
    const std::optional<workloads::TensorId> id = step.find(name);
    return !id || found == step.tensor(*id).elements();
  };
  if (fits("input.images", batch.images.size()) && fits("input.labels", batch.labels.size())) {
    return;
  }
  throw workloads::InputError("a mini-batch of another size than the network's input");
}

Batch first_batch(const Experiment& experiment) {
  return make_batch(load_data(experiment).train, 0, experiment.batch);
}

Decision make_decision(const workloads::Step& step, workloads::TensorId id,
                       std::span<const float> metrics) {
  // A program that forgets to store its metrics leaves poison, which is no number.
  return {step.layer_names[step.tensor(id).layer], metrics[0],
          std::llround(std::isnan(metrics[1]) ? 0 : metrics[1])};
}

namespace {

/// What the PRNG unit would make of the tensor's seeds.
void make_stored_values(const Experiment& experiment, const workloads::Step& step,
                        const Tensor& tensor, std::span<std::byte> bytes) {
  const auto seed = [&](workloads::TensorId id) {
    std::uint32_t value = 0;
    workloads::initialise(experiment.network, step.tensor(id), experiment.seed,
                          std::as_writable_bytes(std::span(&value, 1)));
    return std::uint64_t{value};
  };
  const workloads::Generated& made = *tensor.made_from;
  std::optional<std::uint64_t> sign_seed;
  if (made.sign_seed) sign_seed = seed(*made.sign_seed);
  models::generate_values(made.values, seed(made.seed), sign_seed, 0, bytes);
}

}  // namespace

void Trainee::initialise(const Experiment& experiment) {
  steps_done_ = 0;
  for (const Tensor& tensor : step().tensors) {
    if (!tensor.is_kept()) continue;
    std::vector<std::byte> bytes(tensor.bytes().count());
    if (tensor.made_from) {
      make_stored_values(experiment, step(), tensor, bytes);
    } else {
      workloads::initialise(experiment.network, tensor, experiment.seed, bytes);
    }
    write(tensor.id, bytes);
  }
}

void Trainee::save(State& state) {
  for (const Tensor& tensor : step().tensors) {
    if (tensor.is_kept()) state[tensor.name] = read(tensor.id);
  }
}

void Trainee::restore(const State& state, std::size_t steps_done) {
  for (const Tensor& tensor : step().tensors) {
    const auto found = state.find(tensor.name);
    if (!tensor.is_kept() || found == state.end()) continue;
    if (found->second.size() != tensor.bytes().count()) {
      throw workloads::InputError("the state of " + tensor.name + " has another size");
    }
    write(tensor.id, found->second);
  }
  steps_done_ = static_cast<std::int64_t>(steps_done);
}

workloads::StepControl Trainee::next_step(double rate_scale) { return {rate_scale, ++steps_done_}; }

}  // namespace spillway::sim
