// What treats every element alike.
#include <cmath>
#include <cstring>
#include <limits>

#include "workloads/kernels/operations.hpp"

namespace spillway::workloads {

namespace {

std::size_t bytes(std::int64_t elements) {
  return static_cast<std::size_t>(elements) * sizeof(float);
}

/// Kernels that work in place, given another place to put their result: start from a copy.
void bring(Layouts& layouts, const std::byte* from, std::byte* to, std::size_t size) {
  if (from != to) std::memcpy(layouts.write(to, size), layouts.read(from, size), size);
}

}  // namespace

// oneDNN's ReLU turns NaN into 0, and poison would pass for a value; hence plain loops.
void run(Layouts& layouts, const Relu& k, Inputs in, Outputs out) {
  bring(layouts, in[0], out[0], bytes(k.elements));
  const Layouts::Flat y = layouts.change_flat(out[0], bytes(k.elements));
  float* values = y.values;
  const auto count = static_cast<std::int64_t>(y.count);
#pragma omp parallel for simd if (count >= parallel_elements)
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = values[i] > 0 || std::isnan(values[i]) ? values[i] : 0.0f;
  }
}

void run(Layouts& layouts, const ReluError& k, Inputs in, Outputs out) {
  bring(layouts, in[0], out[0], bytes(k.elements));
  const auto [errors, y] = layouts.change_flat(out[0], in[1], bytes(k.elements));
  float* dy = errors.values;
  const float* values = y;
  const auto count = static_cast<std::int64_t>(errors.count);
#pragma omp parallel for simd if (count >= parallel_elements)
  for (std::int64_t i = 0; i < count; ++i) {
    const float masked = values[i] > 0 ? dy[i] : 0.0f;
    dy[i] = std::isnan(values[i]) ? values[i] : masked;
  }
}

void run(Layouts& layouts, const Dropout& k, Inputs in, Outputs out) {
  const float* y = floats(layouts.read(in[0], bytes(k.elements)));
  const auto* mask = reinterpret_cast<const std::uint8_t*>(
      layouts.read(in[1], static_cast<std::size_t>(k.elements)));
  float* result = floats(layouts.write(out[0], bytes(k.elements)));
  const float factors[] = {0, k.scale, std::numeric_limits<float>::quiet_NaN()};
#pragma omp parallel for simd if (k.elements >= parallel_elements)
  for (std::int64_t i = 0; i < k.elements; ++i)
    result[i] = y[i] * factors[mask[i] > 1 ? 2 : mask[i]];
}

void run(Layouts& layouts, const AdvanceSeed&, Inputs in, Outputs out) {
  bring(layouts, in[0], out[0], sizeof(std::uint32_t));
  // A linear congruential generator modulo 2^32 with full period (Hull and Dobell).
  std::byte* seed = layouts.change(out[0], sizeof(std::uint32_t));
  std::uint32_t value = 0;
  std::memcpy(&value, seed, sizeof value);
  value = value * 1664525u + 1013904223u;
  std::memcpy(seed, &value, sizeof value);
}

void run(Layouts& layouts, const Update& k, Inputs in, Outputs out) {
  const float* g = floats(layouts.read(in[1], bytes(k.elements)));
  float* p = floats(layouts.change(out[0], bytes(k.elements)));
  const auto rate = static_cast<float>(k.rate);
  const float momentum = k.momentum;
  if (momentum == 0) {
#pragma omp parallel for simd if (k.elements >= parallel_elements)
    for (std::int64_t i = 0; i < k.elements; ++i) p[i] -= rate * g[i];
    return;
  }
  float* v = floats(layouts.change(out[1], bytes(k.elements)));
#pragma omp parallel for simd if (k.elements >= parallel_elements)
  for (std::int64_t i = 0; i < k.elements; ++i) {
    v[i] = momentum * v[i] + g[i];
    p[i] -= rate * (g[i] + momentum * v[i]);
  }
}

}  // namespace spillway::workloads
