// What the learning rules compute.
#include "workloads/rules/rule.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "tests/support/gradient_trial.hpp"

namespace spillway::rules_test {

using namespace workloads;
using test::Agreement;
using test::OneThread;
using test::Trial;

namespace {

Network smooth_network() {
  LayerSpec first = test::conv(3, 3), second = test::conv(4, 2), third = test::fc(5);
  first.stride = {2, 1};
  first.relu = third.relu = false;  // one kink is enough
  return make_network("net", {2, 6, 5}, 3, {first, test::pooled(second, 2, 2), third});
}

/// A legal step of the smooth network for tests that spoil it.
Step some_step(const std::string& rule) {
  return learning_rule(rule).training_step(smooth_network(), {4, {}, {}, 0});
}

}  // namespace

TEST_CASE("BP's gradients are those of the loss, by finite differences") {
  const OneThread one_thread;
  Trial trial(smooth_network(), "bp", 3);
  for (int layer = 1; layer <= 4; ++layer) {
    for (const std::string& parameter : trial.parameters(layer)) {
      CAPTURE(parameter);
      Agreement agreement;
      agreement.add(trial, parameter, "readout", 40);
      CHECK(agreement.judged >= 2);
      CHECK(agreement.share() >= 0.95);
    }
  }
}

TEST_CASE("LEL's gradients are those of each layer's own loss") {
  const OneThread one_thread;
  Trial trial(smooth_network(), "lel", 4);
  for (int layer = 1; layer <= 3; ++layer) {
    for (const std::string& parameter : trial.parameters(layer)) {
      CAPTURE(parameter);
      Agreement agreement;
      agreement.add(trial, parameter, trial.step().layer_names[layer], 40);
      CHECK(agreement.judged >= 2);
      CHECK(agreement.share() >= 0.95);
    }
  }
}

TEST_CASE("gradients are those of the losses on random networks too") {
  const OneThread one_thread;
  // The rules that are true gradients; the others have random feedback.
  for (const char* name : {"bp", "lel", "lel-tlc"}) {
    const LearningRule& rule = learning_rule(name);
    SplitMix numbers(31);
    Agreement agreement;
    for (std::uint64_t i = 0; i < 60; ++i) {
      Trial trial(test::random_network(numbers), rule.name, 100 + i);
      const std::vector<std::string>& names = trial.step().layer_names;
      for (int layer = 1; layer <= trial.step().readout_layer(); ++layer) {
        for (const std::string& parameter : trial.parameters(layer)) {
          agreement.add(trial, parameter, rule.local ? names[layer] : "readout", 5);
        }
      }
    }
    CAPTURE(rule.name);
    CHECK(agreement.telling > 300);
    CHECK(agreement.share() >= 0.97);
  }
}

TEST_CASE("with local errors nothing crosses to the layer below, with BP it does") {
  SplitMix numbers(32);
  int layers_below = 0, changed_by_bp = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const Network network = test::random_network(numbers);
    Trial lel(network, "lel", i), bp(network, "bp", i);
    const int top = static_cast<int>(network.layers.size());
    for (Trial* trial : {&lel, &bp}) trial->run();
    for (int changed = 2; changed <= top; ++changed) {
      std::vector<std::vector<float>> lel_before, bp_before;
      for (int below = 1; below < changed; ++below) {
        lel_before.push_back(lel.gradients(below));
        bp_before.push_back(bp.gradients(below));
      }
      for (Trial* trial : {&lel, &bp}) {
        for (float& w : trial->floats(network.layers[changed - 1].name + ".weights")) w *= -3;
        trial->run();
      }
      for (int below = 1; below < changed; ++below) {
        CHECK(lel.gradients(below) == lel_before[below - 1]);
        changed_by_bp += bp.gradients(below) != bp_before[below - 1];
        ++layers_below;
      }
    }
  }
  CHECK(layers_below > 50);
  CHECK(changed_by_bp > layers_below / 2);
}

TEST_CASE("every layer has a classifier of its own, and every seed of a run others") {
  std::vector<LayerSpec> specs(12, test::fc(4));
  const Network network = make_network("net", {4, 1, 1}, 3, specs);
  std::set<std::int32_t> seeds;
  for (const std::uint64_t seed : {1, 2, 3}) {
    Trial trial(network, "lel", seed);
    for (const Layer& layer : network.layers) seeds.insert(trial.seed(layer.name));
  }
  CHECK(seeds.size() == 36);
}

