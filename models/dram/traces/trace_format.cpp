#include "models/dram/traces/trace_format.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::models::dram {

namespace {

constexpr TraceFormat written[] = {TraceFormat::dramsim3, TraceFormat::ramulator2,
                                   TraceFormat::dramsys};

}  // namespace

const std::vector<std::string>& trace_format_names() {
  static const std::vector<std::string> names = names_in(trace_formats);
  return names;
}

const std::vector<std::string>& written_format_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> some;
    for (const TraceFormat format : written) some.push_back(format_name(format));
    return some;
  }();
  return names;
}

std::string format_name(TraceFormat format) { return name_in(trace_formats, format); }

TraceFormat trace_format(const std::string& given, const std::vector<std::string>& allowed) {
  std::string name = given;
  if (given == "ramulator") name = "ramulator2";
  if (given == "stl") name = "dramsys";
  if (given == "rstl") name = "dramsys-relative";
  const std::optional<TraceFormat> format = value_in(trace_formats, name);
  if (!format || std::ranges::find(allowed, name) == allowed.end()) {
    throw workloads::InputError(fmt::format("trace format: found \"{}\"; allowed: {}{}",
                                            workloads::printable(given), workloads::joined(allowed),
                                            workloads::did_you_mean(given, allowed)));
  }
  return *format;
}

std::string_view line_form(TraceFormat format) {
  switch (format) {
    case TraceFormat::dramsim3: return "0xADDRESS READ|WRITE CYCLE";
    case TraceFormat::ramulator2: return "LD|ST ADDRESS";
    default: return "CYCLE: [(BYTES)] read|write 0xADDRESS";
  }
}

}  // namespace spillway::models::dram
