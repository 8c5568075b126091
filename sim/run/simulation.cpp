#include "sim/run/simulation.hpp"

#include <fmt/format.h>

#include <cstring>

#include "models/layout_runs.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

using models::Port;
using workloads::Step;
using workloads::TensorId;
using workloads::Words;

namespace {

void require_equal(const char* what, Words ledger, Words counter) {
  if (ledger == counter) return;
  throw workloads::ConsistencyError(fmt::format("{}: the ledger holds {} words, the counter {}",
                                                what, ledger.count(), counter.count()));
}

/// The ledger and the memories' own counters are kept apart and must agree.
void check_conservation(const Ledger& ledger, const models::Execution& execution) {
  require_equal("DRAM reads", ledger.total(Port::dram, Direction::read), execution.dram.read_words);
  require_equal("DRAM writes", ledger.total(Port::dram, Direction::write),
                execution.dram.write_words);
  require_equal("host reads", ledger.total(Port::host, Direction::read), execution.host.read_words);
  require_equal("host writes", ledger.total(Port::host, Direction::write),
                execution.host.write_words);
}

}  // namespace

Simulation::Simulation(const Experiment& experiment, const models::DeviceOptions& options)
    : Simulation(experiment, make_plan(experiment), options) {}

Simulation::Simulation(const Experiment& experiment, Plan plan,
                       const models::DeviceOptions& options)
    : plan_(std::move(plan)),
      timing_(plan_.step()),
      values_(options.values),
      device_(experiment.device, options) {
  if (values_) initialise(experiment);
}

models::BackingStore& Simulation::store_of(TensorId id) {
  return plan_.map().at(id).port == Port::dram ? device_.dram() : device_.host();
}

void Simulation::write(TensorId id, std::span<const std::byte> bytes) {
  models::write_tensor(store_of(id), plan_.map().at(id), bytes);
}

std::vector<std::byte> Simulation::read(TensorId id) {
  std::vector<std::byte> bytes(plan_.step().tensor(id).bytes().count());
  models::read_tensor(store_of(id), plan_.map().at(id), bytes);
  return bytes;
}

Result Simulation::run_step(const Batch& batch, double rate_scale) {
  return run_step(batch, plan_.program(next_step(rate_scale)));
}

Result Simulation::run_step(const Batch& batch, const models::Program& program) {
  const Step& step = plan_.step();
  if (values_) {
    require_fitting(batch, step);
    write(step.find("input.images").value(), std::as_bytes(std::span(batch.images)));
    if (const auto labels = step.find("input.labels")) {
      write(*labels, std::as_bytes(std::span(batch.labels)));
    }
  }
  Result result{
      plan_.ledger().emptied(), device_.execute(plan_.map(), timing_.labelled(program)), {}};
  result.timing = timing_.lines(result.execution);
  for (std::size_t line = 0; line < result.execution.by_label.size(); ++line) {
    const models::Transferred& moved = result.execution.by_label[line];
    result.ledger.add(line, moved.words, moved.bytes);
  }
  check_conservation(result.ledger, result.execution);
  if (!values_) return result;
  for (const TensorId id : step.decisions) {
    float metrics[2];
    std::memcpy(metrics, read(id).data(), sizeof metrics);
    result.decisions.push_back(make_decision(step, id, metrics));
  }
  return result;
}

}  // namespace spillway::sim
