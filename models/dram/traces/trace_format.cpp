#include "models/dram/traces/trace_format.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::models::dram {

const std::vector<std::string>& trace_format_names() {
  static const std::vector<std::string> names{"dramsim3", "ramulator2", "dramsys",
                                              "dramsys-relative"};
  return names;
}

const std::vector<std::string>& written_format_names() {
  static const std::vector<std::string> names{"dramsim3", "ramulator2", "dramsys"};
  return names;
}

const std::string& format_name(TraceFormat format) {
  return trace_format_names()[static_cast<std::size_t>(format)];
}

TraceFormat trace_format(const std::string& given, const std::vector<std::string>& allowed) {
  std::string name = given;
  if (given == "ramulator") name = "ramulator2";
  if (given == "stl") name = "dramsys";
  if (given == "rstl") name = "dramsys-relative";
  const auto found = std::find(allowed.begin(), allowed.end(), name);
  if (found == allowed.end()) {
    throw workloads::InputError(fmt::format("trace format: found \"{}\"; allowed: {}{}",
                                            workloads::printable(given), workloads::joined(allowed),
                                            workloads::did_you_mean(given, allowed)));
  }
  const std::vector<std::string>& all = trace_format_names();
  return static_cast<TraceFormat>(std::find(all.begin(), all.end(), name) - all.begin());
}

std::string_view line_form(TraceFormat format) {
  switch (format) {
    case TraceFormat::dramsim3: return "0xADDRESS READ|WRITE CYCLE";
    case TraceFormat::ramulator2: return "LD|ST ADDRESS";
    default: return "CYCLE: [(BYTES)] read|write 0xADDRESS";
  }
}

}  // namespace spillway::models::dram
