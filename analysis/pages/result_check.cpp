// The types of what the page reads, checked before anything is written.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "analysis/pages/report_page.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace {

enum class ValueKind { text, count, number, numbers, texts, list, object, truth };

struct ExpectedKey {
  const char* path;  ///< "[]" is every element of a list, "<>" every key of an object
  ValueKind kind;
  bool required = false;
};

/// Null is taken for a key that is not there.
constexpr ExpectedKey expected_keys[]{
    {"command", ValueKind::text, true},
    {"experiment", ValueKind::text, true},
    {"device", ValueKind::object, true},
    {"ledger", ValueKind::list, true},
    {"ledger[].layer", ValueKind::text, true},
    {"ledger[].phase", ValueKind::text, true},
    {"ledger[].tensor", ValueKind::text, true},
    {"ledger[].direction", ValueKind::text, true},
    {"ledger[].words", ValueKind::count, true},
    {"host_ledger", ValueKind::list},
    {"host_ledger[].layer", ValueKind::text, true},
    {"host_ledger[].phase", ValueKind::text, true},
    {"host_ledger[].tensor", ValueKind::text, true},
    {"host_ledger[].direction", ValueKind::text, true},
    {"host_ledger[].words", ValueKind::count, true},
    {"rule", ValueKind::text},
    {"batch", ValueKind::count},
    {"policy", ValueKind::text},
    {"objective", ValueKind::text},
    {"network", ValueKind::text},
    {"bound", ValueKind::text},
    {"planned_agrees", ValueKind::truth},
    {"device.name", ValueKind::text},
    {"device.array", ValueKind::object},
    {"device.array.rows", ValueKind::count},
    {"device.array.columns", ValueKind::count},
    {"device.clock_period_ps", ValueKind::number},
    {"estimated", ValueKind::object},
    {"estimated.<>", ValueKind::number},
    {"simulated", ValueKind::object},
    {"simulated.<>", ValueKind::number},
    {"dram", ValueKind::object},
    {"dram.bus_ns", ValueKind::object},
    {"dram.bus_ns.<>", ValueKind::number},
    {"host", ValueKind::object},
    {"host.<>", ValueKind::count},
    {"macs", ValueKind::count},
    {"time_ns", ValueKind::number},
    {"engines", ValueKind::object},
    {"engines.<>", ValueKind::object},
    {"engines.<>.busy_ns", ValueKind::number},
    {"engines.<>.stalled_ns", ValueKind::number},
    {"engines.<>.idle_ns", ValueKind::number},
    {"engines.<>.stalled_on_ns", ValueKind::object},
    {"engines.<>.stalled_on_ns.<>", ValueKind::number},
    {"not_issued", ValueKind::object},
    {"not_issued.<>", ValueKind::number},
    {"buffer", ValueKind::object},
    {"buffer.<>", ValueKind::count},
    {"idealised_words", ValueKind::object},
    {"idealised_words.<>", ValueKind::count},
    {"time_by_layer", ValueKind::list},
    {"time_by_layer[].layer", ValueKind::text, true},
    {"time_by_layer[].phase", ValueKind::text, true},
    {"time_by_layer[].begin_ns", ValueKind::number},
    {"time_by_layer[].end_ns", ValueKind::number},
    {"time_by_layer[].bound", ValueKind::text},
    {"energy", ValueKind::object},
    {"energy.parts_pJ", ValueKind::object},
    {"energy.parts_pJ.<>", ValueKind::number},
    {"energy.by_layer", ValueKind::list},
    {"energy.by_layer[].layer", ValueKind::text, true},
    {"energy.by_layer[].phase", ValueKind::text, true},
    {"energy.buffer", ValueKind::list},
    {"energy.constants", ValueKind::list},
    {"area", ValueKind::object},
    {"area.<>", ValueKind::number},
    {"overview", ValueKind::object},
    {"overview.window_ns", ValueKind::number, true},
    {"overview.buffer_bytes", ValueKind::numbers},
    {"overview.dram_bytes", ValueKind::numbers},
    {"overview.busy_pct", ValueKind::object},
    {"overview.busy_pct.<>", ValueKind::numbers},
    {"layers", ValueKind::list},
    {"nests", ValueKind::list},
    {"nests[].operations", ValueKind::texts},
    {"nests[].loops", ValueKind::texts},
    {"nests[].kept", ValueKind::texts},
    {"network_layers", ValueKind::list},
    {"idealisations", ValueKind::texts},
};

