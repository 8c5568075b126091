// Runs a Step on whole tensors without any device: the reference for values.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "workloads/kernels/runner.hpp"
#include "workloads/step.hpp"

namespace spillway::workloads {

/// Bytes aligned to a cache line.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(std::size_t size);
  std::span<std::byte> span() { return {data_.get(), size_}; }
  std::span<const std::byte> span() const { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

class DirectExecutor {
 public:
  /// All tensors start as zeros. Keeps a reference to `step`.
  DirectExecutor(const Step& step, ValueGenerator generator);

  /// A tensor's values, to be read or changed.
  std::span<std::byte> bytes(TensorId id);
  std::span<float> floats(TensorId id);
  std::span<std::int32_t> integers(TensorId id);
  /// Give a generated tensor's values; it is then never generated.
  void give(TensorId id, std::span<const float> values);

  /// Give a generated mask.
  void give(TensorId id, std::span<const std::byte> values);

  /// Run all operations as in that step. `after` is called after each operation with its index.
  void run(const StepControl& control = {},
           const std::function<void(std::size_t op)>& after = nullptr);

 private:
  void generate(const Tensor& tensor);

  const Step& step_;
  ValueGenerator generator_;
  std::vector<AlignedBytes> tensors_;
  KernelRunner runner_{KernelRunner::Results::lasting};
  std::vector<bool> given_;
};

}  // namespace spillway::workloads
