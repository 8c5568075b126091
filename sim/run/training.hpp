// Training for several epochs through the device.
#pragma once

#include <functional>
#include <vector>

#include "sim/run/simulation.hpp"

namespace spillway::sim {

struct Epoch {
  int epoch = 0;                                      ///< from 1
  std::vector<std::string> layers;                    ///< that give a decision
  std::vector<double> loss;                           ///< mean over the training steps, per layer
  std::vector<double> train_accuracy, test_accuracy;  ///< 0 … 1, per layer
};

struct TrainingProgress {
  int epoch;
  std::size_t step, steps;
};

struct TrainingResult {
  std::vector<Epoch> epochs;
  Ledger ledger;                ///< summed over all steps
  workloads::Picoseconds time;  ///< simulated, of all steps
  std::uint64_t steps = 0;
};

/// Train on the whole training set for `epochs` epochs, in an order drawn anew for each epoch from
/// the experiment's seed; a last batch that is not full is left out. Training accuracy is that of
/// the steps themselves; the test set is measured after each epoch, without the device. Throws
/// InputError when the set is smaller than one batch.
TrainingResult train(const Experiment& experiment, const workloads::DataSplit& data, int epochs,
                     const std::function<void(const TrainingProgress&)>& progress = nullptr,
                     const std::function<void(const Epoch&)>& after_epoch = nullptr);

}  // namespace spillway::sim
