// The settings of a run by name, so that two runs can be told apart and the difference be named.
#pragma once

#include <string>
#include <vector>

#include "sim/experiment.hpp"

namespace spillway::sim {

struct Setting {
  std::string name;   ///< as in the experiment, "optimizer.rate"
  std::string value;  ///< in short
  /// What every run had before there was such a setting: a checkpoint that does not have it is one
  /// with this value.
  bool usual = false;
  bool operator==(const Setting&) const = default;
};
using Settings = std::vector<Setting>;

/// What must be the same for a trained network to be used: its layers, and the rule's classifiers.
Settings network_settings(const Experiment& experiment);

/// What must be the same for a run to be continued: everything that its values, counts and
/// simulated times depend on, but for the number of epochs of a run that trains all layers at once.
/// The network's settings come first.
Settings run_settings(const Experiment& experiment, const workloads::DataSplit& data, bool direct);

/// A number for all of them, in hexadecimal.
std::string fingerprint(const Settings& settings);

/// "optimizer.rate is 0.1 in the checkpoint and 0.2 now; …", or "" when none of `now` differs.
/// Settings that `now` lacks are passed over.
std::string differences(const Settings& checkpoint, const Settings& now);

}  // namespace spillway::sim
