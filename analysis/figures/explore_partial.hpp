// An exploration that was interrupted: what it has planned so far is kept in a file, from which the
// same command goes on.
#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "analysis/figures/explore_buffer.hpp"

namespace spillway::analysis {

/// A CSV file as exploration_csv writes it, with empty cells for what is not planned yet, below a
/// line that says of which exploration it is.
class PartialExploration {
 public:
  PartialExploration(std::filesystem::path path, const workloads::Network& network,
                     std::int64_t batch, const std::vector<Bytes>& sizes,
                     const std::vector<std::string>& rules = usual_rules());

  /// Fill in the plans that the file holds; those that were refused are tried again, since a CSV
  /// has no reasons. Throws InputError when the file is of another exploration, naming what
  /// differs, or damaged.
  void recall(BufferExploration& exploration);
  /// Remember what there is by now, and write it unless the file is very new. Any thread.
  void keep(const BufferExploration& exploration);
  /// Write what was remembered; returns how many plans the file holds. Any thread.
  std::size_t write();
  /// The exploration is complete and its results are written.
  void remove();

  const std::filesystem::path& path() const { return path_; }

 private:
  void write_locked();

  std::filesystem::path path_;
  std::string identity_;  // the first line
  std::mutex mutex_;
  std::string content_;  // remembered and not written yet, or ""
  std::size_t plans_ = 0;
  std::chrono::steady_clock::time_point written_{};
};

}  // namespace spillway::analysis
