// What both ways to normalise share. Internal to the kernels.
#pragma once

#include <cstdint>

namespace spillway::workloads {

/// What batch-norm adds to variances.
inline constexpr float norm_epsilon = 1e-5f;
/// Running statistics, from those of a mini-batch with `values` in each channel.
void update_running(std::int64_t channels, std::int64_t values, const float* statistics,
                    float* running);

}  // namespace spillway::workloads
