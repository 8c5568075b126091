// Where one part of the device is out of all proportion to the others, the other one's time is the
// step's.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "sim/experiment.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/sanitized.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::time_limits_test {

namespace {

models::Execution executed(const std::string& name, const std::vector<std::string>& settings) {
  const auto file = workloads::shared_folder() / "workloads" / "experiments" / (name + ".yaml");
  const sim::Experiment experiment = sim::read_experiment(file, {settings.begin(), settings.end()});
  return sim::Simulation(experiment, {.values = false}).run_step({}).execution;
}

/// One setting of policy and buffer each.
const std::vector<std::vector<std::string>> ways{
    {"policy=paper", "device.buffer=64 MiB"},
    {"policy=layer", "device.buffer=1 MiB"},
    {"policy=best", "device.buffer=1 MiB", "objective=time"}};

}  // namespace

TEST_CASE("beside a memory that is fast enough the array's time is the step's within 1 %") {
  for (const char* name : {"mnist-mlp-bp", "mnist-mlp-lel"}) {
    for (std::vector<std::string> settings : ways) {
      // A transfer takes a clock of the buffer port at least: many small ones are no fast memory.
      if (settings.front() == "policy=best") continue;
      settings.insert(settings.end(), {"device.clock_mhz=0.1", "device.buffer_port=1 GiB"});
      const models::Execution execution = executed(name, settings);
      CAPTURE(fmt::format("{} {}", name, settings.front()));
      CHECK(static_cast<double>(execution.busy.compute.count()) >
            0.99 * static_cast<double>(execution.time.count()));
    }
  }
}

TEST_CASE("beside an array that is fast enough the memory's time is the step's within 1 %" *
          test::slow_if_sanitized) {
  for (const char* name : {"mnist-mlp-bp", "mnist-mlp-lel"}) {
    for (std::vector<std::string> settings : ways) {
      settings.insert(settings.end(), {"device.clock_mhz=1000000", "idealisations=none"});
      const models::Execution execution = executed(name, settings);
      CAPTURE(fmt::format("{} {}", name, settings.front()));
      const models::dram::Statistics& bus = execution.dram.channel;
      const std::uint64_t all = bus.busy + bus.idle + bus.lost_refresh + bus.lost_row +
                                bus.lost_spacing + bus.lost_turnaround;
      CHECK(static_cast<double>(bus.idle) < 0.01 * static_cast<double>(all));
    }
  }
}

}  // namespace spillway::time_limits_test
