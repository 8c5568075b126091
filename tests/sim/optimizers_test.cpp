// Optimizers in training: through the device and without it, over steps and checkpoints, and what
// their state costs.
#include "workloads/rules/optimizer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "analysis/reports/report.hpp"
#include "sim/run/checkpoint.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "sim/run/training.hpp"
#include "tests/support/build.hpp"
#include "tests/support/program.hpp"
#include "tests/support/random_experiment.hpp"
#include "workloads/support/error.hpp"

namespace spillway::optimizers_test {

using models::Port;
using sim::Direction;
using sim::Experiment;
using sim::Policy;
using sim::TrainingOptions;
using sim::TrainingState;
using workloads::InputError;
using workloads::Optimizer;
using workloads::OptimizerKind;
using workloads::Words;

namespace {

Optimizer adam() { return Optimizer::of(OptimizerKind::adam); }

Optimizer decaying_sgd() {
  Optimizer optimizer;
  optimizer.weight_decay = 0.01;
  return optimizer;
}

std::vector<Optimizer> optimizers() {
  Optimizer decayed = adam();
  decayed.weight_decay = 0.01;
  return {decaying_sgd(), adam(), decayed, Optimizer::of(OptimizerKind::adamw)};
}

/// Batch-norm, biases and pooling on random images; six steps an epoch.
Experiment small_experiment(const std::string& rule, const Optimizer& optimizer) {
  workloads::LayerSpec first = test::pooled(test::conv(4, 3), 2, 2);
  first.batch_norm = true;
  first.bias = false;
  Experiment experiment = test::experiment(
      workloads::make_network("small", {2, 6, 6}, 3, {first, test::fc(12), test::fc(8)}), rule, 10);
  experiment.optimizer = optimizer;
  experiment.idealisations = sim::Idealisations::none();
  experiment.data.train = 60;
  experiment.data.test = 30;
  experiment.training.epochs = 3;
  experiment.schedule = sim::RateSchedule::periodic(2, 1);
  return experiment;
}

TrainingState trained(const Experiment& experiment, bool direct,
                      std::optional<std::filesystem::path> checkpoint = std::nullopt,
                      int stop_after = 0) {
  TrainingOptions options;
  options.direct = direct;
  options.checkpoint = std::move(checkpoint);
  int steps = 0;
  options.stop = [&] { return ++steps == stop_after; };
  return sim::train(experiment, sim::load_data(experiment), options).state;
}

std::vector<float> floats(sim::Trainee& trainee, const std::string& name) {
  const std::vector<std::byte> bytes = trainee.read(trainee.step().find(name).value());
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::uint64_t dram_words(Experiment experiment, const Optimizer& optimizer, Direction direction) {
  experiment.optimizer = optimizer;
  return make_plan(experiment).ledger().total(Port::dram, direction).count();
}

}  // namespace

TEST_CASE("each step of a training is Adam's with its own number") {
  Experiment experiment = small_experiment("bp", adam());
  sim::DirectTraining direct(experiment);
  const workloads::DataSplit data = sim::load_data(experiment);
  const Optimizer& o = experiment.optimizer;
  const std::string name = "fc1.weights";
  std::vector<double> m(floats(direct, name).size()), v(m.size());
  for (int step = 1; step <= 5; ++step) {
    CAPTURE(step);
    const std::vector<float> before = floats(direct, name);
    direct.run_step(sim::make_batch(data.train, static_cast<std::size_t>(step) * 10, 10), 0.5);
    const std::vector<float> after = floats(direct, name),
                             gradient = floats(direct, name + ".gradient");
    for (std::size_t i = 0; i < m.size(); ++i) {
      const double g = gradient[i];
      m[i] = o.beta1 * m[i] + (1 - o.beta1) * g;
      v[i] = o.beta2 * v[i] + (1 - o.beta2) * g * g;
      const double first = m[i] / (1 - std::pow(o.beta1, step)),
                   second = v[i] / (1 - std::pow(o.beta2, step));
      const double change = 0.5 * o.rate * first / (std::sqrt(second) + o.epsilon);
      CHECK(after[i] == doctest::Approx(before[i] - change).epsilon(1e-5));
      CHECK(std::abs(after[i] - (before[i] - change)) <= 1e-3 * o.rate);
    }
    CHECK(after != before);
  }
}

TEST_CASE("through the device optimizers train to the bits of a direct run, with planned words") {
  for (const char* rule : {"bp", "lel"}) {
    std::vector<Optimizer> tried = optimizers();
    if (rule == std::string("lel")) tried = {adam()};
    for (const Optimizer& optimizer : tried) {
      Experiment experiment = small_experiment(rule, optimizer);
      experiment.training.epochs = 1;
      experiment.policy = Policy::paper;
      experiment.device.buffer = bytes_of(Words(test::smallest_buffer_words(experiment)));
      CAPTURE(rule);
      CAPTURE(to_string(optimizer.kind));
      CAPTURE(optimizer.weight_decay);
      const bool same = trained(experiment, false).tensors == trained(experiment, true).tensors;
      CHECK(same);
      sim::Simulation simulation(experiment);
      CHECK(analysis::counts_agree(simulation.plan(),
                                   simulation.run_step(sim::first_batch(experiment))));
    }
  }
}

TEST_CASE("in loops that cut no sum Adam trains to the bits of a direct run") {
  for (const Optimizer& optimizer : optimizers()) {
    if (optimizer.kind == OptimizerKind::sgd) continue;
    Experiment experiment = test::experiment(
        workloads::make_network("small", {2, 4, 4}, 3, {test::fc(12), test::fc(8)}), "bp", 10);
    experiment.optimizer = optimizer;
    experiment.idealisations = sim::Idealisations::none();
    experiment.data.train = 60;
    experiment.data.test = 30;
    experiment.training.epochs = 1;
    experiment.policy = Policy::best;
    experiment.device.buffer = workloads::Bytes(6 * 1024);
    CAPTURE(to_string(optimizer.kind));
    CAPTURE(optimizer.weight_decay);
    const bool same = trained(experiment, false).tensors == trained(experiment, true).tensors;
    CHECK(same);
    CHECK_FALSE(make_plan(experiment).schedule().by_operations());
  }
}

TEST_CASE("in the smallest buffers planned words of optimizers are simulated") {
  for (const char* rule : {"bp", "lel-tlc"}) {
    for (const Policy policy : {Policy::paper, Policy::layer, Policy::best}) {
      Experiment experiment = small_experiment(rule, adam());
      experiment.policy = policy;
      const std::uint64_t smallest = test::smallest_buffer_words(experiment);
      for (const std::uint64_t words : {smallest, 2 * smallest, 8 * smallest}) {
        CAPTURE(rule);
        CAPTURE(to_string(policy));
        CAPTURE(words);
        experiment.device.buffer = bytes_of(Words(words));
        sim::Simulation simulation(experiment, {true, false});
        CHECK(analysis::counts_agree(simulation.plan(), simulation.run_step({})));
      }
    }
  }
}

TEST_CASE("with Adam a run that is stopped at any step continues to the same bits") {
  for (const bool by_layer : {false, true}) {
    for (const bool direct : {false, true}) {
      CAPTURE(by_layer);
      CAPTURE(direct);
      Experiment experiment =
          small_experiment("lel", direct ? adam() : Optimizer::of(OptimizerKind::adamw));
      experiment.training.epochs = 2;
      experiment.training.layer_by_layer = by_layer;
      const TrainingState whole = trained(experiment, direct);
      const int steps = direct ? 1 : 4;  // of a piece; an epoch has six
      const test::TemporaryFolder folder;
      TrainingState state;
      for (int pieces = 0; pieces < 100 && !state.finished; ++pieces) {
        state = trained(experiment, direct, folder.path() / "run", steps);
      }
      CHECK(state.finished);
      CHECK(state.traffic.steps == whole.traffic.steps);
      const bool same = state.tensors == whole.tensors;
      CHECK(same);
    }
  }
}

TEST_CASE("layer by layer each layer's Adam counts from its own first step") {
  Experiment experiment = small_experiment("lel", adam());
  experiment.training.layer_by_layer = true;
  experiment.training.epochs = 1;
  const TrainingState both = trained(experiment, true);
  // The second layer alone, above the first as it has become.
  const sim::State above = both.tensors;
  sim::DirectTraining second(experiment, 2);
  sim::State first;
  for (const auto& [name, bytes] : above) {
    if (name.starts_with("conv1.")) first[name] = bytes;
  }
  second.restore(first, 0);
  const std::vector<float> before = floats(second, "fc1.biases");
  second.run_step(sim::first_batch(experiment));
  const std::vector<float> after = floats(second, "fc1.biases"),
                           gradient = floats(second, "fc1.biases.gradient");
  // From rest Adam's first step is the rate itself, in the direction of the gradient.
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (std::abs(gradient[i]) < 1e-4f) continue;
    const double change = std::copysign(experiment.optimizer.rate, gradient[i]);
    CHECK(after[i] == doctest::Approx(before[i] - change).epsilon(1e-4));
  }
}

TEST_CASE("more epochs continue a finished run with Adam") {
  const test::TemporaryFolder folder;
  Experiment experiment = small_experiment("bp", adam());
  trained(experiment, false, folder.path() / "run");
  experiment.training.epochs = 5;
  CHECK(trained(experiment, false, folder.path() / "run").tensors ==
        trained(experiment, false).tensors);
}

TEST_CASE("a checkpoint of another optimizer is refused with both values") {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "run";
  const auto require_refused = [&](const Optimizer& optimizer, const std::string& words) {
    std::string message;
    try {
      trained(small_experiment("lel", optimizer), true, file);
    } catch (const InputError& error) {
      message = error.what();
    }
    CAPTURE(message);
    CHECK(message.find(words) != std::string::npos);
  };
  trained(small_experiment("lel", decaying_sgd()), true, file);
  require_refused({}, "optimizer.weight_decay is 0.01 in the checkpoint and 0 now");
  require_refused(adam(), "optimizer.kind is sgd in the checkpoint and adam now");
  std::filesystem::remove(file);
  trained(small_experiment("lel", adam()), true, file);
  require_refused({}, "optimizer.kind is adam in the checkpoint and sgd now");
  Optimizer other = adam();
  other.beta2 = 0.99;
  require_refused(other, "optimizer.beta2 is 0.999 in the checkpoint and 0.99 now");
  other = adam();
  other.epsilon = 1e-6;
  require_refused(other, "optimizer.epsilon is 1e-08 in the checkpoint and 1e-06 now");
}

TEST_CASE("a checkpoint from before there were other optimizers is continued") {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "run";
  const Experiment experiment = small_experiment("lel", {});
  const TrainingState half = trained(experiment, true, file, 8);
  sim::Settings settings = run_settings(experiment, sim::load_data(experiment), true);
  const std::string before = fingerprint(settings);
  CHECK(std::erase_if(settings, [](const sim::Setting& setting) {
          return setting.name == "optimizer.kind" || setting.name == "optimizer.weight_decay";
        }) == 2);
  CHECK(fingerprint(settings) == before);
  write_checkpoint(file, half, settings);
  CHECK(trained(experiment, true, file).tensors == trained(experiment, true).tensors);
  CHECK_THROWS_AS(trained(small_experiment("lel", decaying_sgd()), true, file), InputError);
}

TEST_CASE("the state of optimizers is read and written once for each parameter that learns") {
  Optimizer plain;
  plain.momentum = 0;
  for (const std::string& rule : workloads::learning_rule_names()) {
    CAPTURE(rule);
    Experiment experiment = small_experiment(rule, plain);
    experiment.device.buffer = workloads::Bytes(4 << 20);
    std::uint64_t parameters = 0;
    for (const workloads::Tensor& tensor : sim::training_step(experiment).tensors) {
      using workloads::TensorKind;
      const bool learns = tensor.kind == TensorKind::weights || tensor.kind == TensorKind::biases ||
                          tensor.kind == TensorKind::norm_parameters ||
                          (tensor.kind == TensorKind::classifier && !tensor.generated);
      if (learns) parameters += tensor.elements();
    }
    for (const Policy policy :
         {Policy::paper, Policy::layer, Policy::best, Policy::best_with_recomputation}) {
      CAPTURE(to_string(policy));
      experiment.policy = policy;
      for (const Direction direction : {Direction::read, Direction::write}) {
        const std::uint64_t none = dram_words(experiment, plain, direction);
        CHECK(dram_words(experiment, {}, direction) == none + parameters);
        CHECK(dram_words(experiment, adam(), direction) == none + 2 * parameters);
        CHECK(dram_words(experiment, Optimizer::of(OptimizerKind::adamw), direction) ==
              none + 2 * parameters);
        Optimizer decayed = plain;
        decayed.weight_decay = 0.5;
        CHECK(dram_words(experiment, decayed, direction) == none);
      }
    }
    // Idealised it costs the DRAM nothing and the host as much.
    experiment.policy = Policy::paper;
    experiment.idealisations.add(sim::Item::optimizer_state);
    experiment.idealisations.add(sim::Item::readout_layer);  // its own state is part of it
    experiment.optimizer = adam();
    const sim::Ledger ledger = make_plan(experiment).ledger();
    std::uint64_t host = 0;
    for (const sim::LedgerLine& line : ledger.lines()) {
      if (line.key.tensor != workloads::TensorKind::optimizer_state) continue;
      if (line.key.port == Port::host) host += line.words.count();
    }
    CHECK(ledger.total(Port::dram, Direction::read).count() ==
          dram_words(experiment, plain, Direction::read));
    CHECK(host > 0);
  }
}

}  // namespace spillway::optimizers_test
