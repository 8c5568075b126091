// Random networks that are graphs.
#pragma once

#include "sim/experiment.hpp"
#include "workloads/network.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::test {

/// Residual blocks with and without a convolution in the shortcut, joins of two and three,
/// concatenations (with the image, too), strides in both branches, poolings of all kinds in and
/// beside branches, batch-norm by itself, fc layers joined; with a trained readout or none.
workloads::Network random_graph(workloads::SplitMix& numbers);

/// One trained by a random rule with blocks from one to all, fixed layers now and then.
sim::Experiment random_graph_experiment(workloads::SplitMix& numbers, std::uint64_t most_examples);

/// A residual block behind a stem, with a stride and a convolution in its shortcut, pooling and an
/// fc layer.
workloads::Network residual_network();

}  // namespace spillway::test
