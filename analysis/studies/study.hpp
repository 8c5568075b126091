// A study: experiments trained side by side and compared with figures published elsewhere, such as
// the rows of one of the paper's accuracy tables. Read from analysis/studies/*.yaml.
#pragma once

#include <filesystem>
#include <functional>
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
  bool direct = false;         ///< without the device: nothing is counted
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
  std::vector<std::vector<double>> test, train;  ///< by decision and seed
  sim::Traffic traffic;                          ///< of all seeds
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

/// Thrown when `StudyProgress::stop` ended a study.
class StudyStopped : public workloads::Error {
 public:
  using workloads::Error::Error;
};

struct StudyProgress {
  std::function<void(const std::string&)> now{};  ///< what runs, often
  std::function<void(const std::string&)> row{};  ///< a row is done
  std::function<bool()> stop{};                   ///< asked after each step
};

/// Expected seconds of the whole study on this machine, from a few steps of each row; checks that
/// every row can run.
double estimate_seconds(const Study& study, const StudySetting& setting);

StudyResult run_study(const Study& study, const StudySetting& setting,
                      const StudyProgress& progress = {});

std::string study_text(const StudyResult& result);
std::string study_csv(const StudyResult& result);
std::string study_json(const StudyResult& result);
/// Bars by layer and row, training accuracy as a mark above, BP as a line.
std::string study_svg(const StudyResult& result);

}  // namespace spillway::analysis
