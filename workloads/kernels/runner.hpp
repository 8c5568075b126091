// Runs kernels on memory, with oneDNN. The same runner serves direct runs and the device's compute
// engine, so that their values are equal to the bit on one machine at one thread count.
#pragma once

#include <memory>
#include <span>

#include "workloads/kernels/kernel.hpp"

namespace spillway::workloads {

class KernelRunner {
 public:
  enum class Results {
    plain,   ///< after each run all operands are plain row-major
    lasting  ///< results may stay in oneDNN's layouts until settle() is asked for them
  };
  explicit KernelRunner(Results results = Results::plain);
  ~KernelRunner();
  KernelRunner(const KernelRunner&) = delete;
  KernelRunner& operator=(const KernelRunner&) = delete;

  /// Run one kernel. Operands are in the order of the kernel's contract and as large as
  /// operand_sizes says; float and int32 operands are aligned to 4 bytes. An operand that the
  /// kernel changes in place has the same address in both lists. Never fails on odd values: a label
  /// that is no class or a winner outside its window gives NaN.
  void run(const Kernel& kernel, std::span<const std::byte* const> inputs,
           std::span<std::byte* const> outputs);

  // With lasting results somebody else who uses an operand's memory has to say so.

  /// Bring these bytes up to date before they are read.
  void settle(std::span<const std::byte> bytes);
  /// These bytes are written, given up or moved: what was computed into them is forgotten.
  void forget(std::span<std::byte> bytes);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace spillway::workloads
