// How fast work goes and how long the rest of it takes, for progress reports.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spillway::analysis {

using Moment = std::chrono::steady_clock::time_point;

/// "8 s", "3 min", "2 h 10 min", "3 d 4 h": about as exact as an estimate is.
std::string duration_text(double seconds);

/// What `left` pieces of work take when `done` took from `begin` to `now`; nothing before one is
/// done.
std::optional<double> seconds_left(Moment begin, Moment now, std::size_t done, std::size_t left);

/// Of training: what lies between epochs counts for the time left, not for the images in a second.
class TrainingPace {
 public:
  /// A step is done. The first one only starts the clock: it made what all others use.
  void step(Moment now);
  /// An epoch is over and its images are measured.
  void epoch(Moment now) { last_ = now; }

  std::optional<double> images_per_second(std::size_t batch) const;
  std::optional<double> seconds_left(std::size_t steps) const;

 private:
  std::optional<Moment> begin_, last_;
  std::size_t steps_ = 0;
  double training_ = 0;  // seconds
};

/// Of several pieces of work, one after the other, whose steps take unlike times: how long all the
/// rest takes. What was expected of the steps holds in proportion, and is corrected by what those
/// that are done took.
class WorkPace {
 public:
  struct Piece {
    std::size_t steps;
    double step_seconds;  ///< expected
  };
  explicit WorkPace(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  /// A step of a piece is done and so many are left of it; those before it are over.
  void step(std::size_t piece, std::size_t steps_left, Moment now);
  double seconds_left() const;

 private:
  double expected_after(std::size_t piece, std::size_t steps_left) const;

  std::vector<Piece> pieces_;
  std::size_t piece_ = 0;
  std::optional<std::size_t> steps_left_;  // none: nothing of the first piece is known yet
  std::optional<Moment> last_;
  double expected_ = 0, taken_ = 0;  // seconds, of the steps that were timed
};

/// "5 200 images/s, 3 min left", as far as they are known.
std::string pace_text(const TrainingPace& pace, std::size_t batch, std::size_t steps_left);

}  // namespace spillway::analysis
