// What stays in the buffer between two loop nests, and what of a nest's slots that is.
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

/// A tensor in the buffer at a node, or the first part of it.
struct Held {
  workloads::TensorId tensor = 0;
  std::int64_t count = 0;  ///< elements of its first dimension
  bool dirty = false;      ///< memory does not have its value
  auto operator<=>(const Held&) const = default;
};

class HeldSet : public FewSorted<Held, limits.residents> {
 public:
  bool has(workloads::TensorId id) const {
    return std::any_of(begin(), end(), [&](const Held& h) { return h.tensor == id; });
  }
  std::size_t hash() const {
    std::size_t result = size();
    for (const Held& h : *this) {
      result = result * 1'000'003 + (h.tensor << 1 | (h.dirty ? 1U : 0U));
      result = result * 1'000'003 + static_cast<std::size_t>(h.count);
    }
    return result;
  }
};

/// What stands of a slot's tensor.
struct Pin {
  std::size_t slot = 0;
  std::int64_t count = 0;  ///< elements of its first dimension
  auto operator<=>(const Pin&) const = default;
};

/// Slots of a nest whose tensors stand in the buffer: held before it, or after it, or both.
class Pins : public FewSorted<Pin, 2 * limits.residents> {
 public:
  Standing standing(std::size_t slots) const {
    Standing result(slots);
    for (const Pin& pin : *this) result[pin.slot] = pin.count;
    return result;
  }
  std::size_t hash() const {
    std::size_t result = size();
    for (const Pin& pin : *this) {
      result = (result * 1'000'003 + pin.slot) * 1'000'003 + static_cast<std::size_t>(pin.count);
    }
    return result;
  }
};

}  // namespace spillway::sim
