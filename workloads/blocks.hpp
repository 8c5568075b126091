// Where a network can be cut, the blocks between cuts that local rules train, and the stages of a
// pass. Layers count from 1.
#pragma once

#include <string>
#include <vector>

#include "workloads/network.hpp"

namespace spillway::workloads {

/// Layers but the last whose output is, after them in order, the only tensor that later ones read.
/// Every path from the image to the output passes them.
std::vector<int> cuts(const Network& network);

/// A run of layers that begins after a cut and ends at one, or with the network.
struct Block {
  int first = 1, last = 1;
  bool operator==(const Block&) const = default;
  bool contains(int layer) const { return first <= layer && layer <= last; }
};

/// Conv and fc layers of a block, in order.
std::vector<int> weighted_layers(const Network& network, const Block& block);

/// What local rules train by itself: a block ends at every cut by which it has a conv or fc layer,
/// but where the cut's only reader is a pooling it ends after the last pooling in a row. Layers
/// behind the last such cut that have no weights belong to the block before. Of a chain each layer
/// is one.
std::vector<Block> natural_blocks(const Network& network);

/// Natural blocks joined to `count` such that the sum of the squares of their numbers of conv and
/// fc layers is least; of several ways the one whose sequence of numbers is lexicographically
/// largest. Throws InputError when there are fewer.
std::vector<Block> joined_blocks(const Network& network, int count);

/// Natural blocks joined so that they end at these layers, and with the network. Throws InputError
/// for a name that ends no natural block, or one out of order.
std::vector<Block> blocks_ending_at(const Network& network, const std::vector<std::string>& names);

/// The stage of each layer of a block in the forward pass, from its first layer on: the conv or fc
/// layer that opens it. One without weights is in the stage of the last of what it reads; before
/// the block's first conv or fc layer, in that layer's.
std::vector<int> stages_of(const Network& network, const Block& block);

/// The most values of one example alive at once where layers run in order, nothing is done in
/// place, and a tensor is let go after its last reader.
std::int64_t most_alive_in_inference(const Network& network);
/// The same over forward and backward pass of backpropagation: kept are what conv, fc and
/// batch-norm layers read, what a ReLU's mask is taken from, the winners of max-pooling and the
/// output, each up to its last use; and the errors.
std::int64_t most_alive_in_training(const Network& network);

}  // namespace spillway::workloads
