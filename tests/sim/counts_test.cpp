// Traffic counted in several ways that share no code must agree to the word.
#include <doctest/doctest.h>

#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/reports/report.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"
#include "tests/support/liveness_oracle.hpp"

namespace spillway::counts_test {

using models::Port;
using sim::Direction;
using sim::Experiment;
using workloads::Bytes;
using workloads::Lifetime;
using workloads::Network;
using workloads::Tensor;
using workloads::Words;

namespace {

std::uint64_t total(const sim::Ledger& ledger, Port port, Direction direction) {
  return ledger.total(port, direction).count();
}

/// Tensors whose values a direct run and the device have in different bits.
std::vector<std::string> differing_tensors(sim::Simulation& simulation,
                                           sim::DirectTraining& direct) {
  std::vector<std::string> names;
  for (const Tensor& tensor : simulation.plan().step().tensors) {
    if (tensor.lifetime == Lifetime::temporary) continue;
    if (simulation.read(tensor.id) != direct.read(tensor.id)) {
      names.push_back(tensor.name);
    }
  }
  return names;
}

}  // namespace

TEST_CASE("planned, simulated, oracle and closed form agree on random networks") {
  workloads::SplitMix numbers(20260101);
  int networks = 0;
  const std::vector<std::string> rules = workloads::learning_rule_names();
  for (; networks < 350; ++networks) {
    Experiment experiment = test::experiment(
        test::random_network(numbers), rules[static_cast<std::size_t>(networks) % rules.size()],
        1 + static_cast<std::int64_t>(numbers.below(17)));
    if (workloads::learning_rule(experiment.rule).local) {
      experiment.rule_options.fix = static_cast<int>(numbers.below(3));
    }
    if (numbers.below(3) == 0) experiment.rule_options.loss = workloads::Loss::square_hinge;
    if (numbers.below(3) == 0) {
      experiment.rule_options.distribution = workloads::Distribution::gaussian;
    }
    experiment.seed = numbers.next();
    if (numbers.below(3) == 0) experiment.optimizer.momentum = 0;
    const bool all_idealised = numbers.below(2) == 0;
    if (!all_idealised) {
      experiment.idealisations = sim::Idealisations::none();
      for (const sim::Item item : sim::all_items()) {
        if (numbers.below(2) == 0) experiment.idealisations.add(item);
      }
    }
    CAPTURE(networks);
    CAPTURE(analysis::network_text(experiment.network));

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
    REQUIRE(result.execution.high_water <= experiment.device.buffer);
    if (all_idealised) {
      const auto examples = static_cast<std::uint64_t>(experiment.batch);
      const int fix = experiment.rule_options.fix;
      const auto words = analysis::rule_words(experiment.network, experiment.rule, examples, fix);
      REQUIRE(words.reads == result.execution.dram.read_words);
      REQUIRE(words.writes == result.execution.dram.write_words);
      REQUIRE(analysis::rule_macs(experiment.network, experiment.rule, examples, fix) ==
              result.execution.macs);
      if (experiment.rule == "bp" || (experiment.rule == "lel" && fix == 0)) {
        const auto row =
            experiment.rule == "bp" ? analysis::Table1Rule::bp : analysis::Table1Rule::lel;
        const analysis::Table1Scale scale{examples, 1, 1, false};
        // The paper has no pooling after which the mask of a ReLU cannot be told.
        const Words kept = experiment.rule == "bp"
                               ? experiment.network.maps_before_pool_kept() * examples
                               : Words(0);
        REQUIRE(analysis::table1_words(experiment.network, row, scale).reads + kept == words.reads);
        REQUIRE(analysis::table1_words(experiment.network, row, scale).writes + kept ==
                words.writes);
        REQUIRE(
            analysis::table1_macs(experiment.network, row, analysis::MacReading::figure2, scale) ==
            result.execution.macs_padded + simulation.plan().step().unused_input_gradient);
        REQUIRE(analysis::table1_macs(experiment.network, row, analysis::MacReading::exact,
                                      scale) == result.execution.macs);
      }
    }
    sim::DirectTraining direct(experiment);
    direct.run_step(batch);
    REQUIRE(differing_tensors(simulation, direct) == std::vector<std::string>{});
  }
  CHECK(networks == 350);
}

TEST_CASE("after twenty steps through the device all values equal a direct run to the bit") {
  // Maps in whole blocks of channels and not, with batch-norm and dropout and without.
  workloads::LayerSpec first = test::pooled(test::conv(16, 5), 3, 2, 1), third = test::fc(50);
  first.batch_norm = third.batch_norm = true;
  first.bias = third.bias = false;
  first.dropout = third.dropout = 0.25;
  Network network = workloads::make_network(
      "small", {3, 12, 12}, 10, {first, test::pooled(test::conv(8, 3), 2, 2), third, test::fc(30)});
  network.input_dropout = 0.2;
  for (const std::string& rule : workloads::learning_rule_names()) {
    CAPTURE(rule);
    const Experiment experiment = test::experiment(network, rule, 25);
    const workloads::DataSplit data = sim::load_data(experiment);
    sim::Simulation simulation(experiment);
    sim::DirectTraining direct(experiment);
    for (std::size_t step = 0; step < 20; ++step) {
      const sim::Batch batch = sim::make_batch(data.train, step * 25, 25);
      const sim::Result result = simulation.run_step(batch);
      const std::vector<sim::Decision> decisions = direct.run_step(batch).decisions;
      REQUIRE(result.decisions.size() == decisions.size());
      for (std::size_t i = 0; i < decisions.size(); ++i) {
        REQUIRE(result.decisions[i].loss == decisions[i].loss);
      }
    }
    CHECK(differing_tensors(simulation, direct) == std::vector<std::string>{});
  }
}

TEST_CASE("two runs of one experiment give the same report to the byte") {
  for (const char* name : {"mnist-mlp-bp", "mnist-mlp-lel"}) {
    const Experiment experiment = test::shipped(name);
    std::string reports[2];
    for (std::string& report : reports) {
      sim::Simulation simulation(experiment);
      const sim::Result result = simulation.run_step(sim::first_batch(experiment));
      report = analysis::run_json(experiment, simulation.plan(), result);
    }
    CHECK(reports[0] == reports[1]);
  }
}

TEST_CASE("buffer size, chunk size, queues, array and host bandwidth change no count") {
  const Network network = workloads::make_network(
      "small", {3, 12, 12}, 10, {test::pooled(test::conv(16, 5), 3, 2, 1), test::fc(50)});
  for (const char* rule : {"bp", "lel"}) {
    Experiment experiment = test::experiment(network, rule, 10);
    const auto run = [&] {
      sim::Simulation simulation(experiment);
      return simulation.run_step(sim::first_batch(experiment));
    };
    const sim::Result reference = run();
    const auto same_counts = [&](const sim::Result& result) {
      CHECK(result.execution.dram.read_words == reference.execution.dram.read_words);
      CHECK(result.execution.dram.write_words == reference.execution.dram.write_words);
      CHECK(result.execution.dram.read_bytes == reference.execution.dram.read_bytes);
      CHECK(result.execution.dram.write_bytes == reference.execution.dram.write_bytes);
      CHECK(result.execution.host.read_words == reference.execution.host.read_words);
      CHECK(result.execution.macs == reference.execution.macs);
    };
    experiment.device.dram_chunk = Bytes(64);
    same_counts(run());
    experiment.device.queue_depth = 1;
    same_counts(run());
    experiment.device.dataflow = models::Dataflow::weight_stationary;
    same_counts(run());
    experiment.device.host_bytes_per_ns = 1.0;
    const sim::Result slow = run();
    same_counts(slow);
    CHECK(slow.execution.time > reference.execution.time);
    experiment.device.buffer = bytes_of(sim::make_plan(experiment).buffer_words()) + Bytes(65536);
    same_counts(run());
  }
}

TEST_CASE("engines overlap when the buffer has room and take turns when it has not") {
  const Network network = workloads::make_network("mlp", {200, 1, 1}, 10,
                                                  {test::fc(300), test::fc(300), test::fc(300)});
  Experiment experiment = test::experiment(network, "lel", 50);
  sim::Simulation roomy(experiment);
  const sim::Batch batch = sim::first_batch(experiment);
  const auto fast = roomy.run_step(batch).execution;
  experiment.device.buffer = bytes_of(roomy.plan().buffer_words() + Words(5000));
  sim::Simulation tight(experiment);
  const auto slow = tight.run_step(batch).execution;
  CHECK(fast.high_water > slow.high_water);
  CHECK(fast.time < slow.time);
  CHECK(fast.time < fast.busy.load + fast.busy.store + fast.busy.compute);
}

TEST_CASE("a buffer one word too small is refused with layer, words needed and words there") {
  for (const char* name : {"mnist-mlp-bp", "mnist-mlp-lel", "cifar10-5layer-bp",
                           "cifar10-5layer-lel", "cifar10-10layer-bp", "cifar10-10layer-lel"}) {
    CAPTURE(name);
    const Experiment enough = test::shipped(name);
    const Words need = sim::make_plan(enough).buffer_words();
    CHECK(need <= words_of(enough.device.buffer));
    Experiment less = enough;
    less.device.buffer = bytes_of(need - Words(1));
    try {
      sim::make_plan(less);
      FAIL("not refused");
    } catch (const workloads::InputError& error) {
      const std::string message = error.what();
      CAPTURE(message);
      CHECK(message.find("layer ") != std::string::npos);
      CHECK(message.find(std::to_string(need.count()) + " words") != std::string::npos);
      CHECK(message.find(std::to_string(need.count() - 1)) != std::string::npos);
      // What the message says is enough, is enough.
      const std::size_t at = message.find("at least ");
      less.device.buffer = Bytes(std::stoull(message.substr(at + 9)));
      CHECK(sim::make_plan(less).buffer_words() == need);
    }
  }
}

TEST_CASE("a convolution reads its weights once however large the batch") {
  const Network network =
      workloads::make_network("conv", {3, 8, 8}, 10, {test::conv(8, 3), test::fc(10)});
  for (const std::int64_t batch : {1, 4}) {
    const sim::Plan plan = sim::make_plan(test::experiment(network, "lel", batch));
    Words read;
    for (const sim::LedgerLine& line : plan.ledger().lines()) {
      if (line.layer == "conv1" && line.key.tensor == workloads::TensorKind::weights &&
          line.key.direction == Direction::read) {
        read += line.words;
      }
    }
    CHECK(read == Words(8 * 3 * 3 * 3));
  }
}

TEST_CASE("an fc layer's forward pass moves its compulsory words and no more") {
  // Line 7 of the small cases: 78 400 + 784 000 + 100 000 words for 784 -> 1000 at batch 100.
  Experiment experiment = test::shipped("mnist-mlp-bp");
  experiment.idealisations = sim::Idealisations::none();
  const sim::Plan plan = sim::make_plan(experiment);
  Words forward;
  for (const sim::LedgerLine& line : plan.ledger().lines()) {
    const bool operand = line.key.tensor == workloads::TensorKind::weights ||
                         line.key.tensor == workloads::TensorKind::activations ||
                         line.key.tensor == workloads::TensorKind::input_images;
    if (line.key.layer <= 1 && line.key.phase == workloads::Phase::forward && operand) {
      forward += line.words;
    }
  }
  CHECK(forward == Words(78'400 + 784'000 + 100'000));
}

TEST_CASE("momentum in DRAM brings the BP / LEL ratio down to 1.30, 1.40 and 2.08") {
  const std::pair<const char*, double> expected[] = {
      {"mnist-mlp", 1.30}, {"cifar10-5layer", 1.40}, {"cifar10-10layer", 2.08}};
  for (const auto& [network, ratio] : expected) {
    CAPTURE(network);
    double words[2];
    for (const int rule : {0, 1}) {
      Experiment experiment = test::shipped(std::string(network) + (rule == 0 ? "-bp" : "-lel"));
      experiment.idealisations = sim::Idealisations::paper_but(sim::Item::optimizer_state);
      const sim::Plan plan = sim::make_plan(experiment);
      words[rule] = static_cast<double>((plan.ledger().total(Port::dram, Direction::read) +
                                         plan.ledger().total(Port::dram, Direction::write))
                                            .count());
    }
    CHECK(words[0] / words[1] == doctest::Approx(ratio).epsilon(0.005));
  }
}

}  // namespace spillway::counts_test
