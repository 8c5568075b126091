// What is resident between two loop nests, and in which slots of a nest: residencies while they
// are searched for, when nobody knows yet where they begin and end.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "sim/plan/limits.hpp"
#include "sim/plan/mapping/nest.hpp"

namespace spillway::sim {

/// A few values in order.
template <class Value, std::size_t most>
class FewSorted {
 public:
  std::size_t size() const { return size_; }
  const Value* begin() const { return values_.data(); }
  const Value* end() const { return values_.data() + size_; }
  void insert(const Value& value) {
    std::size_t at = size_++;
    for (; at > 0 && values_[at - 1] > value; --at) values_.at(at) = values_[at - 1];
    values_.at(at) = value;
  }
  auto operator<=>(const FewSorted&) const = default;

 private:
  std::array<Value, most> values_{};
  std::size_t size_ = 0;
};

/// A tensor, or the first part of it, that is resident at a node.
struct ResidentTensor {
  workloads::TensorId tensor = 0;
  std::int64_t count = 0;  ///< elements of its first dimension
  bool dirty = false;      ///< memory does not have its value
  auto operator<=>(const ResidentTensor&) const = default;
};

class ResidentSet : public FewSorted<ResidentTensor, limits.residents> {
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

/// What is resident of a slot's tensor.
struct ResidentSlot {
  std::size_t slot = 0;
  std::int64_t count = 0;  ///< elements of its first dimension
  auto operator<=>(const ResidentSlot&) const = default;
};

/// Slots of a nest whose tensors are resident: before it, or after it, or both.
class ResidentSlots : public FewSorted<ResidentSlot, 2 * limits.residents> {
 public:
  Standing standing(std::size_t slots) const {
    Standing result(slots);
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
