#include "analysis/sweeps/sweep_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "analysis/sweeps/axes.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_kinds.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace fs = std::filesystem;
using workloads::Config;
using workloads::InputError;

namespace {

const std::vector<Config>& list_of(const Config& config, const char* of_what) {
  if (!config.is_list()) config.refuse(fmt::format("a list of {}", of_what));
  return config.items();
}

/// The file of the base experiment: a shipped name, or a path beside the sweep's file.
fs::path base_file(const Config& config) {
  const std::string text = config.text();
  if (text.find('/') != std::string::npos || text.ends_with(".yaml")) {
    const fs::path path = fs::path(config.file()).parent_path() / text;
    if (!fs::is_regular_file(path)) {
      config.refuse("an existing file (looked for " + path.string() + ")");
    }
    return path;
  }
  const std::vector<std::string> names = workloads::shared_names("workloads/experiments");
  if (std::ranges::find(names, text) == names.end()) {
    config.refuse("a path to a YAML file of an experiment, or one of " + workloads::joined(names),
                  workloads::did_you_mean(text, names));
  }
  return workloads::shared_folder() / "workloads" / "experiments" / (text + ".yaml");
}

void read_set(const Config& config, Sweep& sweep) {
  for (const Config& each : list_of(config, "key=value")) {
    const std::string where = each.where();
    sweep.set.emplace_back(each.text(), where.substr(0, where.size() - 2));
  }
}

void require_axes_apart(const Config& config, const Sweep& sweep) {
  std::set<std::string> keys, names;
  const auto require = [&](std::set<std::string>& seen, const std::string& text, const char* what,
                           const char* hint) {
    if (seen.insert(text).second) return;
    throw InputError(fmt::format("{}found the {} \"{}\" of two axes; allowed: each {} once{}",
                                 config.where(), what, workloads::printable(text), what, hint));
  };
  for (const Axis* axis : sweep.axes()) {
    for (const std::string& key : axis->keys) require(keys, key, "key", "");
    require(names, axis->name, "name", ", given with `name`");
  }
}

void read_axes(const Config& config, Sweep& sweep) {
  for (const Config& each : list_of(config, "axes")) {
    sweep.dimensions.push_back(read_dimension(each, sweep.dimensions));
  }
  if (sweep.dimensions.empty()) config.refuse("at least one axis");
  require_axes_apart(config, sweep);
}

void read_when(const Config& config, Sweep& sweep) {
  const std::vector<ConditionName> names = condition_names(sweep.dimensions);
  if (config.is_scalar()) {
    sweep.when.emplace_back(config, names);
    return;
  }
  for (const Config& each : list_of(config, "conditions")) sweep.when.emplace_back(each, names);
}

void read_metrics(const Config& config, Sweep& sweep) {
  std::set<std::string> taken;
  for (const Axis* axis : sweep.axes()) taken.insert(axis->name);
  for (const Config& each : list_of(config, "metrics")) {
    sweep.metrics.push_back(read_metric(each, sweep.command));
    if (each.is_map()) read_name(each.at("name"));
    if (!taken.insert(sweep.metrics.back().name).second) {
      (each.is_map() ? each.at("name") : each).refuse("each name once, of axes and metrics");
    }
  }
  if (sweep.metrics.empty()) config.refuse("at least one metric");
}

std::vector<std::string> names_of(const std::vector<Metric>& metrics) {
  std::vector<std::string> names;
  for (const Metric& metric : metrics) names.push_back(metric.name);
  return names;
}

void read_objectives(const Config& config, Sweep& sweep) {
  const std::vector<std::string> names = names_of(sweep.metrics);
  for (const Config& each : list_of(config, "metrics to minimise")) {
    if (each.is_map()) each.allow_only({"maximise"});
    const Config& metric = each.is_map() ? each.at("maximise") : each;
    sweep.objectives.push_back({names[metric.choice(names)], each.is_map()});
    for (std::size_t i = 0; i + 1 < sweep.objectives.size(); ++i) {
      if (sweep.objectives[i].metric == sweep.objectives.back().metric) {
        metric.refuse("each metric once");
      }
    }
  }
  if (sweep.objectives.empty()) config.refuse("at least one metric");
}

void read_constraints(const Config& config, Sweep& sweep) {
  std::vector<ConditionName> names;
  for (const Metric& metric : sweep.metrics) names.push_back({metric.name, {}});
  for (const Config& each : list_of(config, "conditions such as time_ms <= 20")) {
    sweep.constraints.emplace_back(each, names);
  }
}

void read_search(const Config& config, Sweep& sweep) {
  constexpr std::int64_t most_searched = 1'000'000;
  Search& search = sweep.search;
  if (!config.is_map()) {
    search.method = config.choice(search_names);
    if (search.method != SearchMethod::grid) {
      config.refuse(fmt::format("grid, or a map: {{method: {}, points: N}}", config.text()));
    }
    return;
  }
  search.method = config.at("method").choice(search_names);
  std::vector<std::string> keys{"method"};
  if (search.method != SearchMethod::grid) keys.insert(keys.end(), {"points", "seed"});
  if (search.method == SearchMethod::nsga2) keys.emplace_back("population");
  config.allow_only(keys);
  if (search.method == SearchMethod::grid) return;
  search.points = static_cast<std::uint64_t>(config.at("points").integer(1, most_searched));
  if (const Config* seed = config.find("seed")) {
    search.seed = static_cast<std::uint64_t>(seed->integer(0, 4'294'967'295));
  }
  if (search.method != SearchMethod::nsga2) return;
  if (sweep.objectives.empty()) config.at("method").refuse("grid or random without objectives");
  search.population = 40;
  if (const Config* population = config.find("population")) {
    search.population = static_cast<std::uint64_t>(population->integer(8, 10'000));
    if (search.population % 4 != 0) population->refuse("a multiple of 4");
  }
  if (search.points < search.population) {
    config.at("points").refuse(fmt::format("at least the population of {}", search.population));
  }
}

void read_limits(const Config& config, Sweep& sweep) {
  config.allow_only({"seconds", "memory"});
  if (const Config* seconds = config.find("seconds")) {
    sweep.limits.seconds = seconds->number(0.001, 1e7);
  }
  if (const Config* memory = config.find("memory")) sweep.limits.memory = memory->size();
}

void read_slurm(const Config& config, Sweep& sweep) {
  config.allow_only({"tasks", "time", "partition", "options"});
  SlurmSettings& slurm = sweep.slurm;
  const auto word = [](const Config& value) {
    const std::string text = value.text();
    if (text.find_first_of("\n\r") != std::string::npos) value.refuse("a text of one line");
    return text;
  };
  if (const Config* tasks = config.find("tasks")) slurm.tasks = tasks->integer(1, 10'000);
  if (const Config* time = config.find("time")) slurm.time = word(*time);
  if (const Config* partition = config.find("partition")) slurm.partition = word(*partition);
  if (const Config* options = config.find("options")) {
    for (const Config& each : list_of(*options, "options of sbatch")) {
      if (!each.text().starts_with("-")) each.refuse("an option of sbatch such as --mem=4G");
      slurm.options.push_back(word(each));
    }
  }
}

/// All but where the experiment is.
Sweep sweep_of(const Config& config, const fs::path& path) {
  if (!config.is_map()) config.refuse("a map");
  workloads::require_kind(config, workloads::FileKind::sweep);
  config.allow_only({"title", "base", "command", "set", "axes", "when", "metrics", "objectives",
                     "constraints", "search", "limits", "slurm"});
  Sweep sweep;
  sweep.name = path.stem().string();
  sweep.file = path;
  sweep.title = sweep.name;
  if (const Config* title = config.find("title")) sweep.title = title->text();
  sweep.base = config.at("base").text();
  if (const Config* command = config.find("command")) {
    sweep.command = command->choice(point_command_names);
  }
  if (const Config* set = config.find("set")) read_set(*set, sweep);
  read_axes(config.at("axes"), sweep);
  if (const Config* when = config.find("when")) read_when(*when, sweep);
  read_metrics(config.at("metrics"), sweep);
  if (const Config* objectives = config.find("objectives")) read_objectives(*objectives, sweep);
  if (const Config* constraints = config.find("constraints")) {
    read_constraints(*constraints, sweep);
  }
  if (const Config* search = config.find("search")) read_search(*search, sweep);
  if (const Config* limits = config.find("limits")) read_limits(*limits, sweep);
  if (const Config* slurm = config.find("slurm")) read_slurm(*slurm, sweep);
  return sweep;
}

}  // namespace

std::vector<const Axis*> Sweep::axes() const {
  std::vector<const Axis*> all;
  for (const Dimension& dimension : dimensions) {
    for (const Axis& axis : dimension.axes) all.push_back(&axis);
  }
  return all;
}

Sweep read_sweep(const fs::path& path) {
  const Config config = Config::from_file(path);
  Sweep sweep = sweep_of(config, path);
  sweep.base_file = base_file(config.at("base"));
  return sweep;
}

Sweep read_kept_sweep(const fs::path& path) { return sweep_of(Config::from_file(path), path); }

}  // namespace spillway::analysis
