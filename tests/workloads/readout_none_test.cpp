// Networks whose last layer gives the scores, and what rules make of them; targets that are images.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/gradient_trial.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::readout_none_test {

using namespace workloads;
using test::Agreement;
using test::OneThread;
using test::Trial;

namespace {

LayerSpec linear(LayerSpec spec) {
  spec.relu = false;
  return spec;
}

RuleOptions options_of(Loss loss, Targets targets = Targets::labels) {
  RuleOptions options;
  options.loss = loss;
  options.targets = targets;
  return options;
}
const RuleOptions mse = options_of(Loss::mse);
const RuleOptions of_inputs = options_of(Loss::mse, Targets::inputs);

/// A conv, a pooled conv and an fc layer under what gives the scores. One kink is enough.
Network classifier(std::int64_t classes, Readout readout = Readout::none) {
  return make_network("net", {2, 6, 5}, classes,
                      {linear(test::conv(3, 3)), test::pooled(test::conv(4, 2), 2, 2),
                       linear(test::fc(5)), linear(test::fc(classes))},
                      readout);
}
/// Encoder and decoder on maps; the last layer has the image's size.
Network autoencoder() {
  return make_network("auto", {2, 4, 3}, 24,
                      {linear(test::conv(3, 3)), test::conv(4, 1), linear(test::conv(2, 3))},
                      Readout::none);
}

std::vector<std::string> stage_names(const Step& step) {
  std::vector<std::string> names;
  for (const Stage& stage : step.stages) names.push_back(stage.name);
  return names;
}

void require_refused(const std::string& yaml, const std::string& where, const std::string& what) {
  try {
    read_network(Config::from_text(yaml, "net.yaml"), "net");
    FAIL("not refused");
  } catch (const InputError& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find(where) != std::string::npos);
    CHECK(message.find(what) != std::string::npos);
  }
}

std::string yaml(const std::string& keys, const std::string& last) {
  return "input: 6\nclasses: 3\n" + keys + "layers:\n  - {type: fc, out: 4}\n  - {" + last + "}\n";
}

}  // namespace

TEST_CASE("gradients are those of each loss where the last layer gives the scores") {
  const OneThread one_thread;
  struct Case {
    Network network;
    RuleOptions options;
  };
  const std::vector<Case> cases{{classifier(3), options_of(Loss::cross_entropy)},
                                {classifier(3), mse},
                                {classifier(1), mse},
                                {classifier(1, Readout::trained), mse},
                                {classifier(60), of_inputs},
                                {autoencoder(), of_inputs}};
  for (const char* rule : {"bp", "lel", "lel-tlc"}) {
    CAPTURE(rule);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      CAPTURE(i);
      const auto& [network, options] = cases[i];
      Trial trial(network, rule, 70 + i, options);
      const Step& step = trial.step();
      const std::string top =
          step.layer_names[static_cast<std::size_t>(step.tensor(step.decisions.back()).layer)];
      CHECK((top == "readout") ==
            (std::string(rule) == "bp" && network.readout == Readout::trained));
      Agreement agreement;
      for (int layer = 1; layer <= step.readout_layer(); ++layer) {
        const std::vector<std::string> parameters = trial.parameters(layer);
        CHECK(parameters.empty() == (layer == step.readout_layer() && top != "readout"));
        const std::string& own = step.layer_names[static_cast<std::size_t>(layer)];
        for (const std::string& parameter : parameters) {
          agreement.add(trial, parameter, learning_rule(rule).local ? own : top, 20);
        }
      }
      CHECK(agreement.judged > 40);
      CHECK(agreement.telling > 20);
      CHECK(agreement.share() >= 0.95);
    }
  }
}

