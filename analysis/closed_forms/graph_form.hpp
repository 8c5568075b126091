// The closed form of networks that are graphs, and of local rules by block: from the network's
// sizes and the order of its layers alone, as closed_form.hpp has it for chains.
//
// A step is a row of stages. A forward pass has one, F, for each conv and fc layer, in which layers
// without weights run that read it (workloads/blocks.hpp); a turn T follows, with the scores and
// the loss; the backward pass has one for the readout or the local classifier and then one, B, for
// each conv and fc layer from the last to the first. A local rule does this for each block, or all
// of it in one stage where the block has one conv or fc layer.
//
// A tensor that two stages use one right after the other stays on chip between them, but over a
// turn, which only the errors of scores survive. Every other step from one use to the next is a gap
// and costs a read. So with the stages that use it, a tensor of n words costs
//  * an activation: n reads a gap, and n writes if there is any gap;
//  * an error: n reads and n writes a gap, as each use changes it: a reader of the tensor adds its
//    part, or a mask is put on it; errors of scores n writes once;
//  * weights: n reads forward, n reads backward where they hand errors on or learn, n writes where
//    they learn; in a block of one stage n reads and n writes; a trained local classifier likewise.
// The uses of an activation are the stage that makes it, the forward stages of its readers, the
// backward stages of the conv and fc layers among them that learn (weight gradients), the stage in
// which its own ReLU's mask, or the batch-norm reading it, has the error complete, and those of the
// classifier on it. Where a ReLU is followed by average pooling in the same layer, |Y_i| is kept
// for the mask as well. An error is complete in the last backward stage of a reader; a layer
// without weights hands its error on in the same stage.
#pragma once

#include <cstdint>
#include <string>

#include "analysis/closed_forms/closed_form.hpp"

namespace spillway::analysis {

/// Words of one mini-batch under policy `paper`, with everything idealised that the paper leaves
/// out. Of a chain they are those of `rule_words`. Throws InputError when nobody has derived a
/// closed form of the rule.
Table1Words graph_words(const workloads::Network& network, const std::string& rule,
                        const workloads::RuleOptions& options, std::uint64_t batch);

/// Border-exact MACs of one mini-batch, the readout's left out.
Macs graph_macs(const workloads::Network& network, const std::string& rule,
                const workloads::RuleOptions& options, std::uint64_t batch);

}  // namespace spillway::analysis
