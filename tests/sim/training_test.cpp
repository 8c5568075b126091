// Training runs: stopped and continued, layer by layer, judged by validation images; inference with
// early exit.
#include "sim/run/training.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "analysis/reports/report.hpp"
#include "sim/run/checkpoint.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/inference.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"
#include "tests/support/program.hpp"

namespace spillway::training_test {

using sim::Experiment;
using sim::TrainingOptions;
using sim::TrainingResult;
using sim::TrainingState;
using workloads::InputError;

namespace {

/// Batch-norm, dropout and pooling on random images: all that a step keeps.
Experiment small_experiment(const std::string& rule) {
  workloads::LayerSpec first = test::pooled(test::conv(4, 3), 2, 2), second = test::fc(12);
  first.batch_norm = true;
  first.bias = false;
  second.dropout = 0.5;
  Experiment experiment = test::experiment(
      workloads::make_network("small", {2, 6, 6}, 3, {first, second, test::fc(8)}), rule, 10);
  experiment.data.train = 60;
  experiment.data.test = 30;
  experiment.training.epochs = 3;
  experiment.schedule = sim::RateSchedule::periodic(5, 1);
  return experiment;
}

void require_equal(const TrainingState& a, const TrainingState& b) {
  CHECK(a.tensors == b.tensors);
  CHECK(a.traffic.dram_read == b.traffic.dram_read);
  CHECK(a.traffic.host_write == b.traffic.host_write);
  CHECK(a.traffic.time_ps == b.traffic.time_ps);
  CHECK(a.traffic.steps == b.traffic.steps);
  REQUIRE(a.history.size() == b.history.size());
  for (std::size_t i = 0; i < a.history.size(); ++i) {
    CHECK(a.history[i].loss == b.history[i].loss);
    CHECK(a.history[i].train_accuracy == b.history[i].train_accuracy);
    CHECK(a.history[i].test_accuracy == b.history[i].test_accuracy);
    CHECK(a.history[i].validation_accuracy == b.history[i].validation_accuracy);
  }
}

/// Stops after every few steps and starts again from the file until the run is over.
TrainingState train_in_pieces(const Experiment& experiment, const workloads::DataSplit& data,
                              bool direct, const std::filesystem::path& file, int steps_a_piece) {
  for (int pieces = 0; pieces < 1000; ++pieces) {
    int steps = 0;
    TrainingOptions options;
    options.direct = direct;
    options.checkpoint = file;
    options.stop = [&] { return ++steps == steps_a_piece; };
    TrainingResult result = sim::train(experiment, data, options);
    if (!result.stopped) return std::move(result.state);
  }
  throw std::runtime_error("it never ends");
}

}  // namespace

TEST_CASE("a run that is stopped and continued ends with the same bits and the same counts") {
  for (const std::string& rule : workloads::learning_rule_names()) {
    for (const bool direct : {false, true}) {
      for (const bool by_layer : {false, true}) {
        CAPTURE(rule);
        CAPTURE(direct);
        CAPTURE(by_layer);
        Experiment experiment = small_experiment(rule);
        if (by_layer && !workloads::learning_rule(rule).local) continue;
        experiment.training.layer_by_layer = by_layer;
        experiment.training.validation = by_layer ? 10 : 0;
        const workloads::DataSplit data = sim::load_data(experiment);
        TrainingOptions undisturbed;
        undisturbed.direct = direct;
        const TrainingState whole = sim::train(experiment, data, undisturbed).state;
        for (const int steps : {1, 4}) {
          const test::TemporaryFolder folder;
          require_equal(train_in_pieces(experiment, data, direct, folder.path() / "run", steps),
                        whole);
        }
      }
    }
  }
}

TEST_CASE("training without the device ends with the same bits and counts nothing") {
  for (const std::string& rule : workloads::learning_rule_names()) {
    CAPTURE(rule);
    const Experiment experiment = small_experiment(rule);
    const workloads::DataSplit data = sim::load_data(experiment);
    TrainingOptions direct;
    direct.direct = true;
    const TrainingState a = sim::train(experiment, data).state,
                        b = sim::train(experiment, data, direct).state;
    CHECK(a.tensors == b.tensors);
    CHECK(a.traffic.dram_read > 0);
    CHECK(b.traffic.dram_read == 0);
    CHECK(b.traffic.steps == a.traffic.steps);
  }
}

TEST_CASE("traffic of a run is that of its steps") {
  const Experiment experiment = small_experiment("lel-tlc");
  const workloads::DataSplit data = sim::load_data(experiment);
  const TrainingState state = sim::train(experiment, data).state;
  sim::Simulation simulation(experiment);
  const sim::Result one = simulation.run_step(sim::first_batch(experiment));
  CHECK(state.traffic.steps == 18);
  CHECK(state.traffic.dram_read == 18 * one.execution.dram.read_words.count());
  CHECK(state.traffic.dram_write == 18 * one.execution.dram.write_words.count());
  CHECK(state.traffic.time_ps == 18 * one.execution.time.count());
}

TEST_CASE("what a whole training counts is known from its first and its second step") {
  for (const std::string& rule : workloads::learning_rule_names()) {
    for (const bool by_layer : {false, true}) {
      Experiment experiment = small_experiment(rule);
      if (by_layer && !workloads::learning_rule(rule).local) continue;
      experiment.training.layer_by_layer = by_layer;
      CAPTURE(rule);
      CAPTURE(by_layer);
      const workloads::DataSplit data = sim::load_data(experiment);
      const sim::Traffic known = sim::training_traffic(experiment, data);
      const sim::Traffic counted = sim::train(experiment, data).state.traffic;
      CHECK(known.dram_read == counted.dram_read);
      CHECK(known.dram_write == counted.dram_write);
      CHECK(known.host_read == counted.host_read);
      CHECK(known.host_write == counted.host_write);
      CHECK(known.macs == counted.macs);
      CHECK(known.time_ps == counted.time_ps);
      CHECK(known.steps == counted.steps);
      CHECK(known.steps > 3);
    }
  }
}

TEST_CASE("a checkpoint of another experiment or a damaged one is refused and left alone") {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "run";
  const Experiment experiment = small_experiment("lel");
  const workloads::DataSplit data = sim::load_data(experiment);
  TrainingOptions options;
  options.checkpoint = file;
  sim::train(experiment, data, options);
  const std::string good = folder.read("run");
  const auto require_refused = [&](const Experiment& other) {
    CHECK_THROWS_AS(sim::train(other, data, options), InputError);
  };
  Experiment other = experiment;
  other.seed = 2;
  require_refused(other);
  other = experiment;
  other.optimizer.rate = 0.2;
  require_refused(other);
  other = experiment;
  other.rule = "lel-tlc";
  require_refused(other);
  other = experiment;
  other.network.layers[1].dropout = 0.25;
  require_refused(other);
  CHECK(folder.read("run") == good);
  workloads::SplitMix numbers(5);
  for (int i = 0; i < 40; ++i) {
    std::string bad = good;
    if (i % 2 == 0) {
      bad.resize(numbers.below(good.size()));
    } else {
      bad[numbers.below(good.size())] ^= static_cast<char>(1 + numbers.below(255));
    }
    folder.write("run", bad);
    require_refused(experiment);
    CHECK(folder.read("run") == bad);
  }
}

TEST_CASE("more epochs continue a finished run") {
  const test::TemporaryFolder folder;
  Experiment experiment = small_experiment("bp");
  const workloads::DataSplit data = sim::load_data(experiment);
  TrainingOptions options;
  options.checkpoint = folder.path() / "run";
  sim::train(experiment, data, options);
  experiment.training.epochs = 5;
  require_equal(sim::train(experiment, data, options).state, sim::train(experiment, data).state);
}

TEST_CASE("layer by layer each layer is trained on those below as they have become") {
  Experiment experiment = small_experiment("lel");
  experiment.training.layer_by_layer = true;
  const workloads::DataSplit data = sim::load_data(experiment);
  std::map<int, sim::State> after;  // by the layer that was trained last
  const test::TemporaryFolder folder;
  TrainingOptions options;
  options.checkpoint = folder.path() / "run";
  int epochs = 0;
  options.after_epoch = [&](const sim::Epoch& epoch) {
    CHECK(epoch.layers.size() == 1);
    CHECK(epoch.layers[0] == experiment.network.layers[static_cast<std::size_t>(epochs / 3)].name);
    ++epochs;
  };
  const TrainingState state = sim::train(experiment, data, options).state;
  CHECK(epochs == 9);
  // The first layer ends as if it were the whole network.
  Experiment alone = experiment;
  alone.network.layers.resize(1);
  const TrainingState first = sim::train(alone, data).state;
  for (const auto& [name, bytes] : first.tensors) {
    CAPTURE(name);
    CHECK(state.tensors.at(name) == bytes);
  }
}

TEST_CASE("one layer's step reads the weights of those below and writes only its own") {
  const Experiment experiment = small_experiment("lel");
  const auto& layers = experiment.network.layers;
  for (int layer = 1; layer <= 3; ++layer) {
    CAPTURE(layer);
    const sim::Plan plan = sim::make_plan(experiment, layer);
    std::uint64_t read = 0;
    for (int i = 0; i < layer; ++i) read += layers[static_cast<std::size_t>(i)].weights().count();
    CHECK(plan.ledger().total(models::Port::dram, sim::Direction::read).count() == read);
    CHECK(plan.ledger().total(models::Port::dram, sim::Direction::write) ==
          layers[static_cast<std::size_t>(layer - 1)].weights());
    sim::Simulation simulation(experiment, plan);
    const sim::Result result = simulation.run_step(sim::first_batch(experiment));
    CHECK(analysis::counts_agree(simulation.plan(), result));
    sim::DirectTraining direct(experiment, layer);
    direct.run_step(sim::first_batch(experiment));
    sim::State a, b;
    simulation.save(a);
    direct.save(b);
    CHECK(a == b);
  }
}

TEST_CASE("validation images say which layer suffices, and stop training layer by layer there") {
  Experiment experiment = small_experiment("lel");
  experiment.training.validation = 20;
  const workloads::DataSplit data = sim::load_data(experiment);
  const TrainingResult together = sim::train(experiment, data);
  REQUIRE(together.depth);
  CHECK(together.state.traffic.steps == 3 * 4);  // 40 images are left to train on
  const std::vector<double>& accuracy = together.state.history.back().validation_accuracy;
  const double best = *std::max_element(accuracy.begin(), accuracy.end());
  for (std::size_t i = 0; i < accuracy.size(); ++i) {
    if (together.depth->layers[i] == together.depth->layer) CHECK(accuracy[i] == best);
  }
  // No gain is enough: the second layer is looked at and found not to be needed.
  experiment.training.layer_by_layer = true;
  experiment.training.enough_gain = 1;
  const TrainingResult stopped = sim::train(experiment, data);
  REQUIRE(stopped.depth);
  CHECK(stopped.depth->layer == "conv1");
  CHECK(stopped.depth->stopped_early);
  CHECK(stopped.depth->layers == std::vector<std::string>{"conv1", "fc1"});
  CHECK(stopped.state.history.size() == 6);
}

TEST_CASE("an early exit reads the weights up to it and decides as the whole network does there") {
  for (const char* rule : {"lel", "lel-tlc", "bp"}) {
    CAPTURE(rule);
    const Experiment experiment = small_experiment(rule);
    const workloads::DataSplit data = sim::load_data(experiment);
    const TrainingState trained = sim::train(experiment, data).state;
    const std::vector<sim::ExitPoint> exits = sim::infer(experiment, data.test, trained);
    const sim::Epoch& last = trained.history.back();
    REQUIRE(exits.size() == last.layers.size());
    std::uint64_t weights = 0;
    workloads::Macs macs;
    for (std::size_t i = 0; i < exits.size(); ++i) {
      CHECK(exits[i].layer == last.layers[i]);
      CHECK(exits[i].accuracy() == last.test_accuracy[i]);
      CHECK(exits[i].images == 30);
      CHECK(exits[i].traffic.dram_write == 0);
      if (i > 0) CHECK(exits[i].traffic.time_ps > exits[i - 1].traffic.time_ps);
      if (std::string(rule) == "bp") continue;
      const workloads::Layer& layer = experiment.network.layers[i];
      weights += layer.weights().count();
      macs += layer.macs_exact();
      const std::uint64_t classifier = 3 * layer.activations().count();
      const std::uint64_t stored = std::string(rule) == "lel-tlc" ? classifier : 0;
      CHECK(exits[i].traffic.dram_read == 3 * (weights + stored));
      CHECK(exits[i].traffic.macs == 30 * (macs.count() + classifier));
    }
  }
}

TEST_CASE("a batch and validation images that leave nothing to train on are refused") {
  Experiment experiment = small_experiment("lel");
  experiment.training.validation = 51;
  const workloads::DataSplit data = sim::load_data(experiment);
  CHECK_THROWS_AS(sim::train(experiment, data), InputError);
}

}  // namespace spillway::training_test
