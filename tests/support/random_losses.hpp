// Random experiments whose networks give their scores themselves, or whose loss is a squared error.
#pragma once

#include "tests/support/build.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::test {

/// A random experiment under the rule, with one of: a last layer that gives the scores under any
/// loss; one score, which is to be the label; images as targets, of a readout or classifiers, of a
/// last fc layer or of a last conv layer.
sim::Experiment random_loss_experiment(workloads::SplitMix& numbers, const std::string& rule);

}  // namespace spillway::test
