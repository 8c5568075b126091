#include "analysis/sweeps/axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/sizes.hpp"

namespace spillway::analysis {

using workloads::Config;
using workloads::InputError;

namespace {

constexpr std::size_t most_values = 100'000;  // of an axis

/// "file:line: axes[0].values[1]", without what ends it.
std::string place_of(const Config& config) {
  const std::string where = config.where();
  return where.substr(0, where.size() - 2);
}

bool is_plain(const std::string& text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '.' || c == '/' || c == '+' || c == '-' || c == ' ';
  };
  return std::ranges::all_of(text, allowed) && text.front() != ' ' && text.back() != ' ' &&
         text != "-";
}

void require_key(const Config& config, const std::string& key) {
  if (key.empty() || key.find_first_of("= \t") != std::string::npos) {
    config.refuse("a key of the experiment such as device.buffer");
  }
}

/// A value of one key: itself, or {value, name}.
AxisValue read_value(const Config& config, const std::string& key) {
  const Config* value = &config;
  const Config* name = nullptr;
  if (config.is_map()) {
    if (config.find("value") == nullptr) {
      config.refuse("a value, or a map with the keys value and name");
    }
    config.allow_only({"value", "name"});
    value = &config.at("value");
    name = config.find("name");
  }
  if (value->kind() == Config::Kind::null) value->refuse("a value");
  AxisValue result;
  result.set = {{key, flow_text(*value)}};
  result.where = place_of(config);
  result.shown.text = name != nullptr      ? name->text()
                      : value->is_scalar() ? value->text()
                                           : result.set[0].second;
  // Under a name of its own it is no number to those who read the tables.
  if (value->is_scalar() && name == nullptr) result.shown.number = quantity(value->text());
  return result;
}

/// A value that sets several keys: {name, set: {rule: bp, policy: best}}.
AxisValue read_setting(const Config& config) {
  config.allow_only({"name", "set"});
  AxisValue result;
  result.shown.text = config.at("name").text();
  result.where = place_of(config);
  const Config& set = config.at("set");
  if (!set.is_map()) set.refuse("a map of keys of the experiment and their values");
  for (std::size_t i = 0; i < set.items().size(); ++i) {
    require_key(set, set.keys()[i]);
    result.set.emplace_back(set.keys()[i], flow_text(set.items()[i]));
  }
  return result;
}

/// A number of a range, and whether it is a size.
struct Bound {
  double value;
  bool size;
};

Bound read_bound(const Config& config) {
  const std::optional<double> value =
      config.is_scalar() ? quantity(config.text()) : std::optional<double>();
  if (!value || !std::isfinite(*value)) {
    config.refuse("a number, or a size",
                  config.is_scalar() ? workloads::size_hint(config.text()) : "");
  }
  const bool number = config.text().find_first_not_of("0123456789.eE+-") == std::string::npos;
  return {*value, !number};
}

/// 65536 as "64 KiB" where that is the same.
std::string size_name(std::uint64_t bytes) {
  for (const auto& [unit, size] : {std::pair{"GiB", std::uint64_t{1} << 30},
                                   {"MiB", std::uint64_t{1} << 20},
                                   {"KiB", std::uint64_t{1} << 10}}) {
    if (bytes >= size && bytes % size == 0) return fmt::format("{} {}", bytes / size, unit);
  }
  return std::to_string(bytes);
}

AxisValue range_value(const Config& config, const std::string& key, double number, bool size) {
  AxisValue value;
  value.where = place_of(config);
  if (size) {  // in whole words, as all sizes that people write
    const auto bytes = static_cast<std::uint64_t>(number * (1 + 1e-12)) / 4 * 4;
    value.set = {{key, std::to_string(bytes)}};
    value.shown = {size_name(bytes), static_cast<double>(bytes)};
  } else {
    const std::string text = fmt::format("{:.12g}", number);
    value.set = {{key, text}};
    value.shown = {text, quantity(text)};
  }
  return value;
}

/// {from, to, step} or {from, to, factor}.
std::vector<AxisValue> read_range(const Config& config, const std::string& key) {
  config.allow_only({"from", "to", "step", "factor"});
  const Bound from = read_bound(config.at("from")), to = read_bound(config.at("to"));
  const bool size = from.size || to.size;
  const Config* step = config.find("step");
  const Config* factor = config.find("factor");
  if ((step == nullptr) == (factor == nullptr)) config.refuse("either step or factor");
  if (to.value < from.value) config.at("to").refuse(fmt::format("at least {:g}", from.value));
  const double by = step != nullptr ? read_bound(*step).value : factor->number();
  if (step != nullptr && !(by > 0)) step->refuse("a number above 0");
  if (factor != nullptr && !(by > 1)) factor->refuse("a number above 1");
  if (factor != nullptr && !(from.value > 0)) {
    config.at("from").refuse("a number above 0 beside a factor");
  }
  std::vector<AxisValue> values;
  const double end = to.value * (1 + 1e-9) + (step != nullptr ? by * 1e-9 : 0);
  for (std::size_t i = 0;; ++i) {
    const auto n = static_cast<double>(i);
    const double number = step != nullptr ? from.value + n * by : from.value * std::pow(by, n);
    if (number > end) break;
    if (i == most_values) config.refuse(fmt::format("at most {} values", most_values));
    values.push_back(range_value(config, key, number, size));
  }
  return values;
}

void require_different(const Config& config, const Axis& axis) {
  std::set<std::vector<std::pair<std::string, std::string>>> settings;
  std::set<std::string> names;
  for (const AxisValue& value : axis.values) {
    const bool fresh = settings.insert(value.set).second && names.insert(value.shown.text).second;
    if (fresh) continue;
    throw InputError(fmt::format("{}: found \"{}\" twice; allowed: each value and name once",
                                 config.is_list() ? value.where : place_of(config),
                                 workloads::printable(value.shown.text)));
  }
}

/// The last part of "device.buffer", "layers[0].out" …
std::string last_part(const std::string& key) { return key.substr(key.find_last_of('.') + 1); }

/// {name, values}, of which each value sets keys of its own.
Axis read_axis_of_settings(const Config& config) {
  Axis axis;
  axis.name = read_name(config.at("name"));
  const Config& values = config.at("values");
  if (!values.is_list()) values.refuse("a list of values");
  for (const Config& value : values.items()) {
    axis.values.push_back(read_setting(value));
    for (const auto& [key, text] : axis.values.back().set) {
      if (std::ranges::find(axis.keys, key) == axis.keys.end()) axis.keys.push_back(key);
    }
  }
  if (axis.values.empty()) values.refuse("at least one value");
  return axis;
}

Axis read_axis(const Config& config, bool zipped) {
  const Config* key = config.find("key");
  const Config* values = config.find("values");
  const Config* range = config.find("range");
  if (key == nullptr && config.find("name") != nullptr && range == nullptr) {
    Axis axis = read_axis_of_settings(config);
    if (!zipped) require_different(*values, axis);
    return axis;
  }
  Axis axis;
  axis.keys = {config.at("key").text()};
  require_key(*key, axis.keys[0]);
  const Config* name = config.find("name");
  axis.name = name != nullptr ? read_name(*name) : last_part(axis.keys[0]);
  if ((values == nullptr) == (range == nullptr)) config.refuse("either values or range");
  if (range != nullptr) {
    axis.values = read_range(*range, axis.keys[0]);
  } else {
    if (!values->is_list()) values->refuse("a list of values");
    for (const Config& value : values->items()) {
      axis.values.push_back(read_value(value, axis.keys[0]));
    }
    if (axis.values.empty()) values->refuse("at least one value");
  }
  // Beside others that change with it an axis may come back to a value.
  if (!zipped) require_different(values != nullptr ? *values : *range, axis);
  return axis;
}

std::vector<Axis> read_zip(const Config& config) {
  if (!config.is_list()) config.refuse("a list of axes");
  std::vector<Axis> axes;
  for (const Config& each : config.items()) {
    each.allow_only({"key", "name", "values", "range"});
    axes.push_back(read_axis(each, true));
    if (axes.back().values.size() == axes.front().values.size()) continue;
    throw InputError(fmt::format("{}found {} values; allowed: {}, as of the axis {} beside it",
                                 each.where(), axes.back().values.size(),
                                 axes.front().values.size(), axes.front().name));
  }
  if (axes.size() < 2) config.refuse("at least two axes");
  return axes;
}

}  // namespace

