#include "sim/run/simulation.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "workloads/initialise.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

using models::Port;
using workloads::Step;
using workloads::Tensor;
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

Batch make_batch(const workloads::Dataset& data, std::size_t first, std::int64_t size,
                 std::span<const std::size_t> order) {
  const std::size_t pixels = data.images.size() / data.size();
  Batch batch;
  batch.images.reserve(pixels * static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) {
    const std::size_t place = (first + static_cast<std::size_t>(i)) % data.size();
    const std::size_t example = order.empty() ? place : order[place];
    const auto image = data.images.begin() + static_cast<std::ptrdiff_t>(example * pixels);
    batch.images.insert(batch.images.end(), image, image + static_cast<std::ptrdiff_t>(pixels));
    batch.labels.push_back(data.labels[example]);
  }
  return batch;
}

Batch first_batch(const Experiment& experiment) {
  return make_batch(load_data(experiment).train, 0, experiment.batch);
}

Decision make_decision(const Step& step, TensorId id, std::span<const float> metrics) {
  // A program that forgets to store its metrics leaves poison, which is no number.
  return {step.layer_names[step.tensor(id).layer], metrics[0],
          std::llround(std::isnan(metrics[1]) ? 0 : metrics[1])};
}

Simulation::Simulation(const Experiment& experiment, models::DeviceOptions options)
    : plan_(make_plan(experiment)), device_(experiment.device, options) {
  for (const Tensor& tensor : plan_.step().tensors) {
    if (!tensor.is_given() || tensor.layer == 0) continue;
    std::vector<std::byte> bytes(tensor.bytes().count());
    workloads::initialise(experiment.network, tensor, experiment.seed, bytes);
    write(tensor.id, bytes);
  }
}

models::BackingStore& Simulation::store_of(TensorId id) {
  return plan_.map().at(id).port == Port::dram ? device_.dram() : device_.host();
}

void Simulation::write(TensorId id, std::span<const std::byte> bytes) {
  store_of(id).write(plan_.map().at(id).address, bytes);
}

std::vector<std::byte> Simulation::read(TensorId id) {
  std::vector<std::byte> bytes(plan_.step().tensor(id).bytes().count());
  store_of(id).read(plan_.map().at(id).address, bytes);
  return bytes;
}

Result Simulation::run_step(const Batch& batch) { return run_step(batch, plan_.program()); }

Result Simulation::run_step(const Batch& batch, const models::Program& program) {
  const Step& step = plan_.step();
  write(step.find("input.images").value(), std::as_bytes(std::span(batch.images)));
  write(step.find("input.labels").value(), std::as_bytes(std::span(batch.labels)));
  Result result{plan_.ledger().emptied(), device_.execute(plan_.map(), program), {}};
  for (std::size_t line = 0; line < result.execution.by_label.size(); ++line) {
    const models::Transferred& moved = result.execution.by_label[line];
    result.ledger.add(line, moved.words, moved.bytes);
  }
  check_conservation(result.ledger, result.execution);
  for (const TensorId id : step.decisions) {
    float metrics[2];
    std::memcpy(metrics, read(id).data(), sizeof metrics);
    result.decisions.push_back(make_decision(step, id, metrics));
  }
  return result;
}

}  // namespace spillway::sim
