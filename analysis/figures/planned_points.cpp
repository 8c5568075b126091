#include "analysis/figures/planned_points.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "sim/plan/allocation/buffer_too_small.hpp"
#include "sim/plan/plan.hpp"
#include "sim/plan/reports/planned_macs.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace {

/// Do pieces of work 0 … count - 1, `jobs` at once. The first exception stops the rest and is
/// thrown.
void in_parallel(std::size_t count, std::size_t jobs,
                 const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex failing;
  const auto worker = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        next = count;
        const std::lock_guard lock(failing);
        if (!failure) failure = std::current_exception();
      }
    }
  };
  std::vector<std::jthread> threads;
  if (jobs == 0) jobs = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t t = 1; t < std::min(jobs, count); ++t) threads.emplace_back(worker);
  worker();
  threads.clear();  // joins them
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

sim::Experiment plain_experiment(const workloads::Network& network, std::int64_t batch) {
  sim::Experiment experiment;
  experiment.name = network.name;
  experiment.network = network;
  experiment.device = models::read_device(workloads::Config::from_file(
      workloads::shared_folder() / "models" / "devices" / "paper.yaml"));
  experiment.device.buffer_where = "";
  experiment.device.dram.geometry.rows_per_bank <<= 16;
  experiment.batch = batch;
  experiment.optimizer.momentum = 0;
  if (network.classes == 1) experiment.rule_options.loss = workloads::Loss::mse;
  experiment.idealisations = sim::Idealisations::none();
  return experiment;
}

BufferPoint plan_point(const sim::Experiment& experiment) {
  using models::Port;
  using sim::Direction;
  BufferPoint point;
  try {
    const sim::Plan plan = sim::make_plan(experiment);
    const sim::Ledger& ledger = plan.ledger();
    point.reads = ledger.total(Port::dram, Direction::read);
    point.writes = ledger.total(Port::dram, Direction::write);
    point.host_reads = ledger.total(Port::host, Direction::read);
    point.host_writes = ledger.total(Port::host, Direction::write);
    const sim::PlannedMacs macs = planned_macs(plan);
    point.macs = macs.macs;
    point.recomputed = macs.recomputed;
    point.readout = macs.readout;
    point.readout_recomputed = macs.readout_recomputed;
  } catch (const sim::BufferTooSmall& error) {
    point.refusal = error.what();
    point.smallest = error.smallest();
  }
  return point;
}

void plan_points(const PlannedPoints& points) {
  std::mutex telling;
  ExplorationProgress at{0, 0, points.count, ""};
  const auto tell = [&] {
    if (points.progress) points.progress(at);
  };
  in_parallel(points.count, points.jobs, [&](std::size_t i) {
    {
      const std::lock_guard lock(telling);
      ++at.begun;
      at.what = points.what(i);
      tell();
    }
    BufferPoint point = plan_point(points.experiment(i));
    const std::lock_guard lock(telling);
    ++at.done;
    tell();
    points.take(i, std::move(point));
  });
}

}  // namespace spillway::analysis
