// From values to places in a figure, with marks at round numbers.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace spillway::analysis {

class FigureScale {
 public:
  /// Logarithmic where all values are above zero and the largest is `decades` times the smallest.
  FigureScale(const std::vector<double>& values, double begin, double end);
  /// Names at equal distances: value i is name i.
  FigureScale(const std::vector<std::string>& names, double begin, double end);

  double place(double value) const;
  bool is_logarithmic() const { return logarithmic_; }
  /// Where marks stand and what they say.
  std::vector<std::pair<double, std::string>> marks() const;

 private:
  bool logarithmic_ = false;
  double low_ = 0, high_ = 1, begin_, end_;
  std::vector<std::string> names_;
};

/// A number in few letters: "1.5 M", "64 k", "0.02".
std::string short_number(double value);

}  // namespace spillway::analysis