TEST_CASE("one linear layer with one output learns numbers as computed by hand") {
  const Network network = make_network("line", {2, 1, 1}, 1, {linear(test::fc(1))}, Readout::none);
  for (const char* rule : {"bp", "fa", "dfa", "lel", "lel-tlc"}) {
    CAPTURE(rule);
    const Step step = learning_rule(rule).training_step(network, {2, {0.1, 0}, mse, 0});
    DirectExecutor executor(step, test::make_values);
    const auto floats = [&](const char* name) { return executor.floats(step.find(name).value()); };
    std::ranges::copy(std::vector<float>{1, 2, 2, 0}, floats("input.images").begin());
    std::ranges::copy(std::vector<std::int32_t>{3, 1},
                      executor.integers(step.find("input.labels").value()).begin());
    std::ranges::copy(std::vector<float>{0.5f, -1}, floats("fc1.weights").begin());
    floats("fc1.biases")[0] = 0.25f;
    executor.run();
    // Scores -1.25 and 1.25 in the place of 3 and 1.
    CHECK(floats("fc1.metrics")[0] == (4.25f * 4.25f + 0.0625f) / 4);
    CHECK(floats("fc1.metrics")[1] == 1);
    CHECK(floats("fc1.weights.gradient")[0] == -1.875f);
    CHECK(floats("fc1.weights.gradient")[1] == -4.25f);
    CHECK(floats("fc1.biases.gradient")[0] == -2);
    CHECK(floats("fc1.weights")[0] == doctest::Approx(0.6875));
    CHECK(floats("fc1.weights")[1] == doctest::Approx(-0.575));
    CHECK(floats("fc1.biases")[0] == doctest::Approx(0.45));
  }
}

TEST_CASE("an autoencoder of one hidden neuron learns its input as computed by hand") {
  const Network network =
      make_network("auto", {2, 1, 1}, 2, {test::fc(1), linear(test::fc(2))}, Readout::none);
  const Step step = learning_rule("bp").training_step(network, {1, {0.5, 0}, of_inputs, 0});
  CHECK_FALSE(step.find("input.labels"));
  DirectExecutor executor(step, test::make_values);
  const auto floats = [&](const char* name) { return executor.floats(step.find(name).value()); };
  std::ranges::copy(std::vector<float>{2, -1}, floats("input.images").begin());
  std::ranges::copy(std::vector<float>{1, 0.5f}, floats("fc1.weights").begin());
  std::ranges::copy(std::vector<float>{1, -2}, floats("fc2.weights").begin());
  executor.run();
  // h = 1.5, scores 1.5 and -3 in the place of 2 and -1, error of h 1 * -0.5 + -2 * -2.
  CHECK(floats("fc2.metrics")[0] == 2.125f);
  CHECK(floats("fc2.metrics")[1] == 0);
  const auto equal = [&](const char* name, const std::vector<float>& values) {
    CAPTURE(name);
    CHECK(std::ranges::equal(floats(name), values));
  };
  equal("fc2.score_errors", {-0.5f, -2});
  equal("fc2.weights.gradient", {-0.75f, -3});
  equal("fc1.weights.gradient", {7, -3.5f});
  equal("fc1.biases.gradient", {3.5f});
  equal("fc1.weights", {-2.5f, 2.25f});
  equal("fc2.weights", {1.375f, -0.5f});
}

TEST_CASE("with input dropout the targets are the images as they were") {
  Network network = autoencoder();
  network.input_dropout = 0.5;
  const Step step = learning_rule("bp").training_step(network, {4, {}, of_inputs, 0});
  const TensorId images = step.find("input.images").value();
  int losses = 0;
  for (const Op& op : step.ops) {
    if (!op.kernel.is<SquaredError>()) continue;
    CHECK(op.inputs[1] == images);
    ++losses;
  }
  CHECK(losses == 1);
}

TEST_CASE("where the last layer gives the scores no rule adds a readout or a classifier there") {
  const Network network = classifier(3);
  for (const LearningRule& rule : learning_rules()) {
    CAPTURE(rule.name);
    const Step step = rule.training_step(network, {4, {}, {}, 0});
    CHECK(step.readout_macs() == Macs(0));
    for (const Tensor& tensor : step.tensors) {
      CAPTURE(tensor.name);
      CHECK(tensor.layer < step.readout_layer());
      if (tensor.layer < 4) continue;
      CHECK(tensor.kind != TensorKind::classifier);
      CHECK(tensor.kind != TensorKind::activations);
      // Feedback alignment alone goes back through random weights there.
      CHECK((tensor.kind != TensorKind::feedback || rule.name == "fa"));
    }
    CHECK(step.decisions.size() == (rule.local ? 4 : 1));
    CHECK(step.tensor(step.decisions.back()).name == "fc2.metrics");
    CHECK(step.tensor(step.find("fc2.scores").value()).kind == TensorKind::scores);
    CHECK(step.tensor(step.find("fc2.score_errors").value()).kind == TensorKind::score_errors);
    const Step looks = rule.inference_step(network, {4, {}, 0});
    CHECK(looks.tensor(looks.decisions.back()).name == "fc2.metrics");
  }
  const Step bp = learning_rule("bp").training_step(network, {4, {}, {}, 0});
  CHECK(stage_names(bp) ==
        std::vector<std::string>{"F_1", "F_2", "F_3", "F_4", "T", "B_4", "B_3", "B_2", "B_1"});
  CHECK(bp.stages[4].turn);
  CHECK(bp.stages[4].survivors == std::vector<TensorId>{bp.find("fc2.score_errors").value()});
}

