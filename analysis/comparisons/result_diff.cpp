#include "analysis/comparisons/result_diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "analysis/reports/settings_json.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/json.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::analysis {

using workloads::InputError;
using workloads::printable;

namespace {

constexpr std::size_t most_depth = 32;  // of a result's JSON; ours has five levels

/// Keys that say again what settings say, or how a file was made.
bool is_left_out(const std::vector<std::string>& path) {
  static const std::set<std::string> roots{"schema", "version", "command", "planned_differs",
                                           "simulated"};
  static const std::set<std::string> of_dram{"device", "channels", "mapping", "controller",
                                             "placement"};
  if (roots.contains(path[0])) return true;
  if (path[0] == "dram" && path.size() == 2) return of_dram.contains(path[1]);
  return path[0] == "buffer" && path.size() == 2 && path[1] == "capacity_bytes";
}

ResultSection section_of(const std::vector<std::string>& path, const Json& value) {
  if (std::ranges::find(setting_keys(), path[0]) != setting_keys().end()) {
    return ResultSection::settings;
  }
  const auto any = [&](const auto& condition) { return std::ranges::any_of(path, condition); };
  if (any([](const std::string& key) { return key.find("energy") != std::string::npos; })) {
    return ResultSection::energy;
  }
  static const std::set<std::string> of_time{"cycles",         "time_ns",       "time_ms",
                                             "engines",        "time_by_layer", "bus_ns",
                                             "bandwidth_GBps", "pct_of_peak"};
  if (any([](const std::string& key) { return of_time.contains(key); })) {
    return ResultSection::time;
  }
  if (!value.is_number() || path[0] == "area") return ResultSection::other;
  return path.back().ends_with("_bytes") ? ResultSection::bytes : ResultSection::counts;
}

/// One value of a result.
struct Leaf {
  ResultSection section;
  Json value;
  bool detail, repeated;
};

/// A result's values by name, in the order of the file.
class Leaves {
 public:
  explicit Leaves(const Json& result) {
    for (const auto& [key, value] : result.items()) add({key}, value);
  }
  const std::vector<std::pair<std::string, Leaf>>& all() const { return leaves_; }
  const Leaf* find(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &leaves_[found->second].second;
  }

 private:
  using Path = std::vector<std::string>;
  static constexpr std::array name_keys{"layer", "phase", "tensor", "direction"};

  void add(const Path& path, const Json& value) {
    if (is_left_out(path)) return;
    if (path.size() > most_depth) throw InputError("found lists within lists; allowed: a result");
    if (path[0] == "nests") {
      keep("schedule (tiles, loops, what stays)", {ResultSection::other, value, false, false});
    } else if (value.is_object()) {
      for (const auto& [key, inner] : value.items()) add(extended(path, key), inner);
    } else if (value.is_array() && std::ranges::all_of(value, &Json::is_string)) {
      for (const Json& item : value) add(extended(path, item.get<std::string>()), "yes");
    } else if (value.is_array() && std::ranges::any_of(value, &Json::is_structured)) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        add_element(extended(path, element_name(value[i], i)), value[i]);
      }
    } else {
      keep(name_of(path), {section_of(path, value), value.is_array() ? Json(value.dump()) : value,
                           is_detail(path), is_repeated(path)});
    }
  }

  /// What names an element is none of its values.
  void add_element(const Path& path, const Json& element) {
    if (!element.is_object()) return add(path, element);
    for (const auto& [key, inner] : element.items()) {
      if (!is_name(key)) add(extended(path, key), inner);
    }
  }
  static bool is_name(const std::string& key) {
    return std::ranges::find(name_keys, key) != name_keys.end();
  }
  static std::string element_name(const Json& element, std::size_t number) {
    std::string name;
    for (const char* key : name_keys) {
      if (!element.is_object() || !element.contains(key) || !element[key].is_string()) continue;
      name += (name.empty() ? "" : " ") + element[key].get<std::string>();
    }
    return name.empty() ? std::to_string(number) : name;
  }

  static Path extended(Path path, const std::string& key) {
    path.push_back(key);
    return path;
  }

  static bool is_detail(const Path& path) {
    static const std::set<std::string> roots{"ledger", "host_ledger", "time_by_layer", "layers",
                                             "idealised_words"};
    return roots.contains(path[0]);
  }
  static bool is_repeated(const Path& path) {
    if (path[0] != "time_by_layer" && path[0] != "engines") return false;
    return path.back() != "busy_ns";
  }

  static std::string name_of(Path path) {
    static const std::map<std::string, std::string> roots{{"ledger", "DRAM"},
                                                          {"dram", "DRAM"},
                                                          {"host_ledger", "host"},
                                                          {"time_by_layer", ""},
                                                          {"engines", ""}};
    if (const auto root = roots.find(path[0]); root != roots.end()) path[0] = root->second;
    std::string name;
    for (const std::string& part : path) {
      if (!part.empty()) name += (name.empty() ? "" : " ") + part;
    }
    std::ranges::replace(name, '_', ' ');
    return printable(name, 200);
  }

  void keep(const std::string& name, Leaf leaf) {
    if (index_.emplace(name, leaves_.size()).second) leaves_.emplace_back(name, std::move(leaf));
  }

  std::vector<std::pair<std::string, Leaf>> leaves_;
  std::map<std::string, std::size_t> index_;
};

ResultDifference difference(const std::string& what, const Leaf& leaf, Json before, Json after) {
  if (leaf.value.is_structured()) before = after = nullptr;  // a schedule is too much to show
  return {leaf.section, what, std::move(before), std::move(after), leaf.detail, leaf.repeated};
}

}  // namespace

Json read_result(const std::filesystem::path& path) {
  const std::optional<std::string> text = workloads::file_content(path);
  const std::string wanted = "; allowed: what spillway run --json FILE or plan --json FILE writes";
  if (!text) throw InputError(path.string() + ": cannot be read" + wanted);
  Json json;
  try {
    json = parse_json(*text);
  } catch (const Json::exception& error) {
    throw InputError(
        fmt::format("{}: not JSON: {}{}", path.string(), printable(error.what(), 200), wanted));
  }
  if (!json.is_object() || !json.contains("schema") || !json.contains("command")) {
    throw InputError(path.string() + ": found no result with a schema" + wanted);
  }
  if (json.at("schema") != result_schema) {
    throw InputError(fmt::format("{}: schema: found {}; allowed: {}, which this version writes",
                                 path.string(), printable(json.at("schema").dump()),
                                 result_schema));
  }
  if (json.at("command") != "run" && json.at("command") != "plan") {
    throw InputError(fmt::format("{}: command: found {}; allowed: \"run\", \"plan\"", path.string(),
                                 printable(json.at("command").dump())));
  }
  return json;
}

ResultComparison compare_results(const Json& before, const Json& after) {
  ResultComparison comparison;
  comparison.plan_and_run = before.at("command") != after.at("command");
  const Leaves old(before), now(after);
  for (const auto& [what, leaf] : old.all()) {
    const Leaf* other = now.find(what);
    if (other == nullptr && comparison.plan_and_run) continue;
    if (other != nullptr && other->value == leaf.value) continue;
    comparison.differences.push_back(
        difference(what, leaf, leaf.value, other == nullptr ? Json() : other->value));
  }
  for (const auto& [what, leaf] : now.all()) {
    if (comparison.plan_and_run || old.find(what) != nullptr) continue;
    comparison.differences.push_back(difference(what, leaf, nullptr, leaf.value));
  }
  return comparison;
}

}  // namespace spillway::analysis
