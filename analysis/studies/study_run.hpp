// Runs a study: what it will take, what is kept of it, and its rows one after the other.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "analysis/studies/study.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

/// A row with one seed: what it takes, and what is kept of it.
struct RunOutlook {
  std::size_t row = 0;
  int seed = 1;
  std::size_t steps = 0, kept = 0;     ///< of the whole run; behind it by its checkpoint
  double step_seconds = 0;             ///< expected on this machine; 0 for a row that is finished
  std::filesystem::path checkpoint{};  ///< empty when nothing is kept
  /// How a run of the same row and seed that is kept differs from this one; "" without one.
  std::string other{};
};

/// Every run of a study, in the order in which they come. Runs two steps of each row that is not
/// finished, and so checks that it can run. Throws InputError.
std::vector<RunOutlook> look_ahead(const Study& study, const StudySetting& setting);

/// Expected for all that is left.
double seconds_ahead(const std::vector<RunOutlook>& runs);

/// Thrown when `StudyProgress::stop` ended a study.
class StudyStopped : public workloads::Error {
 public:
  using workloads::Error::Error;
};

/// Where a study stands.
struct StudyMoment {
  std::size_t run = 0;         ///< as look_ahead counts them
  std::size_t steps_left = 0;  ///< of this run
  std::string text;            ///< "LEL (SYM), seed 1/3, epoch 2/10, step 7/600"
};

struct StudyProgress {
  std::function<void(const StudyMoment&)> now{};  ///< after each step
  std::function<void(const std::string&)> row{};  ///< a row is done
  std::function<bool()> stop{};                   ///< asked after each step
};

StudyResult run_study(const Study& study, const StudySetting& setting,
                      const StudyProgress& progress = {});

}  // namespace spillway::analysis
