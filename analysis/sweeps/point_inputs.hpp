// What determines a point's result, and the name that follows from it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "analysis/formats/json.hpp"
#include "analysis/sweeps/points.hpp"
#include "sim/experiment.hpp"

namespace spillway::analysis {

struct PointInputs {
  sim::Experiment experiment;
  Json settings;     ///< the experiment's keys with every name resolved, and a digest of its data
  std::string hash;  ///< of the settings, the command and the program's version
  /// Equal where two points have the same schedule, which does not depend on DRAM or clocks; ""
  /// where it is not worth sharing.
  std::string schedule;
};

/// Reads the experiments of a sweep's points.
class PointReader {
 public:
  /// Throws InputError when the base is no experiment.
  explicit PointReader(const Sweep& sweep);

  /// Throws InputError for what is no experiment, with the place in the sweep's file that made it
  /// one.
  PointInputs inputs(const Choice& choice);
  /// Files that points name are read again.
  void forget_files() { resolved_.clear(); }
  sim::Experiment experiment(const Choice& choice) const;
  /// That gives the point's result by itself.
  std::string command_line(const Choice& choice) const;

 private:
  workloads::Config laid_over(const Choice& choice) const;
  const std::string& data_digest(const sim::Experiment& experiment);
  Json resolved_settings(const workloads::Config& config);

  const Sweep& sweep_;
  PointSpace space_;
  workloads::Config base_;
  std::map<std::string, std::string> digests_;  // of folders
  std::map<std::string, Json> resolved_;        // networks and devices, by what names them
};

/// A tree of YAML as JSON: numbers, truth values and texts by what they look like.
Json config_json(const workloads::Config& config);

}  // namespace spillway::analysis
