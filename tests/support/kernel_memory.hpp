// Kernels on operands at any byte, in place or not, and sums in double to compare with.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tests/support/kernels.hpp"
#include "workloads/executor.hpp"
#include "workloads/kernels/operand_sizes.hpp"
#include "workloads/kernels/runner.hpp"

namespace spillway::kernels_test {

using namespace workloads;
using test::as;
using test::from_one_to;
using test::operand;
using test::OperandBytes;
using test::random_conv_layer;
using test::random_pooling;
using test::random_values;
using test::Values;

inline std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

/// Few different values, so that windows have ties.
inline Values coarse_values(std::size_t count, SplitMix& numbers) {
  Values values = random_values(count, numbers);
  for (float& value : values) value = std::round(value * 3) / 3;
  return values;
}

/// The inputs that a kernel's outputs lie on top of when it works in place.
inline std::vector<std::size_t> changed_inputs(const Kernel& kernel) {
  const auto* update = kernel.as<Update>();
  if (update != nullptr && update->momentum != 0) return {0, 2};
  return {0};
}

/// Runs a kernel on operands that begin some bytes past a cache line; outputs start as NaN.
struct Memory {
  std::size_t offset = 0;
  bool in_place = false;

  std::vector<OperandBytes> run(const Kernel& kernel, const std::vector<OperandBytes>& inputs,
                                std::size_t output_count = 99) const {
    static KernelRunner runner;
    std::vector<AlignedBytes> memory;
    std::vector<const std::byte*> in;
    std::vector<std::byte*> out;
    const auto place = [&](std::size_t count) {
      memory.emplace_back(count + offset);
      return memory.back().span().data() + offset;
    };
    for (const OperandBytes& input : inputs) {
      std::byte* begin = place(input.size());
      std::copy(input.begin(), input.end(), begin);
      in.push_back(begin);
    }
    std::vector<Bytes> sizes = operand_sizes(kernel).outputs;
    sizes.resize(std::min(sizes.size(), output_count));
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      if (in_place) {
        out.push_back(const_cast<std::byte*>(in[changed_inputs(kernel)[i]]));
      } else {
        out.push_back(place(sizes[i].count()));
        std::memset(out.back(), 0xff, sizes[i].count());
      }
    }
    runner.run(kernel, in, out);
    std::vector<OperandBytes> results;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      results.emplace_back(out[i], out[i] + sizes[i].count());
    }
    return results;
  }
};

/// The first result of a kernel whose operands are all float32.
inline Values run(const Kernel& kernel, const std::vector<Values>& inputs) {
  std::vector<OperandBytes> operands(inputs.size());
  std::transform(inputs.begin(), inputs.end(), operands.begin(), operand<float>);
  return as<float>(Memory().run(kernel, operands, 1)[0]);
}

/// Sums in double, and of absolute values, which bound the rounding error.
struct Reference {
  std::vector<double> sum, magnitude;
  explicit Reference(std::size_t count) : sum(count), magnitude(count) {}
  void add(std::int64_t at, double product) {
    sum[size(at)] += product;
    magnitude[size(at)] += std::abs(product);
  }
  void require_close(const Values& found) const {
    REQUIRE(found.size() == sum.size());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      wrong += !(std::abs(found[i] - sum[i]) <= 1e-6 + 1e-4 * magnitude[i]);
    }
    REQUIRE(wrong == 0);
  }
};

}  // namespace spillway::kernels_test
