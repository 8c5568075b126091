// Words that a step must move, and words of schedules that anybody could write down: counted from
// the step's operations alone, with nothing of a plan.
#pragma once

#include <string>
#include <vector>

#include "sim/experiment.hpp"

namespace spillway::test {

/// What every schedule moves: what is given and read, once; what is changed and wanted, once. Of
/// images only the pixels that some window takes.
std::uint64_t compulsory_words(const sim::Experiment& experiment);

/// A legal schedule: so many words through both ports in a buffer of so many words.
struct HandSchedule {
  std::string name;
  std::uint64_t words, buffer_words;
};

/// Layers in groups. A group runs one example after another through all its operations, with its
/// weights and gradients on chip, and updates them at the end; where batch-norm needs the whole
/// mini-batch, all tensors are whole. For rules with a backward pass the groups of both directions
/// may differ, and the uppermost may do both at once. And a group of everything with whole tensors,
/// each on chip from its first use to its last.
std::vector<HandSchedule> hand_schedules(const sim::Experiment& experiment);

}  // namespace spillway::test
