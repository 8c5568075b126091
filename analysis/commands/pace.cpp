#include "analysis/commands/pace.hpp"

#include <fmt/format.h>

#include <cmath>

#include "analysis/formats/output.hpp"

namespace spillway::analysis {

namespace {

double seconds(Moment from, Moment to) { return std::chrono::duration<double>(to - from).count(); }

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::llround(std::max(seconds, 0.0)));
  if (whole < 100) return fmt::format("{} s", whole);
  const std::uint64_t minutes = (whole + 30) / 60;
  if (minutes < 100) return fmt::format("{} min", minutes);
  if (minutes < 48 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  const std::uint64_t hours = (minutes + 30) / 60;
  return fmt::format("{} d {} h", hours / 24, hours % 24);
}

std::optional<double> seconds_left(Moment begin, Moment now, std::size_t done, std::size_t left) {
  if (done == 0) return std::nullopt;
  return seconds(begin, now) / static_cast<double>(done) * static_cast<double>(left);
}

void TrainingPace::step(Moment now) {
  if (!begin_) {
    begin_ = now;
  } else {
    training_ += seconds(*last_, now);
    ++steps_;
  }
  last_ = now;
}

std::optional<double> TrainingPace::images_per_second(std::size_t batch) const {
  if (training_ <= 0) return std::nullopt;
  return static_cast<double>(steps_ * batch) / training_;
}

std::optional<double> TrainingPace::seconds_left(std::size_t steps) const {
  if (steps_ == 0) return std::nullopt;
  return analysis::seconds_left(*begin_, *last_, steps_, steps);
}

double WorkPace::expected_after(std::size_t piece, std::size_t steps_left) const {
  double expected = static_cast<double>(steps_left) * pieces_.at(piece).step_seconds;
  for (std::size_t i = piece + 1; i < pieces_.size(); ++i) {
    expected += static_cast<double>(pieces_[i].steps) * pieces_[i].step_seconds;
  }
  return expected;
}

void WorkPace::step(std::size_t piece, std::size_t steps_left, Moment now) {
  if (last_) {
    expected_ += expected_after(piece_, *steps_left_) - expected_after(piece, steps_left);
    taken_ += seconds(*last_, now);
  }
  piece_ = piece;
  steps_left_ = steps_left;
  last_ = now;
}

double WorkPace::seconds_left() const {
  constexpr double trust = 2;  // seconds for which an expectation outweighs what is measured
  const double correction = (taken_ + trust) / (expected_ + trust);
  const std::size_t steps = pieces_.empty() ? 0 : pieces_.front().steps;
  return pieces_.empty() ? 0 : correction * expected_after(piece_, steps_left_.value_or(steps));
}

std::string pace_text(const TrainingPace& pace, std::size_t batch, std::size_t steps_left) {
  std::string text;
  if (const auto rate = pace.images_per_second(batch)) {
    text += *rate < 10 ? fmt::format("{:.2g} images/s", *rate)
                       : grouped(static_cast<std::uint64_t>(*rate)) + " images/s";
  }
  if (const auto left = pace.seconds_left(steps_left)) {
    text += (text.empty() ? "" : ", ") + duration_text(*left) + " left";
  }
  return text;
}

}  // namespace spillway::analysis
