// The options of an experiment: which are taken where, and what is said about wrong ones.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/experiment.hpp"
#include "tests/support/build.hpp"

namespace spillway::experiment_options_test {

using namespace sim;
using workloads::Config;
using workloads::InputError;

namespace {

/// An experiment of five lines that `more` may follow, from line 6 on. Line 2 is the rule.
Experiment read(const std::string& rule, const std::string& more = "",
                const std::string& network = "mnist-mlp") {
  return read_experiment(
      Config::from_text("# an experiment\nrule: " + rule +
                            "\ndevice: paper\nbatch: 10\nnetwork: " + network + "\n" + more,
                        "exp.yaml"),
      "exp");
}

/// It is refused in one line that has all of `words`.
void require_refused(const std::vector<std::string>& words, const std::string& rule,
                     const std::string& more = "", const std::string& network = "mnist-mlp") {
  std::string message;
  try {
    read(rule, more, network);
  } catch (const InputError& error) {
    message = error.what();
  }
  CAPTURE(message);
  CHECK(message.find('\n') == std::string::npos);
  for (const std::string& word : words) {
    CAPTURE(word);
    CHECK(message.find(word) != std::string::npos);
  }
}

std::string with(const std::string& rule, const std::string& key, const std::string& value) {
  return "{base: " + rule + ", " + key + ": " + value + "}";
}

/// Two layers on 2x6x5 with what `keys` says of the whole network and `first` of its first layer.
std::string network(const std::string& keys, const std::string& first = "") {
  return "{input: [2, 6, 5], classes: 3" + keys + ", layers: [{type: conv, out: 4, kernel: 3" +
         first + "}, {type: fc, out: 5, dropout: 0.25}]}";
}

const std::vector<std::pair<std::string, std::string>> legal_options{
    {"loss", "square-hinge"},  {"targets", "labels"}, {"distribution", "gaussian"},
    {"random", "stored"},      {"fix", "1"},          {"classifier_rate", "0.5"},
    {"feedback_scale", "0.25"}};

const std::map<std::string, std::string> taken{
    {"bp", "loss, targets"},
    {"fa", "loss, targets, distribution, random, feedback_scale"},
    {"dfa", "loss, targets, distribution, random, feedback_scale, blocks"},
    {"lel", "loss, targets, distribution, random, fix, blocks"},
    {"lel-scfb", "loss, targets, distribution, random, fix, blocks"},
    {"lel-independent", "loss, targets, distribution, random, fix, blocks"},
    {"lel-tlc", "loss, targets, fix, blocks, classifier_rate"}};

}  // namespace

TEST_CASE("each rule takes its own options and names them when it refuses another") {
  CHECK(workloads::learning_rule_names().size() == taken.size());
  int refused = 0;
  for (const auto& [rule, options] : taken) {
    for (const auto& [key, value] : legal_options) {
      CAPTURE(rule);
      CAPTURE(key);
      if (options.find(key) != std::string::npos) {
        CHECK(read(with(rule, key, value), "", network("")).rule == rule);
        continue;
      }
      require_refused({"exp.yaml:2: rule." + key + ": unknown key \"" + key + "\"",
                       "allowed: base, " + options},
                      with(rule, key, value));
      ++refused;
    }
  }
  CHECK(refused == 18);
}

TEST_CASE("a rule's options are what they were set to and its defaults otherwise") {
  const auto given =
      read("{base: lel-tlc, loss: square-hinge, fix: 1, classifier_rate: 0.5}", "", network(""));
  CHECK(given.rule_options.loss == workloads::Loss::square_hinge);
  CHECK(given.rule_options.fix == 1);
  CHECK(read("{base: lel, distribution: gaussian}").rule_options.distribution ==
        workloads::Distribution::gaussian);
  CHECK(read("{base: lel, random: stored}").rule_options.random ==
        workloads::RandomMatrices::stored);
  CHECK(given.rule_options.classifier_rate == 0.5);
  CHECK(read("{base: dfa, feedback_scale: 0.25}").rule_options.feedback_scale == 0.25);
  const auto absent = read("lel-tlc");
  CHECK(absent.rule_options.loss == workloads::Loss::cross_entropy);
  CHECK(absent.rule_options.targets == workloads::Targets::labels);
  CHECK(absent.rule_options.distribution == workloads::Distribution::uniform);
  CHECK(absent.rule_options.random == workloads::RandomMatrices::generated);
  CHECK(absent.rule_options.fix == 0);
  CHECK_FALSE(absent.rule_options.classifier_rate.has_value());
  CHECK(absent.rule_options.feedback_scale == 1);
}

TEST_CASE("a wrong value of a rule's option is refused with its line and what is allowed") {
  const std::string at = "exp.yaml:2: rule.";
  require_refused({at + "loss: found \"hinge\"", "allowed: cross-entropy, square-hinge, mse"},
                  with("bp", "loss", "hinge"));
  require_refused({at + "distribution: found \"mask\"", "allowed: uniform, gaussian"},
                  with("lel", "distribution", "mask"));
  require_refused({at + "fix: found \"-1\"", "an integer from 0 to 10000"},
                  with("lel", "fix", "-1"));
  require_refused({at + "fix: found \"2\"", "the network's 1 conv layers"}, with("lel", "fix", "2"),
                  "", network(""));
  require_refused({at + "fix: found \"1.5\""}, with("lel", "fix", "1.5"));
  require_refused({at + "classifier_rate: found \"-0.1\"", "a number from 0 to"},
                  with("lel-tlc", "classifier_rate", "-0.1"));
  require_refused({at + "feedback_scale: found \"nan\"", "a number from 0 to"},
                  with("fa", "feedback_scale", "nan"));
  require_refused({"exp.yaml:2: rule", "\"base\", which is missing"}, "{loss: square-hinge}");
  require_refused({at + "base: found \"lell\"", "allowed: bp, fa, dfa", "did you mean \"lel\"?"},
                  with("lell", "loss", "square-hinge"));
}

TEST_CASE("a squared error takes labels or, in a network of as many classes, the inputs") {
  const std::string outputs = "{input: [2, 6, 5], classes: ";
  const std::string of_inputs = "{base: lel, loss: mse, targets: inputs}";
  const std::string layers = ", layers: [{type: fc, out: 5}]}";
  const auto given = read(of_inputs, "", outputs + "60" + layers);
  CHECK(given.rule_options.loss == workloads::Loss::mse);
  CHECK(given.rule_options.targets == workloads::Targets::inputs);
  CHECK(read("{base: bp, loss: mse}", "", outputs + "1" + layers).network.classes == 1);
  const std::string at = "exp.yaml:2: rule";
  require_refused({at + ".targets: found \"images\"", "allowed: labels, inputs"},
                  with("bp", "targets", "images"));
  require_refused({at + ": targets: inputs", "allowed: beside loss: mse"},
                  with("bp", "targets", "inputs"));
  require_refused({at + ": targets: inputs, of 60 values, but 3 classes"}, of_inputs, "",
                  network(""));
  require_refused({at, "has one class; allowed: loss: mse"}, "bp", "", outputs + "1" + layers);
  require_refused({at, "dfa, but in network", "allowed: from an fc layer"}, "dfa", "",
                  "{input: [2, 6, 5], classes: 30, readout: none, layers: [{type: conv, out: 1, "
                  "kernel: 1}]}");
  require_refused({"validation: found \"5\"", "allowed: 0 beside targets: inputs"}, of_inputs,
                  "training: {validation: 5}", outputs + "60" + layers);
}

TEST_CASE("a schedule's factors follow from its periods or drops or steps") {
  const RateSchedule constant;
  const auto periodic = RateSchedule::periodic(5, 25), drops = RateSchedule::drops(10, {2, 4}),
             steps = RateSchedule::steps({{2, 0.5}, {5, 2.0}});
  for (const int epochs : {0, 1, 1000}) CHECK(constant.factor(epochs) == 1);
  for (const auto& [epochs, factor] :
       std::map<int, double>{{0, 1}, {24, 1}, {25, 0.2}, {49, 0.2}, {50, 0.04}, {100, 0.0016}}) {
    CHECK(periodic.factor(epochs) == doctest::Approx(factor).epsilon(1e-12));
  }
  for (const auto& [epochs, factor] :
       std::map<int, double>{{0, 1}, {1, 1}, {2, 0.1}, {3, 0.1}, {4, 0.01}, {99, 0.01}}) {
    CHECK(drops.factor(epochs) == doctest::Approx(factor).epsilon(1e-12));
  }
  for (const auto& [epochs, factor] :
       std::map<int, double>{{0, 1}, {1, 1}, {2, 0.5}, {4, 0.5}, {5, 2}, {99, 2}}) {
    CHECK(steps.factor(epochs) == factor);
  }
  CHECK(constant.description() == "constant");
  CHECK(periodic.description() == "divided by 5 every 25 epochs");
  CHECK(drops.description() == "divided by 10 after epoch 2, 4");
  CHECK(steps.description() == "times 0.5 after epoch 2, times 2 after epoch 5");
}

TEST_CASE("an optimizer has the defaults of its kind and takes its own keys") {
  using workloads::Optimizer;
  using workloads::OptimizerKind;
  const auto optimizer = [](const std::string& keys) {
    return read("bp", "optimizer: {" + keys + "}").optimizer;
  };
  for (const std::string keys : {"rate: 0.1", "kind: sgd"}) {
    const Optimizer sgd = optimizer(keys);
    CHECK(sgd.is_sgd());
    CHECK(sgd.rate == 0.1);
    CHECK(sgd.momentum == 0.9);
    CHECK(sgd.weight_decay == 0);
  }
  CHECK(read("bp").optimizer.is_sgd());
  const Optimizer adam = optimizer("kind: adam");
  CHECK(adam.kind == OptimizerKind::adam);
  CHECK(adam.rate == 0.001);
  CHECK(adam.beta1 == 0.9);
  CHECK(adam.beta2 == 0.999);
  CHECK(adam.epsilon == 1e-8);
  CHECK(adam.weight_decay == 0);
  CHECK(optimizer("kind: adamw").weight_decay == 0.01);
  CHECK(optimizer("momentum: 0.5, weight_decay: 0.25").weight_decay == 0.25);
  const Optimizer all =
      optimizer("kind: adamw, rate: 0.5, beta1: 0, beta2: 0.5, epsilon: 1, weight_decay: 0");
  CHECK(all.kind == OptimizerKind::adamw);
  CHECK(all.rate == 0.5);
  CHECK(all.beta1 == 0);
  CHECK(all.beta2 == 0.5);
  CHECK(all.epsilon == 1);
  CHECK(all.weight_decay == 0);
  CHECK(read("bp", "optimizer: {kind: adam, schedule: {divide_by: 2, every: 1}}")
            .schedule.factor(1) == 0.5);
}

TEST_CASE("a key of another optimizer and a value out of range are refused with their line") {
  const auto refused = [](const std::vector<std::string>& words, const std::string& lines) {
    require_refused(words, "bp", "optimizer:\n" + lines);
  };
  refused({"exp.yaml:8: optimizer.momentum: unknown key \"momentum\"",
           "allowed: kind, rate, beta1, beta2, epsilon, weight_decay, schedule"},
          "  kind: adam\n  momentum: 0.5\n");
  for (const std::string key : {"beta1", "beta2", "epsilon"}) {
    refused({"exp.yaml:7: optimizer." + key + ": unknown key \"" + key + "\"",
             "allowed: kind, rate, momentum, weight_decay, schedule"},
            "  " + key + ": 0.5\n");
    refused({"exp.yaml:8: optimizer." + key + ": found \"2\""},
            "  kind: adamw\n  " + key + ": 2\n");
  }
  refused({"exp.yaml:7: optimizer.kind: found \"adm\"", "allowed: sgd, adam, adamw", "adam"},
          "  kind: adm\n");
  refused({"exp.yaml:8: optimizer.epsilon: found \"0\""}, "  kind: adam\n  epsilon: 0\n");
  refused({"exp.yaml:8: optimizer.beta1: found \"1\""}, "  kind: adam\n  beta1: 1\n");
  refused({"exp.yaml:7: optimizer.weight_decay: found \"-1\""}, "  weight_decay: -1\n");
  require_refused({"exp.yaml:6: optimizer: found \"adam\"", "a map with the keys kind, rate"}, "bp",
                  "optimizer: adam\n");
}

TEST_CASE("schedules are read from YAML in each of their forms") {
  const auto factors = [](const std::string& schedule) {
    const RateSchedule read_one =
        read("bp", "optimizer: {rate: 0.5, schedule: " + schedule + "}").schedule;
    std::vector<double> found;
    for (int epochs = 0; epochs < 5; ++epochs) found.push_back(read_one.factor(epochs));
    return found;
  };
  using Factors = std::vector<double>;
  CHECK(factors("{divide_by: 2, every: 2}") == Factors{1, 1, 0.5, 0.5, 0.25});
  CHECK(factors("{divide_by: 4, after: [1, 4]}") == Factors{1, 0.25, 0.25, 0.25, 0.0625});
  CHECK(factors("[{after: 1, rate: 0.25}, {after: 3, rate: 1}]") == Factors{1, 0.5, 0.5, 2, 2});
}

TEST_CASE("a schedule that is not one of the forms is refused with its line") {
  const auto refused = [](const std::vector<std::string>& words, const std::string& schedule,
                          const std::string& rate = "0.5") {
    require_refused(words, "bp",
                    "optimizer:\n  rate: " + rate + "\n  schedule: " + schedule + "\n");
  };
  const std::string at = "exp.yaml:8: optimizer.schedule";
  refused({at, "divide_by and every or after"}, "5");
  refused({at, "either every or after"}, "{divide_by: 5, every: 2, after: [1]}");
  refused({at, "\"divide_by\", which is missing"}, "{every: 2}");
  refused({at, "\"every\", which is missing"}, "{divide_by: 5}");
  refused({at + ".divide_by: found \"0\""}, "{divide_by: 0, every: 2}");
  refused({at + ".every: found \"0\"", "an integer from 1"}, "{divide_by: 5, every: 0}");
  refused({at + ".after", "a list of numbers of epochs"}, "{divide_by: 5, after: 3}");
  refused({at + "[1].after: found \"3\"", "more epochs than in the step before"},
          "[{after: 3, rate: 0.25}, {after: 3, rate: 0.125}]");
  refused({at + "[0].factor: unknown key", "allowed: after, rate"}, "[{after: 3, factor: 2}]");
  refused({at, "beside a rate above 0"}, "[{after: 3, rate: 0.25}]", "0");
}

TEST_CASE("layers are trained one after the other only by rules with local errors") {
  const std::string order = "training:\n  order: layer-by-layer\n";
  for (const auto& [rule, options] : taken) {
    CAPTURE(rule);
    CHECK_FALSE(read(rule, "training: {order: simultaneous}").training.layer_by_layer);
    if (rule.starts_with("lel")) {
      CHECK(read(rule, order).training.layer_by_layer);
    } else {
      require_refused(
          {"exp.yaml:7: training.order: found \"layer-by-layer\"", "allowed: simultaneous"}, rule,
          order);
    }
  }
}

TEST_CASE("data may be cut short and standardised by the training set") {
  const auto raw = load_data(read("bp", "data: {base: mnist, train: 60, test: 20}"));
  CHECK(raw.train.size() == 60);
  CHECK(raw.test.size() == 20);
  const auto data =
      load_data(read("bp", "data: {base: mnist, train: 60, test: 20, standardise: true}"));
  const auto moments = [](const std::vector<float>& values) {
    double mean = 0, square = 0;
    const auto count = static_cast<double>(values.size());
    for (const float value : values) mean += value / count;
    for (const float value : values) square += (value - mean) * (value - mean) / count;
    return std::pair{mean, std::sqrt(square)};
  };
  const auto [mean, deviation] = moments(raw.train.images);
  CHECK(std::abs(moments(data.train.images).first) < 1e-5);
  CHECK(std::abs(moments(data.train.images).second - 1) < 1e-5);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < raw.test.images.size(); ++i) {
    wrong += !(std::abs(data.test.images[i] - (raw.test.images[i] - mean) / deviation) < 1e-4);
  }
  CHECK(wrong == 0);
  CHECK(data.test.labels == raw.test.labels);
  const auto random = load_data(read("bp", "data: {base: random, train: 7, test: 3}"));
  CHECK(random.train.size() == 7);
  CHECK(random.test.size() == 3);
  const std::string at = "exp.yaml:6: data.";
  require_refused({at + "train: found \"0\""}, "bp", "data: {base: mnist, train: 0}");
  require_refused({at + "standardise: found \"1\"", "true or false"}, "bp",
                  "data: {base: mnist, standardise: 1}");
  require_refused({at + "folder: unknown key", "base, train, test, standardise"}, "bp",
                  "data: {base: random, folder: here}");
}

