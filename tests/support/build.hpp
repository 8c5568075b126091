// Small devices, networks and experiments in a line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/experiment.hpp"
#include "workloads/initialise.hpp"
#include "workloads/kernels/operations.hpp"

namespace spillway::test {

/// The shipped `paper` device with another buffer.
models::DeviceConfig paper_device(workloads::Bytes buffer);

workloads::LayerSpec fc(std::int64_t outputs);
workloads::LayerSpec conv(std::int64_t maps, std::int64_t kernel);
/// The same layer with max-pooling after it.
workloads::LayerSpec pooled(workloads::LayerSpec spec, std::int64_t kernel, std::int64_t stride,
                            std::int64_t padding = 0);

/// On random data, with a buffer of 4 MiB and everything idealised that the paper idealises.
sim::Experiment experiment(const workloads::Network& network, const std::string& rule,
                           std::int64_t batch);

/// A legal random network of one to four layers: conv and fc, strides, paddings, groups, pooling.
workloads::Network random_network(workloads::SplitMix& numbers);

/// A shipped experiment, with overrides.
sim::Experiment shipped(const std::string& name,
                        const std::vector<workloads::Assignment>& overrides = {});

}  // namespace spillway::test
