// What of its maps a step's results depend on: values that no window touches, they do not.
#pragma once

#include <cstdint>

#include "workloads/step.hpp"

namespace spillway::workloads {

/// Elements of a map (or of flat examples) on which anything depends that the step makes, of all
/// examples. A convolution or a pooling window needs no input beside the windows of those of its
/// outputs that are needed themselves; a weight gradient needs none where errors are zeros because
/// no window led there. Whatever skips nothing needs everything: products of flat examples, losses
/// and classifiers, and batch-norm with the statistics of the batch.
std::uint64_t values_needed(const Step& step, TensorId map);

}  // namespace spillway::workloads