std::string read_name(const Config& config) {
  const std::string name = config.text();
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '.';
  };
  static const std::vector<std::string> taken{"point",   "hash", "status", "feasible", "front",
                                              "message", "and",  "or",     "in"};
  if (!std::ranges::all_of(name, allowed) || name.size() > 60) {
    config.refuse("a name of up to 60 letters, digits, \"_\", \"-\" and \".\"");
  }
  if (std::ranges::find(taken, name) != taken.end()) {
    config.refuse("another name than " + workloads::joined(taken));
  }
  return name;
}

std::string flow_text(const Config& config) {
  if (config.kind() == Config::Kind::null) return "~";
  if (config.is_scalar()) {
    const std::string text = config.text();
    if (is_plain(text)) return text;
    std::string quoted = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    return quoted + '"';
  }
  std::string text;
  for (std::size_t i = 0; i < config.items().size(); ++i) {
    text += text.empty() ? "" : ", ";
    if (config.is_map()) text += config.keys()[i] + ": ";
    text += flow_text(config.items()[i]);
  }
  return config.is_map() ? "{" + text + "}" : "[" + text + "]";
}

std::vector<ConditionName> condition_names(const std::vector<Dimension>& dimensions) {
  std::vector<ConditionName> names;
  for (const Dimension& dimension : dimensions) {
    for (const Axis& axis : dimension.axes) {
      names.push_back({axis.name, {}});
      for (const AxisValue& value : axis.values) names.back().values.push_back(value.shown);
    }
  }
  return names;
}

Dimension read_dimension(const Config& config, const std::vector<Dimension>& earlier) {
  Dimension dimension;
  if (config.is_map() && config.find("zip") != nullptr) {
    config.allow_only({"zip", "when"});
    dimension.axes = read_zip(config.at("zip"));
  } else {
    config.allow_only({"key", "name", "values", "range", "zip", "when"});
    dimension.axes.push_back(read_axis(config, false));
  }
  if (const Config* when = config.find("when")) {
    dimension.when.emplace(*when, condition_names(earlier));
  }
  return dimension;
}

}  // namespace spillway::analysis
