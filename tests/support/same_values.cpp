#include "tests/support/same_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace spillway::test {

using workloads::Tensor;

namespace {

std::vector<float> floats(const std::vector<std::byte>& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

/// The largest difference between two tensors, as a share of the larger one's largest value. (What
/// is smaller than 0.02 is taken for 0.02: errors before batch-norm are small differences of large
/// sums.)
double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0, scale = 0.02;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) return 1e9;
    scale =
        std::max({scale, std::abs(static_cast<double>(a[i])), std::abs(static_cast<double>(b[i]))});
    most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return most / scale;
}

}  // namespace

bool is_degenerate(sim::DirectTraining& direct) {
  for (const Tensor& tensor : direct.step().tensors) {
    if (tensor.kind != workloads::TensorKind::norm_statistics || !tensor.is_kept()) continue;
    const std::vector<float> running = floats(direct.read(tensor.id));
    for (std::size_t c = running.size() / 2; c < running.size(); ++c) {
      // Running variances, which were 1, are 0.9 + 0.1 of the batch's.
      if (running[c] < 0.9 + 0.1 * 1e-3) return true;
    }
  }
  return false;
}

std::vector<std::string> differing_tensors(sim::Simulation& simulation,
                                           sim::DirectTraining& direct) {
  std::vector<std::string> names;
  for (const Tensor& tensor : simulation.plan().step().tensors) {
    if (!tensor.is_kept()) continue;
    const auto ours = simulation.read(tensor.id), theirs = direct.read(tensor.id);
    if (tensor.kind == workloads::TensorKind::seeds) {
      if (ours != theirs) names.push_back(tensor.name);
      continue;
    }
    const double apart = difference(floats(ours), floats(theirs));
    if (!(apart < 2e-4)) names.push_back(fmt::format("{} by {}", tensor.name, apart));
  }
  return names;
}

std::vector<std::string> differing_after_two_steps(const sim::Experiment& experiment,
                                                   bool by_bits) {
  sim::Simulation device(experiment);
  sim::DirectTraining direct(experiment, 0);
  direct.initialise(experiment);
  const sim::Batch batch = sim::first_batch(experiment);
  for (int step = 0; step < 2; ++step) {
    device.run_step(batch);
    direct.run_step(batch);
  }
  sim::State found, wanted;
  device.save(found);
  direct.save(wanted);
  std::vector<std::string> names;
  for (const auto& [name, bytes] : wanted) {
    if (found.at(name) == bytes) continue;
    const std::vector<float> ours = floats(found.at(name)), theirs = floats(bytes);
    const auto close = [](float a, float b) {
      return std::abs(a - b) <= 1e-3f * (1 + std::abs(b));
    };
    const bool numbers = !name.ends_with("seed");
    if (by_bits || !numbers || !std::ranges::equal(ours, theirs, close)) names.push_back(name);
  }
  return names;
}

}  // namespace spillway::test
