// Small programs on a whole device, each run with values and without.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/device.hpp"

namespace spillway::test {

/// A box of a tensor, by the ranges of its dimensions.
models::Tile box(workloads::TensorId tensor, const std::vector<models::Range>& ranges);

models::Program pulled_from(const std::vector<models::Instruction>& instructions);

/// The two executions have the same counts and times.
void check_equal(const models::Execution& a, const models::Execution& b);

/// Tensors t0, t1 … of floats in DRAM, and a device that starts anew for each program.
class Bench {
 public:
  explicit Bench(const std::vector<workloads::TensorShape>& shapes,
                 workloads::Bytes buffer = workloads::Bytes(4096));

  models::BufferedTile whole(workloads::TensorId tensor, std::uint64_t address) const;
  /// What a tensor holds before a program begins.
  void fill(workloads::TensorId tensor, std::vector<float> values) {
    given_[tensor] = std::move(values);
  }
  /// Run a program; checks that it has the same counts and times without values.
  models::Execution run(const std::vector<models::Instruction>& program);
  /// The message of the ProgramError that a program ends with, the same without values; or "".
  std::string failure(const std::vector<models::Instruction>& program);
  /// What a tensor held after the last program.
  std::vector<float> values(workloads::TensorId tensor);

  models::DeviceConfig device;
  models::MemoryMap map;
  std::map<workloads::TensorId, std::uint32_t> seeds;

 private:
  void give(models::Device& target) const;

  std::map<workloads::TensorId, std::vector<float>> given_;
  std::unique_ptr<models::Device> last_;
};

}  // namespace spillway::test
