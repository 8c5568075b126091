// A sweep as an array job of Slurm: each task does a share of the points.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "analysis/sweeps/run_sweep.hpp"

namespace spillway::analysis {

/// The share of the array job's task that this process is, by Slurm's environment; nothing where it
/// is none.
std::optional<Shard> slurm_task_shard();

struct SlurmOptions {
  std::size_t jobs = 1;  ///< points at once in a task, which asks for as many processors
  bool retry_failed = false;
  bool wait = true;
  std::function<void(const std::string&)> say;
};

/// Submit an array job for the tasks that have something to do, or join the one that is under way;
/// wait for its end, and submit again what tasks that died have left. Nothing when it did not wait.
/// Throws InputError where there is no Slurm, or it refuses the job.
std::optional<SweepOutcome> run_with_slurm(const Sweep& sweep, const std::filesystem::path& folder,
                                           const SlurmOptions& options);

/// "Slurm job 12: 2 running, 3 pending"; "" when the folder had none.
std::string slurm_job_text(const std::filesystem::path& folder);

}  // namespace spillway::analysis
