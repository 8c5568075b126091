#include "analysis/sweeps/figure_scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/formats/svg.hpp"

namespace spillway::analysis {

namespace {

constexpr double least_ratio = 20;  // of values that a logarithmic scale shows better

}  // namespace

std::string short_number(double value) {
  for (const auto& [size, letter] : {std::pair{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}) {
    if (std::abs(value) >= size) return fmt::format("{:.3g} {}", value / size, letter);
  }
  return fmt::format("{:.3g}", value);
}

FigureScale::FigureScale(const std::vector<double>& values, double begin, double end)
    : begin_(begin), end_(end) {
  const auto [least, most] = std::ranges::minmax(values);
  logarithmic_ = least > 0 && most >= least_ratio * least;
  if (logarithmic_) {
    low_ = std::log10(least);
    high_ = std::log10(most);
    const double margin = 0.03 * (high_ - low_);
    low_ -= margin;
    high_ += margin;
    return;
  }
  const double step = svg::round_up(std::max(most - std::min(least, most), 1e-12) / 5);
  const bool from_zero = least >= 0 && least <= 0.5 * most;
  low_ = from_zero ? 0 : std::floor(least / step) * step;
  high_ = std::max(low_ + step, std::ceil(most / step) * step);
}

FigureScale::FigureScale(const std::vector<std::string>& names, double begin, double end)
    : low_(-0.5),
      high_(static_cast<double>(names.size()) - 0.5),
      begin_(begin),
      end_(end),
      names_(names) {}

double FigureScale::place(double value) const {
  const double at = logarithmic_ ? std::log10(value) : value;
  return begin_ + (end_ - begin_) * (at - low_) / (high_ - low_);
}

std::vector<std::pair<double, std::string>> FigureScale::marks() const {
  std::vector<std::pair<double, std::string>> marks;
  if (!names_.empty()) {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      marks.emplace_back(place(static_cast<double>(i)), names_[i]);
    }
    return marks;
  }
  if (!logarithmic_) {
    const double step = svg::round_up((high_ - low_) / 6);
    for (double value = std::ceil(low_ / step) * step; value <= high_ * (1 + 1e-9); value += step) {
      marks.emplace_back(place(value), short_number(std::abs(value) < step / 1e6 ? 0 : value));
    }
    return marks;
  }
  const bool wide = high_ - low_ > 3;
  for (int decade = static_cast<int>(std::floor(low_)); decade <= high_; ++decade) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double at = decade + std::log10(digit);
      if (at < low_ || at > high_ || (wide && digit != 1)) continue;
      marks.emplace_back(place(digit * std::pow(10, decade)),
                         short_number(digit * std::pow(10, decade)));
    }
  }
  return marks;
}

}  // namespace spillway::analysis
