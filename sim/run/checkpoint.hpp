// A training run on disk, so that it can be continued to the same bits.
#pragma once

#include <filesystem>
#include <string>

#include "sim/run/settings.hpp"
#include "sim/run/training.hpp"

namespace spillway::sim {

/// Whoever looks finds the old file or the new one. Throws InputError when it cannot be written.
void write_checkpoint(const std::filesystem::path& path, const TrainingState& state,
                      const Settings& settings);

/// Throws InputError for what is not a whole checkpoint, and, naming the settings that differ with
/// both values, for one of another run.
TrainingState read_checkpoint(const std::filesystem::path& path, const Settings& settings);

/// How a checkpoint's settings differ from these, as read_checkpoint would say it; "" where it
/// would be continued. Throws InputError for what is not a whole checkpoint.
std::string checkpoint_differences(const std::filesystem::path& path, const Settings& settings);

/// The same for use instead of continuation. Throws InputError for another network or rule.
TrainingState read_trained_network(const std::filesystem::path& path, const Experiment& experiment);

}  // namespace spillway::sim