bool all_of_list(const Json& value, bool (Json::*is)() const noexcept) {
  if (!value.is_array()) return false;
  for (const Json& element : value) {
    if (!(element.*is)()) return false;
  }
  return true;
}

bool is_of_kind(const Json& value, ValueKind kind) {
  switch (kind) {
    case ValueKind::text: return value.is_string();
    case ValueKind::count:
      return value.is_number_integer() &&
             (value.is_number_unsigned() || value.get<std::int64_t>() >= 0);
    case ValueKind::number: return value.is_number();
    case ValueKind::numbers: return all_of_list(value, &Json::is_number);
    case ValueKind::texts: return all_of_list(value, &Json::is_string);
    case ValueKind::list: return value.is_array();
    case ValueKind::object: return value.is_object();
    case ValueKind::truth: return value.is_boolean();
  }
  return false;
}

const char* kind_name(ValueKind kind) {
  switch (kind) {
    case ValueKind::text: return "a text";
    case ValueKind::count: return "a whole number of at least 0";
    case ValueKind::number: return "a number";
    case ValueKind::numbers: return "a list of numbers";
    case ValueKind::texts: return "a list of texts";
    case ValueKind::list: return "a list";
    case ValueKind::object: return "an object";
    case ValueKind::truth: return "true or false";
  }
  return "";
}

constexpr int deepest = 32;  // levels of a result's JSON; ours has five

void require_shallow(const std::string& name, const Json& value, int depth) {
  if (depth > deepest) {
    throw workloads::InputError(
        fmt::format("{}: found more than {} levels; allowed: what spillway run --json FILE or plan "
                    "--json FILE writes",
                    name, deepest));
  }
  if (!value.is_structured()) return;
  for (const Json& inner : value) require_shallow(name, inner, depth + 1);
}

/// Looks for what is left of a path below a value whose own path is `at`.
void require_kind(const std::string& name, const Json& value, std::string_view rest,
                  const ExpectedKey& wanted, const std::string& at) {
  const auto refuse = [&](const std::string& found) {
    throw workloads::InputError(fmt::format("{}: {}: found {}; allowed: {}", name,
                                            workloads::printable(at, 120), found,
                                            kind_name(wanted.kind)));
  };
  if (rest.empty()) {
    if (!is_of_kind(value, wanted.kind))
      refuse(workloads::printable(value.dump(-1, ' ', false, Json::error_handler_t::replace)));
    return;
  }
  if (rest.starts_with("[]")) {
    if (!value.is_array()) return;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (!value[i].is_object()) {
        throw workloads::InputError(fmt::format("{}: {}[{}]: found {}; allowed: an object", name,
                                                at, i, workloads::printable(value[i].dump())));
      }
      require_kind(name, value[i], rest.substr(2), wanted, fmt::format("{}[{}]", at, i));
    }
    return;
  }
  if (rest.starts_with(".")) rest.remove_prefix(1);
  if (!value.is_object()) return;
  const std::size_t end = std::min(rest.find('.'), rest.find("[]"));
  const std::string key(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  const std::string below = at.empty() ? "" : at + ".";
  if (key == "<>") {
    for (const auto& [each, inner] : value.items()) {
      if (!inner.is_null()) require_kind(name, inner, rest, wanted, below + each);
    }
    return;
  }
  const auto found = value.find(key);
  if (found != value.end() && !found->is_null()) {
    return require_kind(name, *found, rest, wanted, below + key);
  }
  if (wanted.required && rest.empty()) {
    throw workloads::InputError(fmt::format("{}: {}{}: found nothing; allowed: {}", name, below,
                                            key, kind_name(wanted.kind)));
  }
}

}  // namespace

void require_result(const NamedResult& result) {
  require_shallow(result.name, result.result, 0);
  for (const ExpectedKey& wanted : expected_keys) {
    require_kind(result.name, result.result, wanted.path, wanted, "");
  }
}

}  // namespace spillway::analysis
