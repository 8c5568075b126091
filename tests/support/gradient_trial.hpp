// A training step on whole tensors whose gradients are compared with differences of its loss.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "models/lfsr.hpp"
#include "tests/support/build.hpp"
#include "workloads/executor.hpp"

// Of OpenMP's library. Its header belongs to one compiler, and tools that read this file may be
// another's.
extern "C" {
int omp_get_max_threads();
void omp_set_num_threads(int threads);
}

namespace spillway::test {

using namespace workloads;

/// Networks this small run faster on one thread than two threads meet.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

inline void make_values(const RandomValues& values, std::uint64_t seed,
                        std::optional<std::uint64_t> sign_seed, std::span<std::byte> bytes) {
  models::generate_values(values, seed, sign_seed, 0, bytes);
}

/// One step on whole tensors with random images, labels and initial values. The learning rate is 0,
/// so that it can be run again.
class Trial {
 public:
  Trial(const Network& network, const std::string& rule, std::uint64_t seed,
        const RuleOptions& options = {})
      : step_(learning_rule(rule).training_step(network, {4, {0.0, 0.0}, options, 0})),
        executor_(step_, make_values) {
    SplitMix numbers(seed);
    for (float& pixel : floats("input.images")) pixel = static_cast<float>(numbers.uniform());
    if (step_.find("input.labels")) {
      for (std::int32_t& label : labels()) {
        label = static_cast<std::int32_t>(numbers.below(network.classes));
      }
    }
    for (const Tensor& tensor : step_.tensors) {
      if (tensor.is_kept()) initialise(network, tensor, seed, executor_.bytes(tensor.id));
    }
    // Batch-norm that is not the identity, and masks that are the same in every run.
    for (const Tensor& tensor : step_.tensors) {
      if (tensor.kind == TensorKind::norm_parameters) {
        for (float& value : executor_.floats(tensor.id)) {
          value = static_cast<float>(value + numbers.uniform() - 0.5);
        }
      }
      if (tensor.kind != TensorKind::masks) continue;
      std::vector<std::byte> kept(tensor.elements());
      for (std::byte& byte : kept) byte = std::byte{numbers.below(2) == 0};
      executor_.give(tensor.id, kept);
    }
  }

  const Step& step() const { return step_; }
  std::span<float> floats(const std::string& name) {
    return executor_.floats(step_.find(name).value());
  }
  std::span<std::int32_t> labels() {
    return executor_.integers(step_.find("input.labels").value());
  }
  std::int32_t seed(const std::string& layer) {
    return executor_.integers(step_.find(layer + ".seed").value())[0];
  }
  void run() { executor_.run(); }
  double loss(const std::string& layer) {
    run();
    return floats(layer + ".metrics")[0];
  }
  /// Names of a layer's parameters, e.g. "conv1.weights".
  std::vector<std::string> parameters(int layer) const {
    std::vector<std::string> names;
    for (const Tensor& tensor : step_.tensors) {
      if (tensor.layer == layer && step_.find(tensor.name + ".gradient")) {
        names.push_back(tensor.name);
      }
    }
    return names;
  }
  /// All gradients of a layer's parameters, one after the other.
  std::vector<float> gradients(int layer) {
    std::vector<float> all;
    for (const std::string& name : parameters(layer)) {
      const std::span<float> one = floats(name + ".gradient");
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }

 private:
  Step step_;
  DirectExecutor executor_;
};

/// How many coordinates of gradients equal the central difference of a loss. Where ReLU or
/// max-pooling has a kink nearby, two step widths disagree and nothing can be said.
struct Agreement {
  int right = 0, judged = 0;
  int telling = 0;  ///< judged ones where the gradient is not near 0

  void add(Trial& trial, const std::string& parameter, const std::string& loss_layer, int most) {
    trial.run();
    const std::span<float> gradient = trial.floats(parameter + ".gradient");
    const std::vector<float> claimed(gradient.begin(), gradient.end());
    const std::span<float> values = trial.floats(parameter);
    const auto difference = [&](std::size_t i, float epsilon) {
      const float before = values[i];
      values[i] = before + epsilon;
      const double up = trial.loss(loss_layer);
      values[i] = before - epsilon;
      const double down = trial.loss(loss_layer);
      values[i] = before;
      return (up - down) / (2 * double{epsilon});
    };
    const auto equal = [](double x, double y) {
      return std::abs(x - y) <= 2e-4 + 0.02 * std::abs(y);
    };
    for (std::size_t i = 0; i < values.size(); i += 1 + values.size() / most) {
      const double wide = difference(i, 4e-3f), narrow = difference(i, 1e-3f);
      if (!equal(wide, narrow)) continue;
      right += equal(claimed[i], narrow);
      telling += std::abs(narrow) > 2e-3;
      ++judged;
    }
  }
  double share() const { return static_cast<double>(right) / judged; }
};

}  // namespace spillway::test
