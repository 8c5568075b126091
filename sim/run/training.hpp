// Training for several epochs, through the device or without it; stopped and continued at any step.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/run/trainee.hpp"

namespace spillway::sim {

struct Epoch {
  int epoch = 0;                    ///< from 1; anew for each layer that is trained alone
  std::vector<std::string> layers;  ///< that give a decision
  std::vector<double> loss;         ///< mean over the training steps, per layer
  std::vector<double> train_accuracy, test_accuracy;  ///< 0 … 1, per layer, or `no_accuracy`
  std::vector<double> validation_accuracy;            ///< empty without validation images
};

/// What crossed the border, summed over steps.
struct Traffic {
  std::uint64_t dram_read = 0, dram_write = 0, host_read = 0, host_write = 0;  ///< words
  std::uint64_t macs = 0;
  std::uint64_t time_ps = 0;  ///< simulated
  std::uint64_t steps = 0;

  /// So many steps of that result.
  void add(const Result& result, std::uint64_t times = 1);
};

/// Where a training run stands after some number of steps; what a checkpoint holds.
struct TrainingState {
  int layer = 0;          ///< trained alone; 0 when all are trained at once
  int epochs = 0;         ///< done (of this layer)
  std::size_t steps = 0;  ///< done in the epoch that runs
  bool finished = false;
  Epoch running;  ///< loss and right decisions summed so far in the epoch that runs
  std::vector<Epoch> history;
  Traffic traffic;
  State tensors;
};

struct TrainingProgress {
  int layer;  ///< trained alone, or 0
  int epoch;
  std::size_t step, steps;
  double loss;             ///< mean over the epoch's steps so far, of the last decision
  std::size_t steps_left;  ///< of the whole run, all layers and epochs
};

struct TrainingOptions {
  bool direct = false;  ///< without the device: nothing is counted
  /// Continue from this file when it is there, and write it after every epoch, every
  /// `checkpoint_steps` steps (when above 0), after the first step of every `checkpoint_interval`
  /// (when above 0) and when stopped.
  std::optional<std::filesystem::path> checkpoint;
  std::size_t checkpoint_steps = 0;
  std::chrono::seconds checkpoint_interval{0};
  std::function<bool()> stop;  ///< asked after each step
  std::function<void(const TrainingProgress&)> progress;
  std::function<void(const Epoch&)> after_epoch;
};

/// Whether the network is deep enough before its last layer, by validation images.
struct DepthAdvice {
  std::string layer;                ///< that suffices
  std::vector<std::string> layers;  ///< that were judged
  std::vector<double> accuracy;     ///< on the validation images
  bool stopped_early = false;       ///< later layers were not trained
};

struct TrainingResult {
  TrainingState state;
  bool stopped = false;  ///< by `stop`, before the end
  std::optional<DepthAdvice> depth;
};

/// Throws InputError when there are fewer training images than a batch beside the validation
/// images.
void require_enough_images(const Experiment& experiment, const workloads::DataSplit& data);

/// Steps of the whole run, all layers and epochs.
std::size_t training_steps(const Experiment& experiment, const workloads::DataSplit& data);
/// Of them, those that a state has behind it.
std::size_t training_steps_done(const Experiment& experiment, const workloads::DataSplit& data,
                                const TrainingState& state);

/// What `train` would count, without any values: the first step of the experiment, or of each layer
/// that is trained alone, and for all later ones the step after it, as nothing that the device
/// counts or times depends on what the values are. Throws InputError as `train` does.
Traffic training_traffic(const Experiment& experiment, const workloads::DataSplit& data);

/// Train as the experiment says, in an order drawn anew for each epoch from its seed; a last batch
/// that is not full is left out. Training accuracy is that of the steps themselves; the test and
/// validation images are measured after each epoch, without the device. The same experiment gives
/// the same bits however often it was stopped and continued. Throws InputError when there are too
/// few images, or the checkpoint is of another experiment or of more epochs.
TrainingResult train(const Experiment& experiment, const workloads::DataSplit& data,
                     const TrainingOptions& options = {});

}  // namespace spillway::sim