TEST_CASE("batch-norm and dropout of the network hold for each layer that says nothing else") {
  const auto layers = [](const std::string& keys, const std::string& first = "") {
    return read("bp", "", network(keys, first)).network.layers;
  };
  const auto plain = layers("");
  CHECK((plain[0].bias && !plain[0].batch_norm && plain[0].dropout == 0));
  const auto both = layers(", batch_norm: true, dropout: 0.5");
  for (const workloads::Layer& layer : both) CHECK((layer.batch_norm && !layer.bias));
  CHECK(both[0].dropout == 0.5);
  CHECK(both[1].dropout == 0.25);
  const auto but_one = layers(", batch_norm: true", ", batch_norm: false");
  CHECK((but_one[0].bias && !but_one[0].batch_norm && but_one[1].batch_norm));
  CHECK(read("bp", "", network(", input_dropout: 0.2")).network.input_dropout == 0.2);
  for (const std::string key : {"dropout", "input_dropout"}) {
    require_refused(
        {"exp.yaml:5: network." + key + ": found \"1\"", "0, or a number from 0.004 to 0.95"}, "bp",
        "", network(", " + key + ": 1"));
  }
}

TEST_CASE("a bias beside batch-norm is refused wherever the batch-norm was asked for") {
  const std::vector<std::string> words{"exp.yaml:5: network.layers[0].bias: ", "layer conv1",
                                       "allowed: false"};
  require_refused(words, "bp", "", network("", ", batch_norm: true, bias: true"));
  require_refused(words, "bp", "", network(", batch_norm: true", ", bias: true"));
  CHECK_FALSE(
      read("bp", "", network(", batch_norm: true", ", bias: false")).network.layers[0].bias);
}

