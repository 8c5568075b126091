// What a sweep's file says in words: "time_ms <= 20", "rule == lel and batch in [1, 10]".
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "workloads/support/config.hpp"

namespace spillway::analysis {

/// A text as a number: "0.5", or the bytes of "64 KiB"; nothing when it is neither.
std::optional<double> quantity(const std::string& text);

/// What a name stands for: a text and, where it is one, a number.
struct Quantity {
  std::string text;
  std::optional<double> number;
};

/// A name that a condition may have.
struct ConditionName {
  std::string name;
  /// All that it can stand for; empty: any number.
  std::vector<Quantity> values;
};

/// Comparisons (==, !=, <, <=, >, >=, in [a, b]) joined by `and` and `or`, of which `and` binds
/// more tightly. A name that stands for nothing makes its comparison false.
class Condition {
 public:
  /// Throws InputError for what is no condition, a name that is not among `names`, a value that
  /// its name cannot stand for, or an order of what are no numbers.
  Condition(const workloads::Config& config, const std::vector<ConditionName>& names);

  bool holds(const std::function<std::optional<Quantity>(const std::string&)>& value_of) const;
  const std::string& text() const { return text_; }

 private:
  struct Comparison {
    std::string name, sign;
    std::vector<Quantity> values;  ///< one, or those of the list behind `in`
  };
  std::string text_;
  std::vector<std::vector<Comparison>> any_of_all_;
};

}  // namespace spillway::analysis
