// Kernels on memory of their own, and values for them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <vector>

#include "tests/support/build.hpp"
#include "workloads/executor.hpp"
#include "workloads/kernels/operand_sizes.hpp"
#include "workloads/kernels/operations.hpp"
#include "workloads/kernels/runner.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::test {

/// The operation, which has to be of this kind.
template <class T>
T get(const workloads::Kernel& kernel) {
  REQUIRE(kernel.is<T>());
  return *kernel.as<T>();
}

using Values = std::vector<float>;
using OperandBytes = std::vector<std::byte>;

/// Half a unit in the last place of 1: the relative error of one operation in float.
inline constexpr double rounding = 0x1p-24;

template <class T>
OperandBytes operand(const std::vector<T>& values) {
  OperandBytes bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <class T>
std::vector<T> as(const OperandBytes& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

inline std::int64_t from_one_to(std::int64_t most, workloads::SplitMix& numbers) {
  return 1 + static_cast<std::int64_t>(numbers.below(static_cast<std::uint64_t>(most)));
}

/// Between -scale and scale.
inline Values random_values(std::size_t count, workloads::SplitMix& numbers, double scale = 1) {
  Values values(count);
  for (float& value : values) value = static_cast<float>(scale * (2 * numbers.uniform() - 1));
  return values;
}

/// A random legal conv layer: rectangular kernels up to 5, strides up to 4, all paddings, groups.
inline workloads::Layer random_conv_layer(workloads::SplitMix& numbers) {
  while (true) {
    workloads::LayerSpec spec = conv(1, 1);
    spec.groups = std::max<std::int64_t>(from_one_to(6, numbers) - 3, 1);
    const workloads::ImageShape input{spec.groups * from_one_to(3, numbers),
                                      from_one_to(9, numbers), from_one_to(9, numbers)};
    if (numbers.below(5) == 0) spec.groups = input.channels;
    spec.outputs = spec.groups * from_one_to(4, numbers);
    spec.kernel = {from_one_to(5, numbers), from_one_to(5, numbers)};
    spec.stride = {from_one_to(4, numbers), from_one_to(4, numbers)};
    spec.padding = {from_one_to(4, numbers) - 1, from_one_to(4, numbers) - 1};
    spec.padding_mode = static_cast<workloads::PaddingMode>(numbers.below(3));
    try {
      return workloads::infer_layer(spec, input);
    } catch (const workloads::ShapeError&) {  // an impossible draw; take another
    }
  }
}

/// A random legal pooling of maps of these channels: rectangular windows up to 4, strides up to 5,
/// paddings, gaps, ceil mode.
inline workloads::PoolGeometry random_pooling(std::int64_t channels, workloads::SplitMix& numbers) {
  while (true) {
    workloads::LayerSpec spec = pooled(conv(channels, 1), 1, 1);
    workloads::PoolSpec& pool = *spec.pool;
    for (int axis = 0; axis < 2; ++axis) {
      pool.kernel[axis] = from_one_to(4, numbers);
      pool.stride[axis] = from_one_to(5, numbers);
      pool.padding[axis] = from_one_to(pool.kernel[axis] / 2 + 1, numbers) - 1;
    }
    pool.ceil_mode = numbers.below(2) == 0;
    const workloads::ImageShape input{1, from_one_to(9, numbers), from_one_to(9, numbers)};
    try {
      const workloads::Layer layer = workloads::infer_layer(spec, input);
      return {from_one_to(5, numbers), layer.before_pool, layer.output, *layer.pool_window};
    } catch (const workloads::ShapeError&) {  // an impossible draw; take another
    }
  }
}

/// All results of a kernel that takes plain operands. `on` says which outputs lie on which inputs;
/// the others start as what is `standing` there, or else as numbers that nobody computes.
inline std::vector<OperandBytes> run_kernel(const workloads::Kernel& kernel,
                                            const std::vector<OperandBytes>& inputs,
                                            const std::map<std::size_t, std::size_t>& on = {},
                                            const std::vector<OperandBytes>& standing = {}) {
  static workloads::KernelRunner runner;
  const workloads::OperandSizes sizes = workloads::operand_sizes(kernel);
  std::vector<workloads::AlignedBytes> memory;
  std::vector<const std::byte*> in;
  std::vector<std::byte*> out;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    REQUIRE(inputs[i].size() == sizes.inputs[i].count());
    memory.emplace_back(inputs[i].size());
    std::copy(inputs[i].begin(), inputs[i].end(), memory.back().span().begin());
    in.push_back(memory.back().span().data());
  }
  for (std::size_t i = 0; i < sizes.outputs.size(); ++i) {
    if (on.contains(i)) {
      out.push_back(memory[on.at(i)].span().data());
      continue;
    }
    memory.emplace_back(sizes.outputs[i].count());
    out.push_back(memory.back().span().data());
    std::memset(out.back(), 0x3e, sizes.outputs[i].count());
    if (i < standing.size()) std::ranges::copy(standing[i], out.back());
  }
  runner.run(kernel, in, out);
  std::vector<OperandBytes> results;
  for (std::size_t i = 0; i < out.size(); ++i) {
    results.emplace_back(out[i], out[i] + sizes.outputs[i].count());
  }
  return results;
}

/// Values in double, and how far from each of them a float result may be.
struct Expected {
  std::vector<double> value, bound;
  explicit Expected(std::size_t count) : value(count), bound(count) {}
  void set(std::size_t i, double what, double within) {
    value[i] = what;
    bound[i] = within;
  }
  void require_close(const Values& found) const {
    REQUIRE(found.size() == value.size());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (std::abs(found[i] - value[i]) <= bound[i]) continue;
      if (wrong++ == 0)
        MESSAGE(i << ": " << found[i] << " is not " << value[i] << " +- " << bound[i]);
    }
    CHECK(wrong == 0);
  }
};

}  // namespace spillway::test
