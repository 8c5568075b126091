#include "analysis/studies/study.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/support/config.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_kinds.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace fs = std::filesystem;
using sim::Experiment;
using workloads::Config;

namespace {

std::vector<double> read_numbers(const Config& config) {
  if (!config.is_list()) config.refuse("a list of percentages");
  std::vector<double> values;
  for (const Config& item : config.items()) values.push_back(item.number(0, 100));
  return values;
}

std::vector<workloads::Assignment> read_overrides(const Config& config) {
  if (!config.is_list()) config.refuse("a list of KEY=VALUE");
  std::vector<workloads::Assignment> overrides;
  for (const Config& item : config.items()) {
    overrides.emplace_back(item.text(), item.where() + workloads::printable(item.text(), 200));
  }
  return overrides;
}

StudyRow read_row(const Config& config) {
  config.allow_only({"label", "experiment", "set", "paper", "pytorch"});
  StudyRow row;
  row.label = config.at("label").text();
  const Config& experiment = config.at("experiment");
  const std::string name = experiment.text();
  const bool is_path = name.find('/') != std::string::npos || name.ends_with(".yaml");
  row.experiment =
      is_path ? fs::path(experiment.file()).parent_path() / name
              : workloads::shared_folder() / "workloads" / "experiments" / (name + ".yaml");
  if (!fs::exists(row.experiment)) {
    experiment.refuse("a shipped experiment's name, or a path to a YAML file");
  }
  if (const Config* set = config.find("set")) row.overrides = read_overrides(*set);
  if (const Config* paper = config.find("paper")) row.paper = read_numbers(*paper);
  if (const Config* pytorch = config.find("pytorch")) {
    if (!pytorch->is_list()) pytorch->refuse("a list of lists of percentages, one a seed");
    for (const Config& seed : pytorch->items()) row.pytorch.push_back(read_numbers(seed));
  }
  return row;
}

int read_count(const Config& config) { return static_cast<int>(config.integer(1, 1'000'000)); }

}  // namespace

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double spread(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double middle = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - middle) * (value - middle);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

Study read_study(const fs::path& path) {
  const Config config = Config::from_file(path);
  workloads::require_kind(config, workloads::FileKind::study);
  config.allow_only({"title", "paper_epochs", "paper_seeds", "default", "pytorch", "rows"});
  Study study;
  study.name = path.stem().string();
  study.title = config.at("title").text();
  if (const Config* epochs = config.find("paper_epochs")) study.paper_epochs = read_count(*epochs);
  if (const Config* seeds = config.find("paper_seeds")) study.paper_seeds = read_count(*seeds);
  const Config& usual = config.at("default");
  usual.allow_only({"epochs", "seeds", "subset", "test"});
  study.usual.epochs = read_count(usual.at("epochs"));
  study.usual.seeds = read_count(usual.at("seeds"));
  if (const Config* subset = usual.find("subset")) study.usual.subset = read_count(*subset);
  if (const Config* test = usual.find("test")) study.usual.test = read_count(*test);
  if (const Config* pytorch = config.find("pytorch")) {
    pytorch->allow_only({"epochs", "images"});
    study.pytorch_epochs = read_count(pytorch->at("epochs"));
    study.pytorch_images = read_count(pytorch->at("images"));
  }
  const Config& rows = config.at("rows");
  if (!rows.is_list() || rows.items().empty()) rows.refuse("a list of at least one row");
  for (const Config& row : rows.items()) study.rows.push_back(read_row(row));
  return study;
}

Experiment row_experiment(const Study& study, const StudyRow& row, const StudySetting& setting,
                          int seed) {
  Experiment experiment = sim::read_experiment(row.experiment, row.overrides);
  if (!workloads::decides(experiment.rule_options)) {
    throw workloads::InputError(row.experiment.string() +
                                ": targets: inputs; allowed in a study: labels, as it compares "
                                "accuracies");
  }
  experiment.seed = static_cast<std::uint64_t>(seed);
  if (!setting.data.empty()) {
    // What `workloads/data/fetch` makes is a folder with one for each set.
    const fs::path inner = setting.data / experiment.data.set;
    experiment.data.folder = fs::is_directory(inner) ? inner : setting.data;
  }
  if (setting.subset) experiment.data.train = setting.subset;
  if (setting.test) experiment.data.test = setting.test;
  experiment.training.epochs = setting.epochs;
  if (setting.epochs != study.paper_epochs) {
    const auto epochs = [&](double share) {
      return static_cast<int>(std::lround(share * setting.epochs));
    };
    const int first = std::max(1, epochs(0.6)), second = std::max(first + 1, epochs(0.8));
    experiment.schedule = sim::RateSchedule::drops(5, {first, second});
  }
  return experiment;
}

}  // namespace spillway::analysis
