// Squared errors, images as targets and networks that give their scores themselves, on the device.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/reports/report.hpp"
#include "sim/plan/reports/layer_words.hpp"
#include "sim/run/training.hpp"
#include "tests/support/liveness_oracle.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/random_losses.hpp"
#include "tests/support/same_values.hpp"

namespace spillway::losses_test {

using models::Port;
using sim::Direction;
using sim::Experiment;
using sim::Policy;
using workloads::Bytes;
using workloads::Readout;
using workloads::Targets;
using workloads::TensorKind;
using workloads::Words;

namespace {

std::uint64_t total(const sim::Ledger& ledger, Port port, Direction direction) {
  return ledger.total(port, direction).count();
}

/// Words of the images that a plan reads.
std::uint64_t image_words(const sim::Plan& plan) {
  Words sum;
  for (const sim::LedgerLine& line : plan.ledger().lines()) {
    if (line.key.tensor == TensorKind::input_images) sum += line.words;
  }
  return sum.count();
}

Experiment autoencoder(const std::string& rule, const std::vector<std::int64_t>& hidden,
                       std::int64_t pixels, std::int64_t batch) {
  std::vector<workloads::LayerSpec> layers;
  for (const std::int64_t neurons : hidden) layers.push_back(test::fc(neurons));
  layers.push_back(test::fc(pixels));
  layers.back().relu = false;
  Experiment experiment = test::experiment(
      workloads::make_network("auto", {pixels, 1, 1}, pixels, layers, Readout::none), rule, batch);
  experiment.rule_options.loss = workloads::Loss::mse;
  experiment.rule_options.targets = Targets::inputs;
  return experiment;
}

/// Everything that outlives a step has the same bits.
std::vector<std::string> differing_bits(sim::Simulation& simulation, sim::DirectTraining& direct) {
  std::vector<std::string> names;
  for (const workloads::Tensor& tensor : simulation.plan().step().tensors) {
    if (tensor.lifetime == workloads::Lifetime::temporary) continue;
    if (simulation.read(tensor.id) != direct.read(tensor.id)) names.push_back(tensor.name);
  }
  return names;
}

}  // namespace

TEST_CASE("other losses and readouts: planned, simulated, oracle and closed form agree") {
  workloads::SplitMix numbers(20261128);
  int whole = 0, of_images = 0, single = 0, all_idealised = 0;
  const std::vector<std::string> rules = workloads::learning_rule_names();
  for (std::size_t i = 0; i < 70; ++i) {
    Experiment experiment = test::random_loss_experiment(numbers, rules[i % rules.size()]);
    if (numbers.below(2) == 0) experiment.idealisations = sim::Idealisations::paper();
    CAPTURE(i);
    CAPTURE(test::description(experiment));
    const sim::Batch batch = sim::first_batch(experiment);
    sim::Simulation simulation(experiment);
    const sim::Result result = simulation.run_step(batch);
    REQUIRE(analysis::counts_agree(simulation.plan(), result));
    const test::OracleCounts oracle =
        test::liveness_oracle(simulation.plan().step(), experiment.idealisations);
    REQUIRE(oracle.dram_read == total(result.ledger, Port::dram, Direction::read));
    REQUIRE(oracle.dram_write == total(result.ledger, Port::dram, Direction::write));
    REQUIRE(oracle.host_read == total(result.ledger, Port::host, Direction::read));
    REQUIRE(oracle.host_write == total(result.ledger, Port::host, Direction::write));
    sim::DirectTraining direct(experiment);
    direct.run_step(batch);
    REQUIRE(differing_bits(simulation, direct) == std::vector<std::string>{});
    const workloads::Network& network = experiment.network;
    whole += network.readout == Readout::none;
    of_images += experiment.rule_options.targets == Targets::inputs;
    single += network.classes == 1;
    const bool paper = std::ranges::all_of(
        sim::all_items(), [&](sim::Item item) { return experiment.idealisations.contains(item); });
    if (!paper) continue;
    ++all_idealised;
    const auto examples = static_cast<std::uint64_t>(experiment.batch);
    const int fix = experiment.rule_options.fix;
    const auto words = analysis::rule_words(network, experiment.rule, examples, fix);
    // Where the readout is one of the network's layers its biases and scores are as any layer's.
    REQUIRE(words.reads == result.execution.dram.read_words);
    REQUIRE(words.writes == result.execution.dram.write_words);
    REQUIRE(analysis::rule_macs(network, experiment.rule, examples, fix) == result.execution.macs);
    if (experiment.rule != "bp" && (experiment.rule != "lel" || fix != 0)) continue;
    const auto row = experiment.rule == "bp" ? analysis::Table1Rule::bp : analysis::Table1Rule::lel;
    const analysis::Table1Scale scale{examples, 1, 1, false};
    REQUIRE(analysis::table1_words(network, row, scale).reads == words.reads);
    REQUIRE(analysis::table1_words(network, row, scale).writes == words.writes);
    REQUIRE(analysis::table1_macs(network, row, analysis::MacReading::figure2, scale) ==
            result.execution.macs_padded + simulation.plan().step().unused_input_gradient);
  }
  CHECK(whole > 35);
  CHECK(of_images > 25);
  CHECK(single > 5);
  CHECK(all_idealised > 25);
}

TEST_CASE("other losses and readouts under the other policies: as planned, with the same values") {
  workloads::SplitMix numbers(404);
  int runs = 0, compared = 0;
  const std::vector<std::string> rules = workloads::learning_rule_names();
  for (std::size_t i = 0; i < 14; ++i) {
    Experiment experiment = test::random_loss_experiment(numbers, rules[i % rules.size()]);
    experiment.batch = std::min<std::int64_t>(experiment.batch, 4);
    const sim::Batch batch = sim::first_batch(experiment);
    sim::DirectTraining direct(experiment);
    direct.run_step(batch);
    const bool comparable = !test::is_degenerate(direct);
    for (const Policy policy : {Policy::layer, Policy::best, Policy::best_with_recomputation}) {
      if (policy == Policy::best_with_recomputation && experiment.rule != "bp") continue;
      experiment.policy = policy;
      const std::uint64_t smallest = test::smallest_buffer_words(experiment);
      for (const std::uint64_t words : {smallest + 1, 2 * smallest}) {
        experiment.device.buffer = bytes_of(Words(words));
        CAPTURE(i);
        CAPTURE(test::description(experiment));
        CAPTURE(to_string(policy));
        CAPTURE(words);
        sim::Simulation simulation(experiment);
        const sim::Result result = simulation.run_step(batch);
        REQUIRE(analysis::counts_agree(simulation.plan(), result));
        CHECK(result.execution.high_water <= experiment.device.buffer);
        Words once;
        for (const Words layer : sim::words_once(simulation.plan())) once += layer;
        CHECK(test::dram_words(simulation.plan()) >= once.count());
        ++runs;
        if (!comparable) continue;
        CHECK(test::differing_tensors(simulation, direct) == std::vector<std::string>{});
        ++compared;
      }
    }
  }
  CHECK(runs == 60);
  CHECK(compared > 40);
}

TEST_CASE("images that are targets are read again, from where images live") {
  // Three layers. BP: for F_1, for the loss and for B_1. LEL: once, as each next stage wants them.
  for (const bool in_dram : {false, true}) {
    for (const char* rule : {"bp", "dfa", "lel"}) {
      CAPTURE(in_dram);
      CAPTURE(rule);
      Experiment experiment = autoencoder(rule, {5, 4}, 6, 10);
      if (in_dram) {
        experiment.idealisations = sim::Idealisations::paper_but(sim::Item::input_images);
      }
      const sim::Plan plan = sim::make_plan(experiment);
      CHECK(image_words(plan) == (std::string(rule) == "lel" ? 1 : 3) * 10 * 6);
      const auto with_labels = [&] {
        Experiment other = experiment;
        other.rule_options.targets = Targets::labels;
        return sim::make_plan(other);
      }();
      CHECK(image_words(with_labels) == (std::string(rule) == "lel" ? 1 : 2) * 10 * 6);
      CHECK(total(plan.ledger(), Port::dram, Direction::read) -
                total(with_labels.ledger(), Port::dram, Direction::read) ==
            (in_dram ? image_words(plan) - image_words(with_labels) : 0));
      // Where there is room for all they come once.
      experiment.policy = Policy::best;
      CHECK(image_words(sim::make_plan(experiment)) == 10 * 6);
    }
  }
}

TEST_CASE("a squared error of values is cut along maps, so that small buffers do") {
  // 2 x 5 x 5 values an example; labels would need all of an example's scores at once.
  const auto conv_last = [](workloads::LayerSpec spec) {
    spec.relu = false;
    return spec;
  };
  Experiment experiment = test::experiment(
      workloads::make_network("auto", {2, 5, 5}, 50,
                              {test::conv(2, 3), conv_last(test::conv(2, 3))}, Readout::none),
      "bp", 2);
  experiment.rule_options.loss = workloads::Loss::mse;
  experiment.policy = Policy::layer;
  const std::uint64_t of_labels = test::smallest_buffer_words(experiment);
  CHECK(of_labels >= 2 * 50);
  experiment.rule_options.targets = Targets::inputs;
  const std::uint64_t of_values = test::smallest_buffer_words(experiment);
  CHECK(of_values < 60);
  experiment.device.buffer = bytes_of(Words(of_values));
  sim::Simulation simulation(experiment);
  const sim::Batch batch = sim::first_batch(experiment);
  const sim::Result result = simulation.run_step(batch);
  CHECK(analysis::counts_agree(simulation.plan(), result));
  sim::DirectTraining direct(experiment);
  const sim::Result expected = direct.run_step(batch);
  CHECK(result.decisions[0].loss == doctest::Approx(expected.decisions[0].loss));
  CHECK(test::differing_tensors(simulation, direct) == std::vector<std::string>{});
}

TEST_CASE("an autoencoder learns its images through the device, and has no accuracy") {
  for (const char* rule : {"bp", "lel"}) {
    CAPTURE(rule);
    Experiment experiment = test::shipped("mnist-autoencoder-" + std::string(rule),
                                          {"network.layers[0].out=48", "network.layers[2].out=48"});
    experiment.data.train = 1000;
    experiment.data.test = 100;
    experiment.training.epochs = 2;
    const workloads::DataSplit data = sim::load_data(experiment);
    const sim::TrainingResult result = sim::train(experiment, data, {});
    REQUIRE(result.state.history.size() == 2);
    const sim::Epoch &first = result.state.history[0], &second = result.state.history[1];
    CHECK(second.layers.back() == "fc4");
    CHECK(second.loss.back() < 0.8 * first.loss.back());
    for (std::size_t i = 0; i < second.loss.size(); ++i) {
      CHECK(second.loss[i] < first.loss[i]);
      CHECK(std::isnan(second.train_accuracy[i]));
      CHECK(std::isnan(second.test_accuracy[i]));
    }
  }
}

TEST_CASE("one score is trained to be the label, whatever classes the data has") {
  Experiment experiment = test::experiment(
      workloads::make_network("number", {784, 1, 1}, 1, {test::fc(20)}), "bp", 100);
  experiment.rule_options.loss = workloads::Loss::mse;
  experiment.data.set = "mnist";
  experiment.data.train = 1000;
  experiment.data.test = 200;
  experiment.optimizer.rate = 0.02;
  experiment.training.epochs = 8;
  const workloads::DataSplit data = sim::load_data(experiment);
  CHECK(data.train.classes == 10);
  sim::TrainingOptions options;
  options.direct = true;
  const auto history = sim::train(experiment, data, options).state.history;
  CHECK(history.back().loss[0] < history.front().loss[0] / 2);
  CHECK(history.back().test_accuracy[0] > 0.15);
  // Of a random set the labels are 0 and 1.
  experiment.data.set = "random";
  CHECK(sim::load_data(experiment).train.classes == 2);
}

}  // namespace spillway::losses_test
