// An experiment: network + learning rule + device + idealisations + data, from one YAML file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "models/device_config.hpp"
#include "sim/idealisations.hpp"
#include "workloads/data/dataset.hpp"
#include "workloads/network.hpp"
#include "workloads/rules/rule.hpp"

namespace spillway::sim {

enum class Policy { paper };

struct DataSource {
  std::string where;             ///< its place in the experiment, for messages
  std::string set = "random";    ///< mnist, cifar10 or random
  std::filesystem::path folder;  ///< of the set's files; empty: the subset that Spillway ships
  std::int64_t train = 1000, test = 200;  ///< sizes of a random set
};

struct Experiment {
  std::string name;
  workloads::Network network;
  std::string rule;
  models::DeviceConfig device;
  std::int64_t batch = 100;
  std::uint64_t seed = 1;
  workloads::Optimizer optimizer;
  Idealisations idealisations;
  Policy policy = Policy::paper;
  DataSource data;
};

/// Read an experiment and apply `path.to.key=value` overrides. Throws InputError.
Experiment read_experiment(const std::filesystem::path& path,
                           const std::vector<std::string>& overrides = {});
Experiment read_experiment(const workloads::Config& config, const std::string& name);

/// The experiment's images and labels, checked against its network. Throws InputError.
workloads::DataSplit load_data(const Experiment& experiment);

/// One mini-batch of training.
workloads::Step training_step(const Experiment& experiment);

}  // namespace spillway::sim
