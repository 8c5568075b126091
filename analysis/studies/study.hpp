// A study: experiments trained side by side and compared with figures published elsewhere, such as
// the rows of one of the paper's accuracy tables. Read from analysis/studies/*.yaml.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sim/run/training.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

struct StudyRow {
  std::string label;
  std::filesystem::path experiment;
  std::vector<workloads::Assignment> overrides;
  std::vector<double> paper;  ///< percent, by decision; empty when the paper has none
  /// Percent, by seed and decision, from an independent implementation in the setting that
  /// the study states.
  std::vector<std::vector<double>> pytorch;
};

/// How long and on what a study is run.
struct StudySetting {
  int epochs = 1;
  int seeds = 1;
  std::optional<std::int64_t> subset, test;  ///< images used, from the front of the sets; all when
                                             ///< absent
  std::filesystem::path data;  ///< folder of the full sets, or of one; the shipped subset if empty
  bool direct = false;         ///< without the device, which counts a single step
  /// Where unfinished runs are kept, to be continued by the same call.
  std::optional<std::filesystem::path> checkpoints;
};

struct Study {
  std::string name, title;
  int paper_epochs = 0, paper_seeds = 0;  ///< 0 when the paper has no such table
  StudySetting usual;                     ///< the default: a coffee break
  int pytorch_epochs = 0;
  std::int64_t pytorch_images = 0;
  std::vector<StudyRow> rows;
};

/// One row's outcome. Percent; outer index decision.
struct StudyOutcome {
  std::vector<std::string> layers;
  std::vector<std::vector<double>> test, train;  ///< by decision and seed, after the last epoch
  /// Of all seeds. Without the device that of one step through it, times the steps: each step
  /// begins with the device idle and moves the same words.
  sim::Traffic traffic;
  /// Test accuracy by decision, seed and epoch; of layers trained one after the other, by the
  /// layer's own epochs.
  std::vector<std::vector<std::vector<double>>> by_epoch{};
  std::uint64_t epochs = 0;   ///< of all seeds and of layers trained alone, as the traffic
  std::string not_counted{};  ///< why there is no traffic but steps; "" where there is
};

struct StudyResult {
  Study study;
  StudySetting setting;
  std::size_t train_images = 0, test_images = 0;
  std::vector<StudyOutcome> outcomes;  ///< by row
};

double mean(const std::vector<double>& values);
/// Sample standard deviation; 0 for a single value.
double spread(const std::vector<double>& values);

/// Throws InputError.
Study read_study(const std::filesystem::path& path);

/// The row's experiment in a setting and with a seed. Fewer epochs than the paper's take a learning
/// rate divided by 5 after 60 % and 80 % of them (rounded, and never after the same epoch); the
/// paper's number keeps the experiment's.
sim::Experiment row_experiment(const Study& study, const StudyRow& row, const StudySetting& setting,
                               int seed);

std::string study_text(const StudyResult& result);
std::string study_csv(const StudyResult& result);
std::string study_json(const StudyResult& result);
/// A line of its own for each row and layer: test accuracy, training accuracy and the paper's.
std::string study_svg(const StudyResult& result);
/// Test accuracy by epoch: for each row a plot of its own with a curve for each layer.
std::string study_curves_svg(const StudyResult& result);

}  // namespace spillway::analysis