TEST_CASE("the same seed gives the same initial weights under every rule, another one others") {
  SplitMix numbers(33);
  for (std::uint64_t i = 0; i < 20; ++i) {
    const Network network = test::random_network(numbers);
    Trial lel(network, "lel", i), bp(network, "bp", i), other(network, "bp", i + 1000);
    for (int layer = 1; layer <= static_cast<int>(network.layers.size()); ++layer) {
      const double bound = 1 / std::sqrt(static_cast<double>(network.layers[layer - 1].fan_in()));
      for (const std::string& name : bp.parameters(layer)) {
        const auto a = lel.floats(name), b = bp.floats(name), c = other.floats(name);
        CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
        CHECK_FALSE(std::equal(a.begin(), a.end(), c.begin(), c.end()));
        if (name.ends_with(".norm")) continue;
        CHECK(std::all_of(a.begin(), a.end(), [&](float w) { return std::abs(w) <= bound; }));
      }
    }
  }
}

TEST_CASE("a step with a learning rate goes down its gradients, with momentum or without") {
  for (const LearningRule& rule : learning_rules()) {
    for (const double momentum : {0.0, 0.5}) {
      CAPTURE(rule.name);
      const Network network = smooth_network();
      const Step step = rule.training_step(network, {4, {0.25, momentum}, {}, 0});
      CHECK(step.find("fc1.weights.momentum").has_value() == (momentum > 0));
      DirectExecutor executor(step, test::make_values);
      for (float& pixel : executor.floats(0)) pixel = 0.5f;
      for (const Tensor& tensor : step.tensors) {
        if (tensor.is_kept()) initialise(network, tensor, 9, executor.bytes(tensor.id));
      }
      const auto all = [&](const std::string& name) {
        const auto values = executor.floats(step.find(name).value());
        return std::vector<float>(values.begin(), values.end());
      };
      const auto before = all("conv2.weights");
      executor.run();
      const auto after = all("conv2.weights"), gradient = all("conv2.weights.gradient");
      // From rest, Nesterov's first step is 1 + momentum times the plain one.
      const double rate = 0.25 * (1 + momentum);
      for (std::size_t i = 0; i < before.size(); ++i) {
        CHECK(after[i] == doctest::Approx(before[i] - rate * gradient[i]).epsilon(1e-5));
      }
      CHECK(after != before);
    }
  }
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
    const auto examples = static_cast<std::int64_t>(batch);
    const StepOptions options{examples, {}, {}, 0};
    const InferenceOptions looking{examples, {}, 0};
    const Step bp = learning_rule("bp").training_step(network, options),
               fa = learning_rule("fa").training_step(network, options),
               dfa = learning_rule("dfa").training_step(network, options),
               lel = learning_rule("lel").training_step(network, options),
               scfb = learning_rule("lel-scfb").training_step(network, options),
               tlc = learning_rule("lel-tlc").training_step(network, options);
    const auto classes = static_cast<std::uint64_t>(network.classes);
    const Layer& first = network.layers.front();
    const Macs readout = classes * Macs(network.layers.back().activations().count());
    CHECK(bp.macs() + batch * first.macs_exact() == 3 * batch * exact);
    CHECK(bp.macs_padded() + batch * first.macs_padded() == 3 * batch * padded);
    CHECK(bp.unused_input_gradient == batch * first.macs_padded());
    CHECK(bp.readout_macs() == 3 * batch * readout);
    CHECK(lel.macs() == batch * (2 * exact + 2 * classes * features));
    CHECK(lel.macs_padded() == batch * (2 * padded + 2 * classes * features));
    CHECK(lel.readout_macs() == Macs(0));
    CHECK(lel.unused_input_gradient == Macs(0));
    CHECK(fa.macs() == bp.macs());
    CHECK(fa.readout_macs() == bp.readout_macs());
    CHECK(dfa.macs() == batch * (2 * exact + classes * features));
    CHECK(dfa.readout_macs() == 2 * batch * readout);
    CHECK(scfb.macs() == lel.macs());
    CHECK(tlc.macs() == batch * (2 * exact + 3 * classes * features));
    const Step bp_looks = learning_rule("bp").inference_step(network, looking),
               lel_looks = learning_rule("lel").inference_step(network, looking);
    CHECK(bp_looks.macs() == batch * exact);
    CHECK(bp_looks.readout_macs() == batch * readout);
    CHECK(lel_looks.macs() == batch * (exact + classes * features));
  }
}

