#include "sim/experiment.hpp"

#include <fmt/format.h>

#include "workloads/support/nearest.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::sim {

using workloads::Config;
using workloads::InputError;

namespace {

workloads::Optimizer read_optimizer(const Config& config) {
  config.allow_only({"rate", "momentum"});
  workloads::Optimizer optimizer;
  if (const Config* rate = config.find("rate")) optimizer.rate = rate->number(0, 1e6);
  if (const Config* momentum = config.find("momentum")) {
    optimizer.momentum = momentum->number(0, 0.999999);
  }
  return optimizer;
}

/// "mnist", or a map with the keys base, folder, train and test.
DataSource read_data(const Config& config) {
  const std::vector<std::string> sets{"mnist", "cifar10", "random"};
  DataSource source;
  const Config* set = &config;
  if (config.is_map()) {
    set = &config.at("base");
    config.allow_only(set->choice(sets) == 2 ? std::vector<std::string>{"base", "train", "test"}
                                             : std::vector<std::string>{"base", "folder"});
    if (const Config* folder = config.find("folder")) {
      source.folder = folder->text();
      if (folder->line() > 0 && source.folder.is_relative()) {
        source.folder = std::filesystem::path(folder->file()).parent_path() / source.folder;
      }
    }
    if (const Config* train = config.find("train")) source.train = train->integer(1, 1 << 24);
    if (const Config* test = config.find("test")) source.test = test->integer(1, 1 << 24);
  }
  source.set = sets[set->choice(sets)];
  source.where = config.where();
  return source;
}

/// A rule's name, or a map with its options; no rule has any yet.
std::string read_rule(const Config& config) {
  const Config* name = &config;
  if (config.is_map()) {
    config.allow_only({"base"});
    name = &config.at("base");
  }
  const std::vector<std::string> names = workloads::learning_rule_names();
  return names[name->choice(names)];
}

}  // namespace

Experiment read_experiment(const std::filesystem::path& path,
                           const std::vector<std::string>& overrides) {
  Config config = Config::from_file(path);
  if (!config.is_map()) config.refuse("a map");
  for (const std::string& assignment : overrides) config.set(assignment);
  return read_experiment(config, path.stem().string());
}

Experiment read_experiment(const Config& config, const std::string& name) {
  config.allow_only({"network", "rule", "device", "batch", "seed", "data", "optimizer",
                     "idealisations", "policy"});
  Experiment experiment;
  experiment.name = name;
  const Config& network = config.at("network");
  const std::string network_name =
      network.is_scalar() ? std::filesystem::path(network.text()).stem().string() : name;
  experiment.network =
      workloads::read_network(resolve_shared(network, "workloads/networks"), network_name);
  experiment.rule = read_rule(config.at("rule"));
  experiment.device = models::read_device(resolve_shared(config.at("device"), "models/devices"));
  experiment.batch = config.at("batch").integer(1, 1 << 20);
  if (const Config* seed = config.find("seed")) {
    experiment.seed = static_cast<std::uint64_t>(seed->integer(0));
  }
  if (const Config* data = config.find("data")) experiment.data = read_data(*data);
  if (const Config* optimizer = config.find("optimizer")) {
    experiment.optimizer = read_optimizer(*optimizer);
  }
  const Config* idealised = config.find("idealisations");
  experiment.idealisations =
      idealised != nullptr ? read_idealisations(*idealised) : Idealisations::paper();
  if (const Config* policy = config.find("policy")) policy->choice({"paper"});
  try {
    workloads::require_supported(experiment.network);
  } catch (const InputError& error) {
    throw InputError(network.where() + error.what());
  }
  return experiment;
}

namespace {

workloads::DataSplit load_checked_data(const Experiment& experiment) {
  const DataSource& source = experiment.data;
  const workloads::ImageShape& input = experiment.network.input;
  workloads::DataSplit data;
  if (source.set == "random") {
    data = workloads::random_data({input.channels, input.height, input.width},
                                  static_cast<int>(experiment.network.classes),
                                  static_cast<std::size_t>(source.train),
                                  static_cast<std::size_t>(source.test), experiment.seed);
  } else {
    const std::filesystem::path folder =
        !source.folder.empty()
            ? source.folder
            : workloads::shared_folder() / "workloads" / "data" / (source.set + "-subset");
    data = source.set == "mnist" ? workloads::load_mnist(folder) : workloads::load_cifar10(folder);
  }
  std::int64_t pixels = 1;
  for (const std::int64_t dimension : data.train.image_shape) pixels *= dimension;
  if (pixels != input.elements() || data.train.classes != experiment.network.classes) {
    throw InputError(fmt::format(
        "{}: images of {} values in {} classes; allowed: network {} takes {} values and gives "
        "{} classes",
        source.set, pixels, data.train.classes, experiment.network.name, input.elements(),
        experiment.network.classes));
  }
  return data;
}

}  // namespace

workloads::DataSplit load_data(const Experiment& experiment) {
  try {
    return load_checked_data(experiment);
  } catch (const InputError& error) {
    throw InputError(experiment.data.where + error.what());
  }
}

workloads::Step training_step(const Experiment& experiment) {
  return workloads::learning_rule(experiment.rule)
      .training_step(experiment.network, {experiment.batch, experiment.optimizer});
}

}  // namespace spillway::sim
