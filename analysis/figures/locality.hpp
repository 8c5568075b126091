// The locality dial: what training moves, computes, keeps and learns when errors reach ever further
// down, from a local error at every block over fewer and larger blocks to backpropagation.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analysis/figures/planned_points.hpp"
#include "sim/experiment.hpp"

namespace spillway::analysis {

/// A place of the dial.
struct LocalitySetting {
  std::string rule;
  std::optional<int> blocks;  ///< with errors of their own; nothing under backpropagation
};
/// "9 blocks", "1 block", "BP".
std::string setting_title(const LocalitySetting& setting);

/// One setting in one buffer.
struct LocalityRow {
  LocalitySetting setting;
  Bytes buffer;
  BufferPoint point;
  /// The largest total of the step's tensors alive at once, each from its first use to its last,
  /// but those that are generated: with so much on chip none has to cross the border twice.
  Bytes need;
  Words once;                      ///< every word once: no schedule moves less (lower_bound.hpp)
  std::optional<double> over_bp;   ///< words over those of backpropagation in the same buffer
  std::optional<double> accuracy;  ///< of the last decision on the test images
  /// Through both ports.
  Words words() const { return point.words() + point.host_reads + point.host_writes; }
};

struct Locality {
  std::string network, rule;
  std::uint64_t batch;
  sim::Policy policy;
  int epochs;  ///< of training before accuracy was measured; 0: none
  /// False where policy best searches some settings' steps, those that are chains, more widely.
  bool searched_alike;
  std::vector<LocalitySetting> settings;
  std::vector<LocalityRow> rows;  ///< by buffer, ascending, and then by setting
};

struct LocalityOptions {
  std::string rule = "lel";  ///< one with local errors
  int epochs = 0;            ///< trained with the experiment's data, without the device
  std::size_t jobs = 0;      ///< plans made at once; 0: one for each core. The result is the same
  /// Called one at a time, from any thread.
  std::function<void(const ExplorationProgress&)> progress{};
  /// "LEL with 3 blocks, epoch 1/2"
  std::function<void(const std::string&)> training{};
};

/// The rules that the dial takes.
std::vector<std::string> locality_rules();

/// An experiment at a setting of the dial. The rule's options stay where the rule does; another one
/// keeps the loss and its targets alone.
sim::Experiment at_setting(sim::Experiment experiment, const LocalitySetting& setting);

/// Plan a mini-batch of the experiment, under its policy, at every setting, from the network's
/// natural blocks to one and then backpropagation, in every buffer. Throws InputError.
Locality explore_locality(const sim::Experiment& experiment, const std::vector<Bytes>& sizes,
                          const LocalityOptions& options = {});

std::string locality_text(const Locality& locality);
std::string locality_csv(const Locality& locality);
std::string locality_json(const Locality& locality);
std::string locality_svg(const Locality& locality);

}  // namespace spillway::analysis
