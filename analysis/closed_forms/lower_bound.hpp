// Words that cannot be avoided: formulas on a network's shapes and a buffer's size alone. Nothing
// here knows of plans.
#pragma once

#include <cstdint>

#include "workloads/network.hpp"
#include "workloads/step.hpp"

namespace spillway::analysis {

using workloads::Words;

/// What any schedule of a training step moves, of any of our rules that trains every weight, when
/// images lie in memory and everything else that the paper leaves out is idealised: each image is
/// read once, each weight read and written once, B |A_0| + 2 |P|. Activations, gradients and errors
/// begin and end on chip when the buffer holds them. Pixels on which no score depends are not
/// counted: no window covers them, or only windows whose outputs no window of pooling or of a later
/// layer covers.
Words compulsory_words(const workloads::Network& network, std::uint64_t batch);

/// What a layer's forward product moves at least when it runs by itself, its input and its output
/// (after pooling) in memory: the larger of
///
/// * its operands once: |P_i| + B |A_{i-1}| + B |A_i|, and
/// * 2 G / sqrt(R S) - 2 S - B (|Y_i| - |A_i|), with G its border-exact MACs, S the buffer in words
///   and R = ceil(kernel / stride) along height times that along width (1 for fc).
///
/// Of Y_i only what pooling windows cover has to be made; |Y_i| and G are of that, and |A_{i-1}| of
/// what its windows cover.
///
/// The second one: Smith, Lowery, Langou, van de Geijn, "A Tight I/O Lower Bound for Matrix
/// Multiplication" (arXiv 1702.02017), carried over to windows. Let outputs begin as values in
/// memory. Between 2 S loads no more than 3 S inputs x, weights w and outputs o are at hand. Taps
/// that lie equally many whole strides from the window's first one pair each input with one
/// output, so they make at most sqrt(x o w_q) products on their weights w_q (Loomis and Whitney),
/// and all R kinds of them at most sqrt(R x w o) <= sqrt(R) S^1.5. So many loads are needed for G
/// products: 2 G / sqrt(R S) - 2 S. Outputs that begin as zeros on chip save B |Y_i| of these
/// loads, and the layer stores B |A_i| words. One chain of partial sums for each output is assumed.
///
/// x, w and o play the same part in it, and what begins as zeros is stored at the end. So without
/// pooling it also holds for the layer's input gradient alone and for its weight gradient alone.
/// With pooling it does not: most errors of Y_i are zeros that never lie in memory.
Words product_alone_words(const workloads::Layer& layer, std::uint64_t batch, Words buffer);

/// The sum over all layers: of the forward pass when each layer runs by itself. No bound on a whole
/// step or on layers that are fused: a map that never leaves the chip costs nothing, so a schedule
/// across layers may stay below it.
Words forward_alone_words(const workloads::Network& network, std::uint64_t batch, Words buffer);

/// What any schedule of the step moves when nothing is idealised: each tensor that the step is
/// given comes once, each that it hands on leaves once. Of the images, the pixels that
/// `compulsory_words` counts.
Words compulsory_words(const workloads::Step& step);

/// What it moves beside that in a buffer of so many words when it computes nothing twice; 0 of a
/// step without batch-norm.
///
/// Batch-norm of layer b waits for statistics of the whole mini-batch. At the moment when the first
/// of them is complete, all that the layer's product was made of has been read or made: it needs
/// every element of its input, and so on down to the images (groups of channels, and windows that
/// leave pixels out, are not counted). And nothing has been done that needs these statistics. So
/// every tensor that is used on both sides is either in the buffer at that moment, or it comes in
/// once more: one word for each of a given one (weights, images), whose first reading counts as
/// compulsory, and two for each of one that the step makes, which has to be stored, too. With G
/// words of given ones and M of those made, E = G + M - S of them are not in the buffer, and the
/// cheapest of these are given ones: min(E, G) + 2 max(0, E - G) words. The most of all such
/// layers; they are not added up, as the same words may count in several.
Words spilled_words(const workloads::Network& network, const workloads::Step& step, Words buffer);

}  // namespace spillway::analysis
