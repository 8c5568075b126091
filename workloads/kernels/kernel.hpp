// One operation on whole tensors or on boxes of them: any type that keeps the promises below.
// Tensors are plain row-major: activations NCHW (or NC), conv weights OIHW, fc weights [out, in],
// classifier matrices [features, classes]. Elements are float32 unless the contract says otherwise.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "workloads/kernels/contract.hpp"

namespace spillway::workloads {

class Execution;
class Kernel;
struct KernelPhase;

using Boxes = std::span<const Box>;
using Inputs = std::span<const std::byte* const>;
using Outputs = std::span<std::byte* const>;

/// What an operation has to know of the step in which it runs and no tensor holds. The host counts
/// steps and follows the schedule, and tells both as a step begins.
struct StepControl {
  double rate_scale = 1;    ///< learning rates are multiplied with it
  std::int64_t number = 1;  ///< of the step, from 1, since what the optimizer keeps was zero
};

/// What a family of kernels declares of each operation. One of them missing: it does not compile.
///
///  * `name`: "conv forward", "max-pool error" …
///  * `contract()`: see contract.hpp. Operands are given in its order, optional ones left out.
///  * `on_boxes(in, out, accumulate)`: the operation on these boxes of its operands. Throws
///    ConsistencyError (boxes.hpp) when they do not fit each other or it. With `accumulate` it
///    joins its results to what stands in its outputs, all of them that can, which are then changed
///    in place although they are listed as outputs only. So an operation can be done in parts.
///  * `accumulates()`: whether it does.
///  * `run(execution, in, out)`: on memory. Never fails on odd values: a label that is no class or
///    a winner outside its window gives NaN.
template <class T>
concept Operation = std::is_trivially_copyable_v<T> &&
    requires(const T& operation, bool accumulate, Execution& execution, Boxes boxes, Inputs in,
             Outputs out) {
  { T::name } -> std::convertible_to<std::string_view>;
  { operation.contract() } -> std::same_as<Contract>;
  { operation.on_boxes(boxes, boxes, accumulate) } -> std::same_as<T>;
  { operation.accumulates() } -> std::same_as<bool>;
  { operation.run(execution, in, out) } -> std::same_as<void>;
};

/// An operation of any kind, by value. The set of kinds is open. Beside what `Operation` asks for,
/// a kind may have
///
///  * `in_step(const StepControl&)`: itself in that step;
///  * `after(std::int64_t values)`: where results are merged, itself with so many values before;
///  * `phases()`: the kernels that do it one after the other, where one of them needs results of
///    another for the whole batch. It can then be done a part at a time.
class Kernel {
 public:
  static constexpr std::size_t capacity = 160;

  template <Operation T>
  Kernel(const T& operation) : table_(&table_of<T>) {
    static_assert(sizeof(T) <= capacity && alignof(T) <= alignof(std::max_align_t));
    std::construct_at(reinterpret_cast<T*>(value_), operation);
  }

  /// The operation, if it is of that kind; else null.
  template <Operation T>
  const T* as() const {
    return table_ == &table_of<T> ? std::launder(reinterpret_cast<const T*>(value_)) : nullptr;
  }
  template <Operation T>
  bool is() const {
    return table_ == &table_of<T>;
  }
  bool same_kind(const Kernel& other) const { return table_ == other.table_; }
  /// Byte for byte the same operation. Two that are alike may be told apart by their padding.
  bool same_as(const Kernel& other) const {
    return table_ == other.table_ && std::memcmp(value_, other.value_, capacity) == 0;
  }

  std::string name() const { return std::string(table_->name); }
  Contract contract() const { return table_->contract(value_); }
  Kernel on_boxes(Boxes in, Boxes out, bool accumulate) const {
    return table_->on_boxes(value_, in, out, accumulate);
  }
  bool accumulates() const { return table_->accumulates(value_); }
  Kernel in_step(const StepControl& step) const { return table_->in_step(value_, step); }
  /// Whether results are merged, and how many values came before counts.
  bool merges() const { return table_->after != nullptr; }
  Kernel after(std::int64_t values) const { return table_->after(value_, values); }
  std::vector<KernelPhase> phases() const;
  void run(Execution& execution, Inputs in, Outputs out) const {
    table_->run(value_, execution, in, out);
  }

 private:
  struct Table {
    std::string_view name;
    Contract (*contract)(const std::byte*);
    Kernel (*on_boxes)(const std::byte*, Boxes, Boxes, bool);
    bool (*accumulates)(const std::byte*);
    Kernel (*in_step)(const std::byte*, const StepControl&);
    Kernel (*after)(const std::byte*, std::int64_t);
    std::vector<KernelPhase> (*phases)(const std::byte*);
    void (*run)(const std::byte*, Execution&, Inputs, Outputs);
  };
  template <class T>
  static const T& value_in(const std::byte* value) {
    return *std::launder(reinterpret_cast<const T*>(value));
  }
  template <class T>
  static std::vector<KernelPhase> phases_of(const T& operation);
  template <class T>
  static Kernel placed_in(const StepControl& step, const T& operation) {
    if constexpr (requires { operation.in_step(step); }) {
      return operation.in_step(step);
    } else {
      return operation;
    }
  }
  template <class T>
  static constexpr auto after_of() -> Kernel (*)(const std::byte*, std::int64_t) {
    if constexpr (requires(const T& operation) { operation.after(std::int64_t{}); }) {
      return [](const std::byte* v, std::int64_t values) {
        return Kernel(value_in<T>(v).after(values));
      };
    } else {
      return nullptr;
    }
  }
  template <class T>
  static constexpr Table table_of{
      T::name,
      [](const std::byte* v) { return value_in<T>(v).contract(); },
      [](const std::byte* v, Boxes in, Boxes out, bool accumulate) {
        return Kernel(value_in<T>(v).on_boxes(in, out, accumulate));
      },
      [](const std::byte* v) { return value_in<T>(v).accumulates(); },
      [](const std::byte* v, const StepControl& step) { return placed_in(step, value_in<T>(v)); },
      after_of<T>(),
      [](const std::byte* v) { return phases_of(value_in<T>(v)); },
      [](const std::byte* v, Execution& execution, Inputs in, Outputs out) {
        value_in<T>(v).run(execution, in, out);
      }};

  const Table* table_;
  alignas(std::max_align_t) std::byte value_[capacity]{};
};

/// A kernel that does a part of an operation's work, and which of the operation's operands are its
/// own.
struct KernelPhase {
  Kernel kernel;
  std::vector<OperandId> inputs, outputs;
};

inline std::vector<KernelPhase> Kernel::phases() const { return table_->phases(value_); }

template <class T>
std::vector<KernelPhase> Kernel::phases_of(const T& operation) {
  if constexpr (requires { operation.phases(); }) {
    return operation.phases();
  } else {
    return {};
  }
}

inline std::string kernel_name(const Kernel& kernel) { return kernel.name(); }
inline bool accumulates(const Kernel& kernel) { return kernel.accumulates(); }
/// The kernel as it runs in a step: an update with the step's learning rate and number.
inline Kernel in_step(const Kernel& kernel, const StepControl& step) {
  return kernel.in_step(step);
}

}  // namespace spillway::workloads
