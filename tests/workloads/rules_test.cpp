// What the learning rules compute.
#include "workloads/rules/rule.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "models/lfsr.hpp"
#include "tests/support/build.hpp"
#include "workloads/executor.hpp"

namespace spillway {

using namespace workloads;

namespace {

/// One step on whole tensors with random images, labels and initial values.
class Trial {
 public:
  Trial(const Network& network, const std::string& rule, std::uint64_t seed)
      : step_(learning_rule(rule).training_step(network, {4, {0.0, 0.0}})),
        executor_(step_, [](std::uint32_t s, double std, std::span<float> values) {
          models::generate_uniform(s, std, 0, values);
        }) {
    SplitMix numbers(seed);
    for (float& pixel : executor_.floats(0)) pixel = static_cast<float>(numbers.uniform());
    for (std::int32_t& label : executor_.integers(1)) {
      label = static_cast<std::int32_t>(numbers.below(network.classes));
    }
    for (const Tensor& tensor : step_.tensors) {
      if (tensor.layer > 0) initialise(network, tensor, seed, executor_.bytes(tensor.id));
    }
  }

  const Step& step() const { return step_; }
  std::span<float> floats(const std::string& name) {
    return executor_.floats(step_.find(name).value());
  }
  void run() { executor_.run(); }
  double loss(const std::string& layer) {
    run();
    return floats(layer + ".metrics")[0];
  }

 private:
  Step step_;
  DirectExecutor executor_;
};

Network smooth_network() {
  LayerSpec first = test::conv(3, 3), second = test::conv(4, 2), third = test::fc(5);
  first.stride = {2, 1};
  first.relu = third.relu = false;  // one kink is enough
  return make_network("net", {2, 6, 5}, 3, {first, test::pooled(second, 2, 2), third});
}

/// The part of a parameter's gradient that equals the central difference of a loss. Where ReLU or
/// max-pooling has a kink nearby, two step widths disagree and nothing can be said.
double share_right(Trial& trial, const std::string& parameter, const std::string& loss_layer) {
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
  int right = 0, judged = 0;
  for (std::size_t i = 0; i < values.size(); i += 1 + values.size() / 40) {
    const double wide = difference(i, 4e-3f), narrow = difference(i, 1e-3f);
    if (!equal(wide, narrow)) continue;
    right += equal(claimed[i], narrow);
    ++judged;
  }
  CHECK(judged >= 2);
  return static_cast<double>(right) / judged;
}

}  // namespace

TEST_CASE("BP's gradients are those of the loss, by finite differences") {
  Trial trial(smooth_network(), "bp", 3);
  for (const char* layer : {"conv1", "conv2", "fc1", "readout"}) {
    for (const char* part : {".weights", ".biases"}) {
      CAPTURE(layer);
      CHECK(share_right(trial, std::string(layer) + part, "readout") >= 0.95);
    }
  }
}

TEST_CASE("LEL's gradients are those of each layer's own loss") {
  Trial trial(smooth_network(), "lel", 4);
  for (const char* layer : {"conv1", "conv2", "fc1"}) {
    for (const char* part : {".weights", ".biases"}) {
      CAPTURE(layer);
      CHECK(share_right(trial, std::string(layer) + part, layer) >= 0.95);
    }
  }
}

TEST_CASE("with local errors nothing crosses to the layer below") {
  Trial trial(smooth_network(), "lel", 5);
  trial.run();
  const std::span<float> gradient = trial.floats("conv1.weights.gradient");
  const std::vector<float> before(gradient.begin(), gradient.end());
  for (float& weight : trial.floats("conv2.weights")) weight = -3 * weight;
  trial.run();
  CHECK(std::equal(before.begin(), before.end(), gradient.begin()));
}

TEST_CASE("every layer has a classifier of its own, and rules share their initial weights") {
  Trial lel(smooth_network(), "lel", 6), bp(smooth_network(), "bp", 6);
  CHECK(lel.floats("conv1.seed")[0] != lel.floats("conv2.seed")[0]);
  const auto a = lel.floats("conv2.weights"), b = bp.floats("conv2.weights");
  CHECK(std::equal(a.begin(), a.end(), b.begin()));
}

TEST_CASE("a step's MACs are the closed sums on random networks") {
  SplitMix numbers(7);
  for (int i = 0; i < 100; ++i) {
    const Network network = test::random_network(numbers);
    const std::uint64_t batch = 1 + numbers.below(9);
    Macs exact, padded, features;
    for (const Layer& layer : network.layers) {
      exact += layer.macs_exact();
      padded += layer.macs_padded();
      features += Macs(layer.activations().count());
    }
    const StepOptions options{static_cast<std::int64_t>(batch), {}};
    const Step bp = bp_training_step(network, options), lel = lel_training_step(network, options);
    const auto classes = static_cast<std::uint64_t>(network.classes);
    CHECK(bp.macs() + network.layers[0].macs_exact() * batch == 3 * batch * exact);
    CHECK(bp.macs_padded() + bp.unused_input_gradient == 3 * batch * padded);
    CHECK(lel.macs() == batch * (2 * exact + 2 * classes * features));
    CHECK(lel.macs_padded() == batch * (2 * padded + 2 * classes * features));
    CHECK(bp.readout_macs() ==
          3 * batch * classes * Macs(network.layers.back().activations().count()));
    CHECK(lel.readout_macs() == Macs(0));
  }
}

TEST_CASE("what no kernel offers yet is refused with the layer's name") {
  LayerSpec norm = test::fc(4), dropped = test::fc(4);
  norm.batch_norm = true;
  dropped.dropout = 0.5;
  for (const LayerSpec& spec : {norm, dropped}) {
    const Network network = make_network("net", {4, 1, 1}, 3, {test::fc(3), spec});
    for (const LearningRule& rule : learning_rules()) {
      try {
        rule.training_step(network, {});
        FAIL("not refused");
      } catch (const InputError& error) {
        CHECK(std::string(error.what()).find("layer fc2") != std::string::npos);
      }
    }
  }
}

}  // namespace spillway
