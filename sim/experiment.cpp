#include "sim/experiment.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "workloads/support/file_kinds.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::sim {

using workloads::Config;
using workloads::InputError;

namespace {

RateSchedule read_schedule(const Config& config, double rate) {
  constexpr int most_epochs = 1'000'000;
  const auto epochs = [](const Config& value) {
    return static_cast<int>(value.integer(1, most_epochs));
  };
  if (config.is_list()) {
    std::vector<std::pair<int, double>> steps;
    for (const Config& item : config.items()) {
      item.allow_only({"after", "rate"});
      steps.emplace_back(epochs(item.at("after")), item.at("rate").number(0, 1e6) / rate);
      if (steps.size() > 1 && steps.back().first <= steps[steps.size() - 2].first) {
        item.at("after").refuse("more epochs than in the step before");
      }
    }
    if (steps.empty()) config.refuse("at least one step");
    return RateSchedule::steps(std::move(steps));
  }
  if (!config.is_map()) {
    config.refuse("a map with divide_by and every or after, or a list of {after, rate}");
  }
  config.allow_only({"divide_by", "every", "after"});
  const double divisor = config.at("divide_by").number(1e-6, 1e6);
  if (const Config* after = config.find("after")) {
    if (config.find("every") != nullptr) config.refuse("either every or after");
    if (!after->is_list()) after->refuse("a list of numbers of epochs");
    std::vector<int> drops;
    for (const Config& item : after->items()) {
      drops.push_back(epochs(item));
      if (drops.size() > 1 && drops.back() <= drops[drops.size() - 2]) {
        item.refuse("more epochs than in the drop before");
      }
    }
    if (drops.empty()) after->refuse("at least one number of epochs");
    return RateSchedule::drops(divisor, std::move(drops));
  }
  return RateSchedule::periodic(divisor, epochs(config.at("every")));
}

void read_optimizer(const Config& config, Experiment& experiment) {
  workloads::Optimizer& optimizer = experiment.optimizer;
  if (const Config* kind = config.find("kind")) {
    optimizer = workloads::Optimizer::of(kind->choice(workloads::optimizer_kind_names));
  }
  config.allow_only(
      optimizer.is_sgd()
          ? std::vector<std::string>{"kind", "rate", "momentum", "weight_decay", "schedule"}
          : std::vector<std::string>{"kind", "rate", "beta1", "beta2", "epsilon", "weight_decay",
                                     "schedule"});
  const auto read = [&](const char* key, double& value, double least, double most) {
    if (const Config* found = config.find(key)) value = found->number(least, most);
  };
  constexpr double most_kept = 0.999999;
  read("rate", optimizer.rate, 0, 1e6);
  read("momentum", optimizer.momentum, 0, most_kept);
  read("beta1", optimizer.beta1, 0, most_kept);
  read("beta2", optimizer.beta2, 0, most_kept);
  read("epsilon", optimizer.epsilon, 1e-30, 1);
  read("weight_decay", optimizer.weight_decay, 0, 1e6);
  const Config* schedule = config.find("schedule");
  if (schedule == nullptr) return;
  if (schedule->is_list() && optimizer.rate == 0) {
    schedule->refuse("a list only beside a rate above 0");
  }
  experiment.schedule = read_schedule(*schedule, optimizer.rate);
}

TrainingPlan read_training(const Config& config, const Experiment& experiment) {
  config.allow_only({"epochs", "order", "validation", "enough_gain"});
  TrainingPlan training;
  if (const Config* epochs = config.find("epochs")) {
    training.epochs = static_cast<int>(epochs->integer(1, 1'000'000));
  }
  if (const Config* order = config.find("order")) {
    training.layer_by_layer = order->choice({"simultaneous", "layer-by-layer"}) == 1;
    if (training.layer_by_layer && !workloads::learning_rule(experiment.rule).local) {
      order->refuse("simultaneous; layer-by-layer takes a rule with local errors");
    }
  }
  if (const Config* images = config.find("validation")) {
    training.validation = images->integer(0, 1 << 24);
    if (training.validation > 0 && !workloads::decides(experiment.rule_options)) {
      images->refuse("0 beside targets: inputs, where no decision is right or wrong");
    }
  }
  if (const Config* gain = config.find("enough_gain")) {
    training.enough_gain = gain->number(0, 1);
    if (training.validation == 0) gain->refuse("only beside validation images");
  }
  if (training.layer_by_layer && experiment.rule_options.fix > 0) {
    config.at("order").refuse(
        "simultaneous beside rule.fix, whose layers have nothing to wait for");
  }
  return training;
}

/// "mnist", or a map with the keys base, folder, train, test and standardise.
DataSource read_data(const Config& config) {
  const std::vector<std::string> sets{"mnist", "cifar10", "random"};
  DataSource source;
  const Config* set = &config;
  if (config.is_map()) {
    set = &config.at("base");
    config.allow_only(
        set->choice(sets) == 2
            ? std::vector<std::string>{"base", "train", "test", "standardise"}
            : std::vector<std::string>{"base", "folder", "train", "test", "standardise"});
    if (const Config* folder = config.find("folder")) {
      source.folder = folder->text();
      if (folder->line() > 0 && source.folder.is_relative()) {
        source.folder = std::filesystem::path(folder->file()).parent_path() / source.folder;
      }
    }
    if (const Config* train = config.find("train")) source.train = train->integer(1, 1 << 24);
    if (const Config* test = config.find("test")) source.test = test->integer(1, 1 << 24);
    if (const Config* standardise = config.find("standardise")) {
      source.standardise = standardise->boolean();
    }
  }
  source.set = sets[set->choice(sets)];
  source.where = config.where();
  return source;
}

/// A number of blocks, or the names of the layers that end them.
void read_blocks(const Config& config, Experiment& experiment) {
  workloads::RuleOptions& options = experiment.rule_options;
  if (config.is_list()) {
    if (config.items().empty())
      config.refuse("at least one name; without this key every cut ends one");
    for (const Config& name : config.items()) options.block_ends.push_back(name.text());
  } else {
    options.block_count = static_cast<int>(config.integer(1, 1 << 20));
  }
  try {
    workloads::blocks_of(experiment.network, experiment.rule, options);
  } catch (const InputError& error) {
    throw InputError(config.where() + error.what());
  }
}

/// A rule's name, or a map with the key base and the options that the rule takes.
void read_rule(const Config& config, Experiment& experiment) {
  const std::vector<std::string> names = workloads::learning_rule_names();
  const Config& name = config.is_map() ? config.at("base") : config;
  experiment.rule = names[name.choice(names)];
  if (!config.is_map()) return;
  std::vector<std::string> keys = workloads::learning_rule(experiment.rule).options;
  keys.insert(keys.begin(), "base");
  config.allow_only(keys);
  workloads::RuleOptions& options = experiment.rule_options;
  if (const Config* loss = config.find("loss")) {
    options.loss = loss->choice(workloads::loss_names);
  }
  if (const Config* targets = config.find("targets")) {
    options.targets = targets->choice(workloads::targets_names);
  }
  if (const Config* distribution = config.find("distribution")) {
    options.distribution = distribution->choice(workloads::weight_distribution_names);
  }
  if (const Config* random = config.find("random")) {
    options.random = random->choice(workloads::random_matrices_names);
  }
  if (const Config* fix = config.find("fix")) {
    options.fix = static_cast<int>(fix->integer(0, 10'000));
  }
  if (const Config* rate = config.find("classifier_rate")) {
    options.classifier_rate = rate->number(0, 1e6);
  }
  if (const Config* scale = config.find("feedback_scale")) {
    options.feedback_scale = scale->number(0, 1e6);
  }
  if (const Config* blocks = config.find("blocks")) read_blocks(*blocks, experiment);
}

/// The file that a value stands in: of those that Spillway ships, its place among them.
std::string file_name(const Config& config) {
  const std::filesystem::path path = std::filesystem::path(config.file()).lexically_normal();
  const std::filesystem::path place =
      path.lexically_relative(workloads::shared_folder().lexically_normal());
  return place.empty() || place.begin()->string() == ".." ? path.string() : place.string();
}

}  // namespace

std::string to_string(Policy policy) { return name_in(policy_names, policy); }

std::filesystem::path DataSource::files() const {
  if (!folder.empty() || set == "random") return folder;
  return workloads::shared_folder() / "workloads" / "data" / (set + "-subset");
}

Experiment read_experiment(const std::filesystem::path& path,
                           const std::vector<workloads::Assignment>& overrides, Objective usual) {
  Config config = Config::from_file(path);
  if (!config.is_map()) config.refuse("a map");
  workloads::require_kind(config, workloads::FileKind::experiment);
  for (const workloads::Assignment& assignment : overrides) config.set(assignment);
  return read_experiment(config, path.stem().string(), usual);
}

Experiment read_experiment(const Config& config, const std::string& name, Objective usual) {
  config.allow_only({"network", "rule", "device", "batch", "seed", "data", "optimizer", "training",
                     "idealisations", "policy", "objective"});
  Experiment experiment;
  experiment.name = name;
  const Config& network = config.at("network");
  const std::string network_name =
      network.is_scalar() ? std::filesystem::path(network.text()).stem().string() : name;
  experiment.network =
      workloads::read_network(resolve_shared(network, "workloads/networks"), network_name);
  read_rule(config.at("rule"), experiment);
  const Config device =
      resolve_shared(config.at("device"), "models/devices", {"dram", "technology"});
  experiment.device = models::read_device(device);
  experiment.device_file = file_name(device);
  experiment.batch = config.at("batch").integer(1, 1 << 20);
  if (const Config* seed = config.find("seed")) {
    experiment.seed = static_cast<std::uint64_t>(seed->integer(0));
  }
  if (const Config* data = config.find("data")) experiment.data = read_data(*data);
  if (const Config* optimizer = config.find("optimizer")) {
    read_optimizer(*optimizer, experiment);
  }
  if (const Config* training = config.find("training")) {
    experiment.training = read_training(*training, experiment);
  }
  const Config* idealised = config.find("idealisations");
  experiment.idealisations =
      idealised != nullptr ? read_idealisations(*idealised) : Idealisations::paper();
  if (const Config* policy = config.find("policy")) {
    experiment.policy = policy->choice(policy_names);
  }
  experiment.objective = usual;
  if (const Config* objective = config.find("objective")) {
    experiment.objective = objective->choice(objective_names);
    const bool energy = experiment.objective == Objective::energy ||
                        experiment.objective == Objective::energy_delay;
    if (energy && !experiment.device.dram.currents) {
      objective->refuse("words, bytes or time, as " + experiment.device.dram.name +
                        " states no currents to count energy by");
    }
  }
  const auto convs = std::ranges::count(experiment.network.layers, workloads::LayerKind::conv,
                                        &workloads::Layer::kind);
  if (experiment.rule_options.fix > convs) {
    config.at("rule").at("fix").refuse(fmt::format("at most the network's {} conv layers", convs));
  }
  try {
    workloads::require_supported(experiment.network);
  } catch (const InputError& error) {
    throw InputError(network.where() + error.what());
  }
  try {
    workloads::require_fitting_rule(experiment.network, experiment.rule, experiment.rule_options);
  } catch (const InputError& error) {
    throw InputError(config.at("rule").where() + error.what());
  }
  return experiment;
}

namespace {

void keep_first(workloads::Dataset& data, std::optional<std::int64_t> most) {
  if (!most || static_cast<std::size_t>(*most) >= data.size()) return;
  data.images.resize(data.images.size() / data.size() * static_cast<std::size_t>(*most));
  data.labels.resize(static_cast<std::size_t>(*most));
}

/// Labels are told apart in so many classes; nothing when any number of them will do: where images
/// are the targets, and where one score is to be the label itself. (A random set then has two.)
std::optional<std::int64_t> classes_of_labels(const Experiment& experiment) {
  const bool free = !workloads::decides(experiment.rule_options) || experiment.network.classes == 1;
  return free ? std::nullopt : std::optional(experiment.network.classes);
}

workloads::DataSplit load_checked_data(const Experiment& experiment) {
  const DataSource& source = experiment.data;
  const workloads::ImageShape& input = experiment.network.input;
  const std::optional<std::int64_t> classes = classes_of_labels(experiment);
  workloads::DataSplit data;
  if (source.set == "random") {
    data = workloads::random_data(
        {input.channels, input.height, input.width}, static_cast<int>(classes.value_or(2)),
        static_cast<std::size_t>(source.train.value_or(1000)),
        static_cast<std::size_t>(source.test.value_or(200)), experiment.seed);
  } else {
    const std::filesystem::path folder = source.files();
    data = source.set == "mnist" ? workloads::load_mnist(folder) : workloads::load_cifar10(folder);
    keep_first(data.train, source.train);
    keep_first(data.test, source.test);
  }
  if (source.standardise) workloads::standardise(data);
  std::int64_t pixels = 1;
  for (const std::int64_t dimension : data.train.image_shape) pixels *= dimension;
  const bool pixels_fit = pixels == input.elements();
  if (!classes && !pixels_fit) {
    throw InputError(fmt::format("{}: images of {} values; allowed: network {} takes {} values",
                                 source.set, pixels, experiment.network.name, input.elements()));
  }
  if (classes && (!pixels_fit || data.train.classes != *classes)) {
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

workloads::Step training_step(const Experiment& experiment, int only_layer) {
  return workloads::learning_rule(experiment.rule)
      .training_step(experiment.network,
                     {experiment.batch, experiment.optimizer, experiment.rule_options, only_layer});
}

workloads::Step inference_step(const Experiment& experiment, std::int64_t batch, int exit_layer) {
  return workloads::learning_rule(experiment.rule)
      .inference_step(experiment.network, {batch, experiment.rule_options, exit_layer});
}

std::vector<int> layers_trained_apart(const Experiment& experiment) {
  std::vector<int> layers;
  for (const workloads::Block& block :
       workloads::blocks_of(experiment.network, experiment.rule, experiment.rule_options)) {
    layers.push_back(block.last);
  }
  return layers;
}

RateSchedule RateSchedule::periodic(double divisor, int every) {
  RateSchedule schedule;
  schedule.divisor_ = divisor;
  schedule.every_ = every;
  return schedule;
}

RateSchedule RateSchedule::drops(double divisor, std::vector<int> after) {
  RateSchedule schedule;
  schedule.divisor_ = divisor;
  schedule.after_ = std::move(after);
  return schedule;
}

RateSchedule RateSchedule::steps(std::vector<std::pair<int, double>> after_and_factor) {
  RateSchedule schedule;
  schedule.steps_ = std::move(after_and_factor);
  return schedule;
}

double RateSchedule::factor(int epochs) const {
  double factor = 1;
  for (const auto& [after, value] : steps_) {
    if (epochs >= after) factor = value;
  }
  for (const int after : after_) factor /= epochs >= after ? divisor_ : 1;
  const int periods = every_ > 0 ? epochs / every_ : 0;
  for (int i = 0; i < periods; ++i) factor /= divisor_;
  return factor;
}

std::string RateSchedule::description() const {
  if (every_ > 0) return fmt::format("divided by {:g} every {} epochs", divisor_, every_);
  if (!after_.empty()) {
    return fmt::format("divided by {:g} after epoch {}", divisor_, fmt::join(after_, ", "));
  }
  if (steps_.empty()) return "constant";
  std::string text;
  for (const auto& [after, factor] : steps_) {
    text += fmt::format("{}times {:g} after epoch {}", text.empty() ? "" : ", ", factor, after);
  }
  return text;
}

}  // namespace spillway::sim
