// Schedules that were written by hand for single cases: policy best moves no more words.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "analysis/reports/report.hpp"
#include "sim/plan/emission/booking.hpp"
#include "sim/plan/plan.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/same_values.hpp"
#include "tests/support/sanitized.hpp"

namespace spillway::hand_cases_test {

namespace {

using sim::Experiment;
using workloads::bytes_of;
using workloads::Words;

Experiment plain(Experiment experiment, const std::vector<sim::Item>& idealised) {
  experiment.policy = sim::Policy::best;
  experiment.optimizer.momentum = 0;
  experiment.idealisations = sim::Idealisations::none();
  for (const sim::Item item : idealised) experiment.idealisations.add(item);
  return experiment;
}

Experiment deep(int layers, std::int64_t batch) {
  workloads::LayerSpec layer = test::fc(60);
  layer.bias = false;
  const std::vector<workloads::LayerSpec> all(static_cast<std::size_t>(layers), layer);
  using enum sim::Item;
  return plain(test::experiment(workloads::make_network("deep", {60, 1, 1}, 5, all), "bp", batch),
               {labels, biases, seeds, metrics, readout_layer, pooling_winners});
}

/// The step runs as planned, and to the values of direct training.
void check_values(const Experiment& experiment) {
  const sim::Batch batch = sim::first_batch(experiment);
  sim::Simulation simulation(experiment);
  const sim::Result result = simulation.run_step(batch);
  CHECK(analysis::counts_agree(simulation.plan(), result));
  sim::DirectTraining direct(experiment);
  direct.run_step(batch);
  CHECK(test::differing_tensors(simulation, direct) == std::vector<std::string>{});
}

/// A product, and what batch-norm does once it knows the statistics that the product's outputs or
/// errors have over the whole mini-batch.
bool takes_channels(const sim::Nest& nest) {
  const auto waits = [](const sim::NestOp& op) {
    return op.kernel &&
           (op.kernel->name() == "batch-norm values" || op.kernel->name() == "error sums");
  };
  const auto multiplies = [](const sim::NestOp& op) { return op.product.has_value(); };
  return std::ranges::any_of(nest.spec.ops, waits) &&
         std::ranges::any_of(nest.spec.ops, multiplies);
}

}  // namespace

TEST_CASE("BP on chains of fc 60: all activations stay, weights stream a row at a time") {
  struct Case {
    int layers;
    std::int64_t batch;
    std::uint64_t buffer, by_hand;  ///< words; through the DRAM port
  };
  const Case cases[] = {{8, 10, 10'000, 83'820},   {8, 10, 12'000, 81'780},
                        {8, 10, 14'000, 79'800},   {8, 10, 16'000, 77'820},
                        {8, 10, 20'000, 73'800},   {8, 10, 24'000, 69'780},
                        {8, 10, 30'000, 63'780},   {12, 20, 20'000, 129'060},
                        {12, 20, 24'000, 125'040}, {12, 20, 30'000, 119'040}};
  for (const Case& each : cases) {
    if (test::sanitized && each.buffer != 24'000) continue;
    CAPTURE(each.layers);
    CAPTURE(each.buffer);
    Experiment experiment = deep(each.layers, each.batch);
    experiment.device.buffer = bytes_of(Words(each.buffer));
    const sim::Plan plan = sim::make_plan(experiment);
    CHECK(test::dram_words(plan) <= each.by_hand);
    // Labels, the readout and the metrics cross the host port: by hand once each, too.
    CHECK(test::moved_words(plan) - test::dram_words(plan) <= 700);
    if (each.buffer == 24'000) check_values(experiment);
  }
}

TEST_CASE("BP without batch-norm in 32 MiB: activations of eight layers stay") {
  using enum sim::Item;
  Experiment experiment =
      plain(test::shipped("cifar10-10layer-bp", {"network.batch_norm=false"}),
            {labels, biases, seeds, metrics, readout_layer, optimizer_state, pooling_winners});
  experiment.device.buffer = workloads::Bytes(32 << 20);
  // By sizes alone 44 587 072 through the DRAM port and, through the host's, the winners of two
  // layers out and in again.
  constexpr std::uint64_t winners = 2 * 100 * (4096 + 2048);
  CHECK(static_cast<double>(test::moved_words(sim::make_plan(experiment))) <=
        1.01 * (44'587'072 + winners));
}

TEST_CASE("with recomputation no more words move than without, in 64 MiB either") {
  Experiment experiment =
      plain(test::shipped("cifar10-5layer-bp", {"network.batch_norm=false"}), {});
  experiment.device.buffer = workloads::Bytes(64 << 20);
  const std::uint64_t without = test::moved_words(sim::make_plan(experiment));
  experiment.policy = sim::Policy::best_with_recomputation;
  CHECK(test::moved_words(sim::make_plan(experiment)) <= without);
}

TEST_CASE("batch-norm by channels: a few of them go through with the whole mini-batch") {
  using enum sim::Item;
  Experiment experiment = plain(test::shipped("cifar10-10layer-lel"),
                                {labels, biases, norm_parameters, norm_statistics, optimizer_state,
                                 readout_layer, pooling_winners, seeds, metrics});
  experiment.device.buffer = workloads::Bytes(8 << 20);
  const sim::Plan plan = sim::make_plan(experiment);
  std::uint64_t first = 0;
  for (const sim::ScheduledMove& move : sim::moves_of(plan.schedule(), plan.step())) {
    const auto item = sim::item_of(plan.step(), plan.step().tensor(move.tensor));
    if (item && experiment.idealisations.contains(*item)) continue;
    if (plan.step().ops[move.op].layer == 1) first += move.size.words.count();
  }
  // By hand, by sizes alone, without the scores: images once, the product and the activations out
  // and in again, weights in and out.
  CHECK(static_cast<double>(first) <= 1.01 * 26'525'056);
  CHECK(test::dram_words(plan) <= 130'600'000);
}

TEST_CASE("nests that take channels of the whole mini-batch compute what direct training does") {
  const auto normed = [](std::int64_t maps) {
    workloads::LayerSpec layer = test::conv(maps, 3);
    layer.batch_norm = true;
    layer.bias = false;
    return layer;
  };
  const auto network = workloads::make_network("n", {2, 4, 4}, 3, {normed(8), normed(6)});
  std::ptrdiff_t by_channels = 0;
  for (const std::string rule : {"lel", "bp", "lel-tlc"}) {
    for (const std::uint64_t buffer : {300u, 1400u}) {
      if (test::sanitized && (rule != "lel" || buffer != 300)) continue;
      CAPTURE(rule);
      CAPTURE(buffer);
      Experiment experiment = plain(test::experiment(network, rule, 4), {});
      experiment.device.buffer = bytes_of(Words(buffer));
      check_values(experiment);
      const sim::Plan plan = sim::make_plan(experiment);
      by_channels += std::ranges::count_if(plan.schedule().nests, takes_channels);
    }
  }
  CHECK(by_channels >= test::cases(8, 1));
}

}  // namespace spillway::hand_cases_test
