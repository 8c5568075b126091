// An experiment: network + learning rule + device + idealisations + data, from one YAML file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/device_config.hpp"
#include "sim/idealisations.hpp"
#include "workloads/data/dataset.hpp"
#include "workloads/network.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/support/names.hpp"

namespace spillway::sim {

/// How a step is fitted to the device (sim/plan/policies/policies.hpp).
enum class Policy { paper, layer, best, best_with_recomputation };
inline constexpr workloads::Names<Policy, 4> policy_names{{
    {Policy::paper, "paper"},
    {Policy::layer, "layer"},
    {Policy::best, "best"},
    {Policy::best_with_recomputation, "best-recompute"},
}};
std::string to_string(Policy policy);

/// What policies `best` and `best-recompute` minimise: words across the border; bytes on the DRAM
/// bus, in whole bursts; time; energy of DRAM chips and interface; energy times time. The others
/// ignore it.
enum class Objective { words, bytes, time, energy, energy_delay };
inline constexpr workloads::Names<Objective, 5> objective_names{{
    {Objective::words, "words"},
    {Objective::bytes, "bytes"},
    {Objective::time, "time"},
    {Objective::energy, "energy"},
    {Objective::energy_delay, "energy-delay"},
}};
constexpr bool heeds_objective(Policy policy) {
  return policy == Policy::best || policy == Policy::best_with_recomputation;
}

struct DataSource {
  std::string where;             ///< its place in the experiment, for messages
  std::string set = "random";    ///< mnist, cifar10 or random
  std::filesystem::path folder;  ///< of the set's files; empty: the subset that Spillway ships
  /// Sizes of a random set (1000 and 200 when absent); of another, at most so many images from the
  /// front of each set (CIFAR-10 is scaled by all of its training images nevertheless).
  std::optional<std::int64_t> train, test;
  bool standardise = false;  ///< subtract the training set's mean and divide by its deviation

  /// The folder that the set's files are read from: the given one or that of the shipped subset. A
  /// random set has none.
  std::filesystem::path files() const;
};

/// The learning rate over the epochs, as factors of the optimizer's rate.
class RateSchedule {
 public:
  RateSchedule() = default;  ///< constant
  /// Divided by `divisor` after every `every` epochs.
  static RateSchedule periodic(double divisor, int every);
  /// Divided by `divisor` after each of these numbers of epochs.
  static RateSchedule drops(double divisor, std::vector<int> after);
  /// From `after` epochs on times `factor`; ascending in `after`.
  static RateSchedule steps(std::vector<std::pair<int, double>> after_and_factor);

  /// The factor when `epochs` epochs are done.
  double factor(int epochs) const;
  /// "constant", "divided by 5 every 25 epochs" …
  std::string description() const;

 private:
  double divisor_ = 1;
  int every_ = 0;
  std::vector<int> after_;
  std::vector<std::pair<int, double>> steps_;
};

struct TrainingPlan {
  int epochs = 10;
  /// Local rules: one layer after the other, each on those below as they have become, instead of
  /// all at once.
  bool layer_by_layer = false;
  /// So many of the last training images are kept out of training, to judge by.
  std::int64_t validation = 0;
  /// The network is deep enough at a layer when no later one (layer by layer: the next one) is
  /// better on the validation images by more than this share of them.
  double enough_gain = 0;
};

struct Experiment {
  std::string name;
  workloads::Network network;
  std::string rule;
  workloads::RuleOptions rule_options;
  models::DeviceConfig device;
  std::string device_file;  ///< that describes it; a shipped one without the folder it lies in
  std::int64_t batch = 100;
  std::uint64_t seed = 1;
  workloads::Optimizer optimizer;
  RateSchedule schedule;
  TrainingPlan training;
  Idealisations idealisations;
  Policy policy = Policy::paper;
  Objective objective = Objective::words;
  DataSource data;
};

/// Read an experiment and apply overrides; without an objective of its own it has the usual one.
/// Throws InputError.
Experiment read_experiment(const std::filesystem::path& path,
                           const std::vector<workloads::Assignment>& overrides = {},
                           Objective usual = Objective::words);
Experiment read_experiment(const workloads::Config& config, const std::string& name,
                           Objective usual = Objective::words);

/// The experiment's images and labels, checked against its network. Throws InputError.
workloads::DataSplit load_data(const Experiment& experiment);

/// The layers at which blocks with errors of their own end: under local rules those that training
/// layer by layer trains one after the other, and at which inference may end.
std::vector<int> layers_trained_apart(const Experiment& experiment);

/// One mini-batch of training; of the block that ends at one layer alone when `only_layer` is not
/// 0.
workloads::Step training_step(const Experiment& experiment, int only_layer = 0);

/// The forward pass on `batch` examples with all decisions, or as far as `exit_layer`.
workloads::Step inference_step(const Experiment& experiment, std::int64_t batch,
                               int exit_layer = 0);

}  // namespace spillway::sim
