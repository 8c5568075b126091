#include "analysis/sweeps/point_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>

#include "analysis/formats/output.hpp"
#include "analysis/reports/version.hpp"
#include "analysis/sweeps/axes.hpp"
#include "analysis/sweeps/sha256.hpp"
#include "models/energy/technology.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_kinds.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace fs = std::filesystem;
using workloads::Config;

namespace {

constexpr int hash_digits = 32;

/// Grows by one when a result's file says something else by the same name.
constexpr int point_schema = 2;

Json scalar_json(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  const char* end = text.data() + text.size();
  std::int64_t integer = 0;
  if (const auto [stop, error] = std::from_chars(text.data(), end, integer);
      error == std::errc{} && stop == end) {
    return integer;
  }
  double number = 0;
  if (const auto [stop, error] = std::from_chars(text.data(), end, number);
      error == std::errc{} && stop == end && std::isfinite(number)) {
    return number;
  }
  return text;
}

/// A device with its DRAM device and its technology in the place of their names.
Json device_settings(const Config& config) {
  const Config device = workloads::resolve_shared(config, "models/devices", {"dram", "technology"});
  Json json = config_json(device);
  json["dram"] = config_json(
      workloads::resolve_shared(device.at("dram"), "models/devices/dram", {"controller"}));
  if (const std::optional<Config> technology = models::technology_of(device)) {
    json["technology"] = config_json(*technology);
  }
  return json;
}

Json network_settings_of(const Config& config) {
  return config_json(workloads::resolve_shared(config, "workloads/networks"));
}

std::string digest_of_folder(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_regular_file(error)) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  Sha256 sum;
  std::string block(1 << 20, '\0');
  for (const fs::path& file : files) {
    sum.add(fmt::format("{} {}\n", file.filename().string(), fs::file_size(file, error)));
    std::ifstream stream(file, std::ios::binary);
    while (stream) {
      stream.read(block.data(), static_cast<std::streamsize>(block.size()));
      sum.add(std::string_view(block).substr(0, static_cast<std::size_t>(stream.gcount())));
    }
  }
  return sum.digest().substr(0, hash_digits);
}

/// That of the commands which do a point by itself.
constexpr sim::Objective usual_objective = sim::Objective::time;

bool has_values(PointCommand command) {
  return command == PointCommand::run || command == PointCommand::train;
}

/// Of the device a schedule of the fewest words depends on the buffer and, for its vector lanes, on
/// the array.
std::string schedule_key(PointCommand command, const PointInputs& inputs) {
  if (command == PointCommand::train || inputs.experiment.policy == sim::Policy::paper) return "";
  Json settings = inputs.settings;
  if (!sim::heeds_objective(inputs.experiment.policy) ||
      inputs.experiment.objective == sim::Objective::words) {
    const Json device = settings.at("device");
    settings["device"] = {{"buffer", device.at("buffer")}, {"array", device.at("array")}};
  }
  return sha256(settings.dump()).substr(0, hash_digits);
}

}  // namespace

Json config_json(const Config& config) {
  if (config.kind() == Config::Kind::null) return nullptr;
  if (config.is_scalar()) return scalar_json(config.text());
  Json json = config.is_map() ? Json::object() : Json::array();
  for (std::size_t i = 0; i < config.items().size(); ++i) {
    if (config.is_map()) json[config.keys()[i]] = config_json(config.items()[i]);
    if (config.is_list()) json.push_back(config_json(config.items()[i]));
  }
  return json;
}

PointReader::PointReader(const Sweep& sweep)
    : sweep_(sweep), space_(sweep), base_(Config::from_file(sweep.base_file)) {
  if (!base_.is_map()) base_.refuse("a map");
  workloads::require_kind(base_, workloads::FileKind::experiment);
}

Config PointReader::laid_over(const Choice& choice) const {
  Config config = base_;
  for (const workloads::Assignment& assignment : space_.assignments(choice)) {
    config.set(assignment);
  }
  return config;
}

sim::Experiment PointReader::experiment(const Choice& choice) const {
  return sim::read_experiment(laid_over(choice), sweep_.base_file.stem().string(), usual_objective);
}

PointInputs PointReader::inputs(const Choice& choice) {
  const Config config = laid_over(choice);
  PointInputs inputs;
  inputs.experiment =
      sim::read_experiment(config, sweep_.base_file.stem().string(), usual_objective);
  inputs.settings = resolved_settings(config);
  if (has_values(sweep_.command) && inputs.experiment.data.set != "random") {
    inputs.settings["data_digest"] = data_digest(inputs.experiment);
  }
  inputs.hash = sha256(fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n", point_schema, version(),
                                   name_in(point_command_names, sweep_.command),
                                   inputs.experiment.name, inputs.experiment.device_file,
                                   inputs.experiment.data.folder.string(), inputs.settings.dump()))
                    .substr(0, hash_digits);
  inputs.schedule = schedule_key(sweep_.command, inputs);
  return inputs;
}

Json PointReader::resolved_settings(const Config& config) {
  Json json = config_json(config);
  const auto resolve = [&](const char* key, Json (*settings)(const Config&)) {
    const Config& value = config.at(key);
    // A path is one beside the file that it stands in.
    const std::string name =
        fmt::format("{}: {} in {}", key, flow_text(value), value.line() > 0 ? value.file() : "");
    const auto [place, fresh] = resolved_.try_emplace(name);
    if (fresh) place->second = settings(value);
    json[key] = place->second;
  };
  resolve("network", network_settings_of);
  resolve("device", device_settings);
  return json;
}

const std::string& PointReader::data_digest(const sim::Experiment& experiment) {
  const fs::path folder = experiment.data.files();
  const auto [place, fresh] = digests_.try_emplace(folder.string());
  if (fresh) place->second = digest_of_folder(folder);
  return place->second;
}

std::string PointReader::command_line(const Choice& choice) const {
  const bool shipped =
      sweep_.base.find('/') == std::string::npos && !sweep_.base.ends_with(".yaml");
  std::string line =
      fmt::format("OMP_NUM_THREADS=1 spillway {} {}", name_in(point_command_names, sweep_.command),
                  shell_word(shipped ? sweep_.base : sweep_.base_file.string()));
  for (const workloads::Assignment& assignment : space_.assignments(choice)) {
    line += " --set " + shell_word(assignment.text);
  }
  return line + " --json -";
}

}  // namespace spillway::analysis
