// What bound a step: decided by what was busy, and said in a line.
#include "analysis/reports/bound.hpp"

#include <doctest/doctest.h>

#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"

namespace spillway::bound_test {

using analysis::Bound;
using analysis::bound_of;
using analysis::bound_text;
using analysis::Usage;
using namespace workloads::literals;

namespace {

/// A step of 1000 ps whose DRAM bus moves data in so many of 100 cycles, and waits in none.
sim::Result step(std::uint64_t data_cycles) {
  sim::Result result;
  models::Execution& execution = result.execution;
  execution.time = 1000_ps;
  execution.dram.channel.busy = data_cycles;
  execution.dram.channel.idle = 100 - data_cycles;
  execution.dram.read_bursts = data_cycles;
  execution.dram.read_bytes = workloads::Bytes(64) * data_cycles;
  sim::LedgerKey key;
  result.ledger.add(result.ledger.line(key, "fc1"), workloads::Words(12 * data_cycles),
                    workloads::Bytes(48) * data_cycles);
  key.port = models::Port::host;  // of no interest to the DRAM bus
  result.ledger.add(result.ledger.line(key, "fc1"), 1000_words, 4000_B);
  return result;
}

models::DeviceConfig device() {
  models::DeviceConfig config = test::paper_device(4096_B);
  config.clock_period = 10_ps;
  config.array_rows = 4;
  config.array_columns = 5;
  return config;
}

}  // namespace

TEST_CASE("a step is bound by what is busy most, for two thirds of the time at least") {
  CHECK(bound_of({.memory = 0.9, .array = 0.8}) == Bound::memory);
  CHECK(bound_of({.memory = 0.8, .array = 0.9}) == Bound::array);
  CHECK(bound_of({.memory = 0.2, .prng = 0.7}) == Bound::prng);
  CHECK(bound_of({.memory = analysis::bound_share}) == Bound::memory);
  CHECK(bound_of({.memory = analysis::bound_share - 0.001}) == Bound::latency);
  CHECK(bound_of({}) == Bound::latency);
}

TEST_CASE("the compute engine is one engine, and bound by what takes most of its time") {
  CHECK(bound_of({.memory = 0.5, .array = 0.4, .vector_unit = 0.35}) == Bound::array);
  CHECK(bound_of({.memory = 0.5, .array = 0.3, .vector_unit = 0.5}) == Bound::vector_unit);
  CHECK(bound_of({.memory = 0.5, .array = 0.2, .vector_unit = 0.2, .buffer_port = 0.5}) ==
        Bound::buffer_port);
  CHECK(bound_of({.memory = 0.5, .array = 0.3, .vector_unit = 0.3}) == Bound::latency);
}

TEST_CASE("a label's usage is of the time in which anything was done for it") {
  models::WorkTimes times;
  times.active = 200_ps;  // of a span that is much longer
  times.first = 0_ps;
  times.last = 5000_ps;
  times.transfers = 100_ps;
  times.compute = {120_ps, 30_ps, 10_ps, 0_macs};
  times.busy.generate = 20_ps;
  const Usage usage = analysis::usage_of(times);
  CHECK(usage.memory == doctest::Approx(0.5));
  CHECK(usage.array == doctest::Approx(0.6));
  CHECK(usage.vector_unit == doctest::Approx(0.15));
  CHECK(usage.buffer_port == doctest::Approx(0.05));
  CHECK(usage.compute() == doctest::Approx(0.8));
  CHECK(usage.prng == doctest::Approx(0.1));
  CHECK(bound_of(usage) == Bound::array);
}

TEST_CASE("a bus with work counts as memory when the engines that store have gone on") {
  sim::Result result = step(50);
  models::dram::Statistics& bus = result.execution.dram.channel;
  bus.lost_row = 30;
  bus.idle = 20;
  result.execution.transfers = 400_ps;
  CHECK(analysis::usage_of(result.execution).memory == doctest::Approx(0.8));
  result.execution.transfers = 900_ps;
  CHECK(analysis::usage_of(result.execution).memory == doctest::Approx(0.9));
}

TEST_CASE("the array's share is useful MACs over those of all its units in the time") {
  // 100 cycles of 20 units.
  CHECK(analysis::array_share(500_macs, 1000_ps, device()) == doctest::Approx(0.25));
  CHECK(analysis::array_share(0_macs, 0_ps, device()) == 0);
}

TEST_CASE("what bound a step is said in a line with its numbers") {
  CHECK(bound_text(device(), step(81)) ==
        "Memory-bound: the DRAM bus moves data 81 % of the time; 75 % of its bytes were asked "
        "for.\n");

  sim::Result slow = step(40);
  slow.execution.transfers = 950_ps;
  CHECK(bound_text(device(), slow) ==
        "Memory-bound: loads and stores take 95 % of the time, but the DRAM bus moves data 40 %; "
        "75 % of its bytes were asked for.\n");

  sim::Result host = step(0);
  host.execution.transfers = 950_ps;
  CHECK(bound_text(device(), host) ==
        "Memory-bound: loads and stores take 95 % of the time, all of them of the host.\n");

  sim::Result array = step(10);
  array.execution.compute = {890_ps, 0_ps, 0_ps, 60_macs};
  CHECK(bound_text(device(), array) ==
        "Compute-bound: the array is busy 89 % of the time and does 3.0 % of the MACs that it "
        "could.\n");

  sim::Result vector = step(10);
  vector.execution.compute = {200_ps, 600_ps, 0_ps, 60_macs};
  CHECK(bound_text(device(), vector) ==
        "Compute-bound: the vector unit is busy 60 % of the time, the array 20 %.\n");

  sim::Result port = step(10);
  port.execution.compute = {200_ps, 0_ps, 500_ps, 60_macs};
  CHECK(bound_text(device(), port) ==
        "Compute-bound: the compute engine waits for the buffer port 50 % of the time, the array "
        "is busy 20 %.\n");

  sim::Result random = step(10);
  random.execution.busy.generate = 700_ps;
  CHECK(bound_text(device(), random) == "PRNG-bound: the PRNG unit is busy 70 % of the time.\n");

  sim::Result waiting = step(30);
  waiting.execution.transfers = 400_ps;
  waiting.execution.compute = {200_ps, 100_ps, 50_ps, 60_macs};
  CHECK(bound_text(device(), waiting) ==
        "Latency-bound: engines wait for each other; memory is busy 40 % of the time, the compute "
        "engine 35 %, the PRNG unit 0 %.\n");

  CHECK(bound_text(device(), {}) == "Nothing took any time.\n");
}

TEST_CASE("a narrow array, a slow memory and a narrow buffer port bind the same step") {
  const workloads::Network network = workloads::make_network("mlp", {64, 1, 1}, 4, {test::fc(64)});
  const auto bound = [&](const auto& change) {
    sim::Experiment experiment = test::experiment(network, "bp", 32);
    experiment.policy = sim::Policy::best;
    change(experiment.device);
    sim::Simulation simulation(experiment, models::DeviceOptions{true, false});
    return bound_of(analysis::usage_of(simulation.run_step({}).execution));
  };
  CHECK(bound([](models::DeviceConfig& d) { d.array_rows = d.array_columns = 1; }) == Bound::array);
  CHECK(bound([](models::DeviceConfig& d) { d.buffer_port = 1_B; }) == Bound::buffer_port);
  CHECK(bound([](models::DeviceConfig& d) { d.clock_period = 1_ps; }) == Bound::memory);
}

}  // namespace spillway::bound_test
