// Resident tensors between two loop nests, and the slots of a nest that they are in: residencies
// during the search, before their begin and end are known.
#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <compare>
#include <cstdint>

#include "sim/plan/limits.hpp"
#include "sim/plan/mapping/nest.hpp"

namespace spillway::sim {

/// Values in order, the first few of which take no memory of their own.
template <class Value, std::size_t few>
class Sorted {
 public:
  std::size_t size() const { return values_.size(); }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }
  void insert(const Value& value) {
    values_.insert(std::upper_bound(values_.begin(), values_.end(), value), value);
  }
  bool operator==(const Sorted&) const = default;
  auto operator<=>(const Sorted& other) const {
    return std::lexicographical_compare_three_way(begin(), end(), other.begin(), other.end());
  }

 private:
  boost::container::small_vector<Value, few> values_;
};

/// A tensor, or the first part of it, that is resident at a node.
struct ResidentTensor {
  workloads::TensorId tensor = 0;
  std::int64_t count = 0;  ///< elements of its first dimension
  bool dirty = false;      ///< memory does not have its value
  auto operator<=>(const ResidentTensor&) const = default;
};

class ResidentSet : public Sorted<ResidentTensor, limits.residents> {
 public:
  bool has(workloads::TensorId id) const {
    return std::any_of(begin(), end(),
                       [&](const ResidentTensor& each) { return each.tensor == id; });
  }
  std::size_t hash() const {
    std::size_t result = size();
    for (const ResidentTensor& each : *this) {
      result = result * 1'000'003 + (each.tensor << 1 | (each.dirty ? 1U : 0U));
      result = result * 1'000'003 + static_cast<std::size_t>(each.count);
    }
    return result;
  }
};

/// The resident prefix of a slot's tensor.
struct ResidentSlot {
  std::size_t slot = 0;
  std::int64_t count = 0;  ///< elements of its first dimension
  auto operator<=>(const ResidentSlot&) const = default;
};

/// Slots of a nest whose tensors are resident: before it, or after it, or both.
class ResidentSlots : public Sorted<ResidentSlot, 2 * limits.residents> {
 public:
  ResidentPrefixes prefixes(std::size_t slots) const {
    ResidentPrefixes result(slots);
    for (const ResidentSlot& each : *this) result[each.slot] = each.count;
    return result;
  }
  std::size_t hash() const {
    std::size_t result = size();
    for (const ResidentSlot& each : *this) {
      result = (result * 1'000'003 + each.slot) * 1'000'003 + static_cast<std::size_t>(each.count);
    }
    return result;
  }
};

}  // namespace spillway::sim
