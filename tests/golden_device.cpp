#include "tests/golden_device.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "tests/golden_network.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::test {

using namespace workloads;

namespace {

constexpr double summation_order = 2e-5;  // absolute plus relative
constexpr Bytes small_buffer(6 << 10), large_buffer(4 << 20);

/// Random values are given like the others, and what is compared is wanted after the step.
Step observed(Step step) {
  for (Tensor& tensor : step.tensors) {
    if (tensor.generated) {
      tensor.generated.reset();
      tensor.lifetime = Lifetime::input;
    }
    const bool gradient = tensor.kind == TensorKind::weight_gradients ||
                          tensor.kind == TensorKind::bias_gradients ||
                          tensor.kind == TensorKind::norm_gradients ||
                          tensor.kind == TensorKind::classifier_gradients;
    if (gradient || tensor.kind == TensorKind::scores) tensor.lifetime = Lifetime::output;
  }
  return step;
}

std::unique_ptr<sim::Simulation> simulation(const Network& network, const Step& step,
                                            sim::Policy policy, Bytes buffer) {
  sim::Experiment experiment;
  experiment.network = network;
  experiment.batch = step.batch;
  experiment.device =
      models::read_device(Config::from_file(shared_folder() / "models" / "devices" / "paper.yaml"));
  experiment.device.buffer = buffer;
  sim::Plan plan(observed(step), experiment.device, sim::Idealisations::none(), policy);
  return std::make_unique<sim::Simulation>(experiment, std::move(plan));
}

float value(const std::vector<std::byte>& bytes, std::size_t i) {
  float result = 0;
  std::memcpy(&result, bytes.data() + i * sizeof result, sizeof result);
  return result;
}

}  // namespace

GoldenDevice::GoldenDevice(const Network& network, const Step& step)
    : paper_(simulation(network, step, sim::Policy::paper, large_buffer)),
      layer_(simulation(network, step, sim::Policy::layer, small_buffer)) {}

void GoldenDevice::give(TensorId id, std::span<const std::byte> bytes) {
  paper_->write(id, bytes);
  layer_->write(id, bytes);
}

void GoldenDevice::run(const sim::Batch& batch) {
  paper_->run_step(batch);
  layer_->run_step(batch);
}

void GoldenDevice::compare(DirectExecutor& direct, const std::string& place) {
  for (const Tensor& tensor : paper_->step().tensors) {
    if (tensor.lifetime == Lifetime::input || tensor.lifetime == Lifetime::temporary) continue;
    const std::span<float> wanted = direct.floats(tensor.id);
    const std::vector<std::byte> same = paper_->read(tensor.id), near = layer_->read(tensor.id);
    if (std::memcmp(same.data(), wanted.data(), same.size()) != 0) {
      throw Mismatch{
          fmt::format("{} {}: the device has other values under policy paper", place, tensor.name)};
    }
    if (tensor.kind == TensorKind::seeds) continue;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double found = value(near, i);
      if (std::abs(found - wanted[i]) <= summation_order * (1 + std::abs(wanted[i]))) continue;
      throw Mismatch{fmt::format("{} {}[{}]: {} under policy layer, {} without a device", place,
                                 tensor.name, i, found, wanted[i])};
    }
  }
}

}  // namespace spillway::test
