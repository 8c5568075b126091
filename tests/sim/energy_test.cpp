// Energy of whole steps: every part belongs to a layer and a phase, and the counts are those that
// the ports, the buffer and the array keep themselves.
#include <doctest/doctest.h>

#include "models/energy/energy_model.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/random_experiment.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::energy_test {

using models::BufferUser;
using models::EnergyByPart;
using models::EnergyModel;
using sim::Experiment;
using sim::Policy;
using workloads::Bytes;

namespace {

models::Technology technology_at(const std::string& name) {
  return models::read_technology(workloads::Config::from_file(
      workloads::shared_folder() / "models/technologies" / (name + ".yaml")));
}

/// Lines add up to the whole, part by part, and parts to the total.
void check_sums(const Experiment& experiment, const sim::Result& result) {
  const EnergyModel model(experiment.device);
  const EnergyByPart total = model.total(result.execution);
  EnergyByPart sum;
  double parts = 0;
  for (const auto& [part, name] : models::energy_part_names) {
    CAPTURE(name);
    for (const sim::LayerTime& line : result.timing) {
      const double pj = model.of(line.times, result.execution).of(part);
      CHECK(pj >= 0);
      sum.of(part) += pj;
    }
    CHECK(sum.of(part) == doctest::Approx(total.of(part)).epsilon(1e-9));
    parts += total.of(part);
  }
  CHECK(parts == doctest::Approx(total.total()).epsilon(1e-12));
  CHECK(total.of(models::EnergyPart::buffer) > 0);
  CHECK(total.of(models::EnergyPart::macs) > 0);
  CHECK(total.of(models::EnergyPart::static_power) > 0);
}

/// What labels count is what others count, too.
void check_counts(const models::Execution& execution) {
  models::WorkCounts sum;
  for (const models::WorkTimes& work : execution.by_work) sum += work.counts;
  CHECK(sum == execution.counts);
  CHECK(sum.buffer.total() == execution.buffer);
  CHECK(sum.read_bursts == execution.dram.read_bursts);
  CHECK(sum.write_bursts == execution.dram.write_bursts);
  CHECK(sum.buffer.of(BufferUser::host).written == execution.host.read_bytes);
  CHECK(sum.buffer.of(BufferUser::host).read == execution.host.write_bytes);
  Bytes moved;
  for (const models::Transferred& line : execution.by_label) moved += line.bytes;
  const models::Accesses dram = sum.buffer.of(BufferUser::dram);
  CHECK(dram.read + dram.written + execution.host.read_bytes + execution.host.write_bytes == moved);
  CHECK(sum.macs >= execution.macs_padded + execution.macs_apart);
  CHECK(sum.random_bits >= 4 * execution.generated_words);
}

}  // namespace

TEST_CASE("energies by part and by layer add up to the total for every rule and policy") {
  const models::Technology technologies[] = {technology_at("45nm"), technology_at("7nm")};
  int run = 0;
  for (const std::string& rule : workloads::learning_rule_names()) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      workloads::SplitMix numbers(100 + seed);
      Experiment experiment = test::random_experiment(numbers, rule);
      experiment.device.technology = technologies[seed % 2];
      for (const Policy policy : {Policy::paper, Policy::layer, Policy::best}) {
        experiment.policy = policy;
        experiment.device.buffer = policy == Policy::paper ? Bytes(4 << 20) : Bytes(16 << 10);
        CAPTURE(test::description(experiment));
        std::optional<sim::Simulation> simulation;
        try {
          simulation.emplace(experiment, models::DeviceOptions{true, false});
        } catch (const workloads::InputError&) {
          continue;  // too small a buffer
        }
        const sim::Result result = simulation->run_step({});
        check_sums(experiment, result);
        check_counts(result.execution);
        ++run;
      }
    }
  }
  CHECK(run > 45);
}

TEST_CASE("a second step takes the energy of the first") {
  Experiment experiment =
      test::experiment(workloads::make_network("mlp", {6, 1, 1}, 3, {test::fc(5)}), "lel", 4);
  experiment.device.technology = technology_at("16nm");
  sim::Simulation simulation(experiment, models::DeviceOptions{true, false});
  const EnergyModel model(experiment.device);
  const sim::Result first = simulation.run_step({}), second = simulation.run_step({});
  CHECK(model.total(first.execution).total() == model.total(second.execution).total());
  CHECK(first.execution.counts == second.execution.counts);
}

TEST_CASE("a device without currents has no energy of the DRAM's chips, and all else") {
  Experiment experiment =
      test::experiment(workloads::make_network("mlp", {6, 1, 1}, 3, {test::fc(5)}), "bp", 4);
  experiment.device.technology = technology_at("45nm");
  experiment.device.dram.currents.reset();
  const sim::Result result =
      sim::Simulation(experiment, models::DeviceOptions{true, false}).run_step({});
  const EnergyModel model(experiment.device);
  CHECK_FALSE(model.dram_chips_known());
  CHECK(model.total(result.execution).chips() == 0);
  check_sums(experiment, result);
}

}  // namespace spillway::energy_test
