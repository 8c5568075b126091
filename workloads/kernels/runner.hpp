// Runs kernels on memory, with oneDNN. The same runner serves direct runs and the device's compute
// engine, so that their values are equal to the bit on one machine at one thread count.
#pragma once

#include <memory>
#include <span>

#include "workloads/kernels/kernel.hpp"

namespace spillway::workloads {

class KernelRunner {
 public:
  KernelRunner();
  ~KernelRunner();
  KernelRunner(const KernelRunner&) = delete;
  KernelRunner& operator=(const KernelRunner&) = delete;

  /// Run one kernel. Operands are in the order that kernel.hpp lists them and as large as
  /// operand_sizes says; float and int32 operands are aligned to 4 bytes. An operand that the
  /// kernel changes in place has the same address in both lists. Never fails on odd values: a label
  /// that is no class or a winner outside its window gives NaN.
  void run(const Kernel& kernel, std::span<const std::byte* const> inputs,
           std::span<std::byte* const> outputs);

  class Implementation;

 private:
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace spillway::workloads
