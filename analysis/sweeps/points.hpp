// The points of a sweep: which value each axis has.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "analysis/sweeps/sweep_file.hpp"

namespace spillway::analysis {

/// An index into each dimension's values; `no_choice` where the dimension does not apply.
using Choice = std::vector<std::uint32_t>;
inline constexpr std::uint32_t no_choice = 0xffffffff;

class PointSpace {
 public:
  /// Throws InputError when there are more than 10^15 points.
  explicit PointSpace(const Sweep& sweep);

  /// Of all dimensions multiplied, those that conditions leave out included.
  std::uint64_t size() const { return size_; }
  /// The last dimension changes first.
  Choice at(std::uint64_t index) const;
  /// The same with `no_choice` where a dimension's condition does not hold.
  Choice applied(Choice choice) const;
  /// All of the sweep's own conditions hold.
  bool is_wanted(const Choice& applied) const;

  /// By axis; nothing where its dimension does not apply.
  std::vector<const AxisValue*> values(const Choice& choice) const;
  /// What lays the point over the experiment.
  std::vector<workloads::Assignment> assignments(const Choice& choice) const;

 private:
  std::optional<Quantity> value_of(const std::string& name, const Choice& choice) const;

  const Sweep& sweep_;
  std::uint64_t size_ = 1;
};

/// The points of a grid, or those that a random search draws, each once; the same seed draws the
/// same. Ends early when `take` returns false.
void for_each_point(const Sweep& sweep, const std::function<bool(const Choice&)>& take);

}  // namespace spillway::analysis