TEST_CASE("values are laid over the DRAM of the device that an experiment names") {
  using models::dram::describe;
  const auto dram = [](const std::string& device,
                       const std::vector<workloads::Assignment>& set = {}) {
    Config config = Config::from_text(
        "network: mnist-mlp\nrule: bp\nbatch: 10\ndevice: " + device + "\n", "exp.yaml");
    for (const workloads::Assignment& assignment : set) config.set(assignment);
    return read_experiment(config, "exp").device.dram;
  };
  const models::dram::DramDevice two = dram("{base: paper, dram: {base: ddr4-2400, channels: 2}}");
  CHECK(two.channels == 2);
  CHECK(describe(dram("{base: paper, dram: {channels: 2}}")) == describe(two));
  CHECK(describe(dram("paper", {"device.dram.channels=2"})) == describe(two));
  CHECK(describe(dram("paper", {"device.dram.timing.tCL=18", "device.dram.channels=2"})) ==
        describe(dram("{base: paper, dram: {channels: 2, timing: {tCL: 18}}}")));
  // Over a controller that is named, too.
  CHECK(describe(dram("{base: paper, dram: {controller: bank-queues}}",
                      {"device.dram.controller.page=closed"})) ==
        describe(dram("{base: paper, dram: {controller: {base: bank-queues, page: closed}}}")));
  // Another device takes the place of the device's own.
  CHECK(dram("{base: paper, dram: {base: hbm2-2000, channels: 8}}").name == "hbm2-2000");
  CHECK(dram("paper", {"device.dram=hbm2-2000", "device.dram.channels=8"}).channels == 8);
  try {
    dram("{base: paper, dram: {channel: 2}}");
    FAIL("accepted");
  } catch (const InputError& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find("exp.yaml:4: device.dram.channel: unknown key") != std::string::npos);
    CHECK(message.find("did you mean \"channels\"") != std::string::npos);
  }
}

}  // namespace spillway::experiment_options_test
