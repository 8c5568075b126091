// Batch-norm in phases, for parts of the maps. Sums are in double, one channel after the other.
#include <cmath>
#include <cstring>

#include "workloads/kernels/batch_norm.hpp"
#include "workloads/kernels/execution.hpp"
#include "workloads/kernels/norm_values.hpp"

namespace spillway::workloads {

namespace {

std::size_t map_bytes(const NormGeometry& g) {
  return static_cast<std::size_t>(g.batch * g.channels * g.height * g.width) * sizeof(float);
}
std::size_t channel_bytes(std::int64_t channels) {
  return static_cast<std::size_t>(2 * channels) * sizeof(float);
}

/// Visit the values of a channel by their indices.
template <class Visit>
void for_each_value(const NormGeometry& g, std::int64_t channel, Visit visit) {
  const std::int64_t pixels = g.height * g.width;
  for (std::int64_t b = 0; b < g.batch; ++b) {
    const std::int64_t first = (b * g.channels + channel) * pixels;
    for (std::int64_t i = first; i < first + pixels; ++i) visit(i);
  }
}

/// Visit channels, side by side where that pays.
template <class Visit>
void for_each_channel(const NormGeometry& g, Visit visit) {
#pragma omp parallel for if (g.batch * g.channels * g.height * g.width >= parallel_elements)
  for (std::int64_t c = 0; c < g.channels; ++c) visit(c);
}

/// Mean and 1 / sqrt(variance + epsilon) of a channel.
struct Normaliser {
  float mean, inverse;
  Normaliser(const float* statistics, std::int64_t channels, std::int64_t c)
      : mean(statistics[c]),
        inverse(static_cast<float>(
            1 / std::sqrt(static_cast<double>(statistics[channels + c]) + norm_epsilon))) {}
  float operator()(float x) const { return (x - mean) * inverse; }
};

}  // namespace

void NormStatistics::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const NormGeometry& g = shape;
  const float* x = floats(layouts.read(in[0], map_bytes(g)));
  const std::size_t size = channel_bytes(g.channels);
  float* statistics =
      floats(before > 0 ? layouts.change(out[0], size) : layouts.write(out[0], size));
  const auto earlier = static_cast<double>(before);
  const auto values = static_cast<double>(g.batch * g.height * g.width), all = earlier + values;
  for_each_channel(g, [&](std::int64_t c) {
    double sum = 0, squares = 0;
    for_each_value(g, c, [&](std::int64_t i) { sum += x[i]; });
    const double mean = sum / values;
    for_each_value(g, c, [&](std::int64_t i) { squares += (x[i] - mean) * (x[i] - mean); });
    float& its_mean = statistics[c];
    float& its_variance = statistics[g.channels + c];
    if (before == 0) {
      its_mean = static_cast<float>(mean);
      its_variance = static_cast<float>(squares / values);
      return;
    }
    const double gap = mean - its_mean;
    squares += its_variance * earlier + gap * gap * earlier * values / all;
    its_mean = static_cast<float>(its_mean + gap * values / all);
    its_variance = static_cast<float>(squares / all);
  });
}

void NormRunning::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const std::size_t size = channel_bytes(channels);
  const float* statistics = floats(layouts.read(in[0], size));
  if (in[1] != out[0]) {
    const std::byte* before = layouts.read(in[1], size);
    std::memcpy(layouts.write(out[0], size), before, size);
  }
  update_running(channels, values, statistics, floats(layouts.change(out[0], size)));
}

void NormApply::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const NormGeometry& g = shape;
  const std::size_t size = channel_bytes(g.channels);
  const float* x = floats(layouts.read(in[0], map_bytes(g)));
  const float* norm = floats(layouts.read(in[1], size));
  const float* statistics = floats(layouts.read(in[2], size));
  float* z = floats(layouts.write(out[0], map_bytes(g)));
  for_each_channel(g, [&](std::int64_t c) {
    const Normaliser normal(statistics, g.channels, c);
    const float scale = norm[c], shift = norm[g.channels + c];
    for_each_value(g, c, [&](std::int64_t i) { z[i] = scale * normal(x[i]) + shift; });
  });
}

void NormErrorSums::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const NormGeometry& g = shape;
  const std::size_t size = channel_bytes(g.channels);
  const float* dz = floats(layouts.read(in[0], map_bytes(g)));
  const float* x = floats(layouts.read(in[1], map_bytes(g)));
  const float* statistics = floats(layouts.read(in[2], size));
  float* sums = floats(accumulate ? layouts.change(out[0], size) : layouts.write(out[0], size));
  for_each_channel(g, [&](std::int64_t c) {
    const Normaliser normal(statistics, g.channels, c);
    double scale = 0, shift = 0;
    for_each_value(g, c, [&](std::int64_t i) {
      scale += static_cast<double>(dz[i]) * normal(x[i]);
      shift += dz[i];
    });
    sums[c] = static_cast<float>((accumulate ? sums[c] : 0.0f) + scale);
    float& shifts = sums[g.channels + c];
    shifts = static_cast<float>((accumulate ? shifts : 0.0f) + shift);
  });
}

void NormErrorApply::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const NormGeometry& g = shape;
  const std::size_t size = channel_bytes(g.channels);
  const float* dz = floats(layouts.read(in[0], map_bytes(g)));
  const float* x = floats(layouts.read(in[1], map_bytes(g)));
  const float* statistics = floats(layouts.read(in[2], size));
  const float* norm = floats(layouts.read(in[3], size));
  const float* sums = floats(layouts.read(in[4], size));
  float* dx = floats(layouts.write(out[0], map_bytes(g)));
  const auto count = static_cast<float>(total);
  for_each_channel(g, [&](std::int64_t c) {
    const Normaliser normal(statistics, g.channels, c);
    const float factor = norm[c] * normal.inverse;
    const float scale = sums[c] / count, shift = sums[g.channels + c] / count;
    for_each_value(
        g, c, [&](std::int64_t i) { dx[i] = factor * (dz[i] - shift - normal(x[i]) * scale); });
  });
}

}  // namespace spillway::workloads
