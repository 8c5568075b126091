// A training run on disk, so that it can be continued to the same bits.
#pragma once

#include <filesystem>
#include <string>

#include "sim/run/training.hpp"

namespace spillway::sim {

/// What must be the same for a run to be continued: everything that its values depend on.
std::string fingerprint(const Experiment& experiment, const workloads::DataSplit& data,
                        bool direct);

/// Written whole to a temporary file beside it, then renamed: whoever looks finds the old file or
/// the new one. Throws Error when it cannot be written.
void write_checkpoint(const std::filesystem::path& path, const TrainingState& state,
                      const std::string& fingerprint);

/// Throws InputError for what is not a whole checkpoint, or is one of another experiment (skipped
/// when `fingerprint` is empty).
TrainingState read_checkpoint(const std::filesystem::path& path, const std::string& fingerprint);

}  // namespace spillway::sim