TEST_CASE("every rule's steps are legal on random networks, and decide once or once a layer") {
  SplitMix numbers(34);
  for (int i = 0; i < 100; ++i) {
    const Network network = test::random_network(numbers);
    const std::int64_t batch = 1 + static_cast<std::int64_t>(numbers.below(5));
    for (const LearningRule& rule : learning_rules()) {
      for (const Step& step : {rule.training_step(network, {batch, {}, {}, 0}),
                               rule.inference_step(network, {batch, {}, 0})}) {
        CHECK_NOTHROW(check_step(step));
        CHECK(step.decisions.size() == (rule.local ? network.layers.size() : 1));
        std::set<std::string> names;
        for (const Tensor& tensor : step.tensors) names.insert(tensor.name);
        CHECK(names.size() == step.tensors.size());
        for (std::size_t id = 0; id < step.tensors.size(); ++id) CHECK(step.tensors[id].id == id);
      }
    }
  }
}

TEST_CASE("a step that lacks an operation whose result it needs is refused") {
  for (const char* rule : {"bp", "lel"}) {
    const Step step = some_step(rule);
    int needed = 0;
    for (std::size_t i = 0; i < step.ops.size(); ++i) {
      std::set<TensorId> made(step.ops[i].outputs.begin(), step.ops[i].outputs.end());
      for (const TensorId id : step.ops[i].inputs) made.erase(id);  // changed in place
      bool read = false;
      for (const Op& op : step.ops) {
        for (const TensorId id : op.inputs) read = read || made.contains(id);
      }
      Step without = step;
      without.ops.erase(without.ops.begin() + static_cast<std::ptrdiff_t>(i));
      CAPTURE(i);
      if (read) {
        CHECK_THROWS_AS(check_step(without), ConsistencyError);
      } else {
        CHECK_NOTHROW(check_step(without));
      }
      needed += read;
    }
    CHECK(needed > 10);
  }
}

TEST_CASE("a step with a wrong size, a wrong number of operands or unsorted stages is refused") {
  const Step step = some_step("bp");
  std::set<TensorId> used;
  for (const Op& op : step.ops) {
    used.insert(op.inputs.begin(), op.inputs.end());
    used.insert(op.outputs.begin(), op.outputs.end());
  }
  for (const TensorId id : used) {
    Step wrong = step;
    ++wrong.tensors[id].shape.back();
    CAPTURE(step.tensor(id).name);
    CHECK_THROWS_AS(check_step(wrong), ConsistencyError);
  }
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    CAPTURE(i);
    Step fewer = step, more = step, late = step, beyond = step;
    fewer.ops[i].outputs.clear();
    CHECK_THROWS_AS(check_step(fewer), ConsistencyError);
    more.ops[i].inputs.resize(4, step.ops[i].inputs[0]);
    CHECK_THROWS_AS(check_step(more), ConsistencyError);
    late.ops[i].stage = step.stages.size() - 1;
    if (i + 1 < step.ops.size() && step.ops[i + 1].stage + 1 < step.stages.size()) {
      CHECK_THROWS_AS(check_step(late), ConsistencyError);
    }
    beyond.ops[i].stage = step.stages.size();
    CHECK_THROWS_AS(check_step(beyond), ConsistencyError);
  }
}

TEST_CASE("what no kernel offers is refused with the layer's name") {
  const LayerSpec wide_pool = test::pooled(test::conv(1, 1), 17, 1);
  const auto require_named = [](const auto& make_step, const std::string& layer) {
    std::string message;
    try {
      make_step();
    } catch (const InputError& error) {
      message = error.what();
    }
    CHECK(message.find("layer " + layer) != std::string::npos);
  };
  for (const LearningRule& rule : learning_rules()) {
    const auto require_refused = [&](const Network& network, const std::string& layer) {
      require_named([&] { rule.training_step(network, {}); }, layer);
      require_named([&] { rule.inference_step(network, {}); }, layer);
    };
    require_refused(make_network("net", {1, 20, 20}, 3, {test::conv(1, 1), wide_pool}), "conv2");
  }
}

TEST_CASE("a rule that does not exist is refused with those that do") {
  CHECK_THROWS_WITH_AS(learning_rule("lell"),
                       "found \"lell\"; allowed: bp, fa, dfa, lel, lel-scfb, lel-independent, "
                       "lel-tlc (did you mean \"lel\"?)",
                       InputError);
}

}  // namespace spillway::rules_test
