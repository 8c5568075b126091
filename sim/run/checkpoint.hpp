// A training run on disk, so that it can be continued to the same bits.
#pragma once

#include <filesystem>
#include <string>

#include "sim/run/training.hpp"

namespace spillway::sim {

/// What must be the same for a trained network to be used: its layers, and the rule's classifiers.
std::string network_fingerprint(const Experiment& experiment);

/// What must be the same for a run to be continued: everything that its values, counts and
/// simulated times depend on, but for the number of epochs of a run that trains all layers at once.
std::string fingerprint(const Experiment& experiment, const workloads::DataSplit& data,
                        bool direct);

struct CheckpointIdentity {
  std::string run, network;  ///< the two fingerprints
};

/// Whoever looks finds the old file or the new one. Throws InputError when it cannot be written.
void write_checkpoint(const std::filesystem::path& path, const TrainingState& state,
                      const CheckpointIdentity& identity);

/// Throws InputError for what is not a whole checkpoint, or is one of another run.
TrainingState read_checkpoint(const std::filesystem::path& path, const std::string& run);

/// The same for use instead of continuation. Throws InputError for another network or rule.
TrainingState read_trained_network(const std::filesystem::path& path, const Experiment& experiment);

}  // namespace spillway::sim