TEST_CASE("vgg16 written whole has the parameters that were published") {
  const auto parameters = [](const std::string& name) {
    const Network network = read_network(shared_folder() / "workloads" / "networks" / name);
    const Step step = learning_rule("bp").training_step(network, {1, {0.1, 0}, {}, 0});
    std::uint64_t sum = 0;
    for (const Tensor& tensor : step.tensors) {
      if (tensor.lifetime == Lifetime::parameter) sum += tensor.elements();
    }
    return sum;
  };
  CHECK(parameters("vgg16-whole.yaml") == 138'357'544);
  CHECK(parameters("vgg16.yaml") == 138'357'544);
  const Network whole =
      read_network(shared_folder() / "workloads" / "networks" / "vgg16-whole.yaml");
  CHECK(whole.weights() == Words(138'344'128));  // + 13 416 biases
  CHECK(whole.activations() - whole.hidden_activations() == Words(1'000));
}

TEST_CASE(
    "a last layer that gives the scores is linear unless it says otherwise, and then refused") {
  const std::string none = "readout: none\n",
                    where = "net.yaml:3: readout: none, but the last layer";
  const auto read = [](const std::string& text) {
    return read_network(Config::from_text(text, "net.yaml"), "net");
  };
  const Network network = read(yaml(none + "batch_norm: true\ndropout: 0.5\n", "type: fc, out: 3"));
  CHECK(network.readout == Readout::none);
  CHECK(network.layers[0].relu);
  CHECK(network.layers[0].batch_norm);
  CHECK_FALSE(network.layers[1].relu);
  CHECK_FALSE(network.layers[1].batch_norm);
  CHECK(network.layers[1].bias);
  CHECK(network.layers[1].dropout == 0);
  CHECK(read(yaml("", "type: fc, out: 3")).layers[1].relu);
  CHECK(read(yaml("readout: trained\n", "type: fc, out: 3")).readout == Readout::trained);
  require_refused(yaml(none, "type: fc, out: 5"), where,
                  "fc2, has 5 outputs; allowed: as many as classes, which are 3");
  for (const char* key : {"relu: true", "batch_norm: true", "dropout: 0.5"}) {
    require_refused(yaml(none, std::string("type: fc, out: 3, ") + key), where,
                    "is not linear; allowed: relu: false");
  }
  require_refused(
      "input: [1, 4, 4]\nclasses: 4\nreadout: none\nlayers:\n"
      "  - {type: conv, out: 1, kernel: 1, max_pool: {kernel: 2}}\n",
      where, "is not linear");
  require_refused(yaml("readout: nothing\n", "type: fc, out: 3"), "net.yaml:3: readout: found",
                  "allowed: trained, none");
  require_refused("input: 3\nclasses: 0\nlayers: [{type: fc, out: 3}]\n", "net.yaml:2: classes",
                  "from 1");
  CHECK_THROWS_AS(make_network("net", {3, 1, 1}, 2, {test::fc(2)}, Readout::none), ShapeError);
}

TEST_CASE("losses and readouts that do not fit a network or a rule are refused") {
  const auto refused = [](const Network& network, const char* rule, const RuleOptions& options,
                          const std::string& why) {
    try {
      learning_rule(rule).training_step(network, {4, {}, options, 0});
      FAIL("not refused");
    } catch (const InputError& error) {
      CAPTURE(error.what());
      CHECK(std::string(error.what()).find(why) != std::string::npos);
    }
  };
  refused(classifier(1), "bp", {}, "network net has one class; allowed: loss: mse");
  refused(classifier(1), "lel", options_of(Loss::square_hinge), "allowed: loss: mse");
  refused(classifier(60), "bp", options_of(Loss::cross_entropy, Targets::inputs),
          "beside loss: mse");
  refused(classifier(59), "bp", of_inputs, "targets: inputs, of 60 values, but 59 classes");
  refused(autoencoder(), "dfa", of_inputs, "the scores come from a conv layer, conv3; allowed");
}

}  // namespace spillway::readout_none_test
