// How fast work goes and how long the rest of it takes, for progress reports.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

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

/// "5 200 images/s, 3 min left", as far as they are known.
std::string pace_text(const TrainingPace& pace, std::size_t batch, std::size_t steps_left);

}  // namespace spillway::analysis
