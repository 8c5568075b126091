// The runs of other simulators, from their file.
#include "analysis/comparisons/dram_accuracy.hpp"
#include "analysis/comparisons/reference_file.hpp"

namespace spillway::analysis {

namespace {

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

std::filesystem::path reference_runs_file() { return reference_file("dram_reference.csv"); }

std::vector<ReferenceRun> read_reference_runs(const std::filesystem::path& path) {
  std::vector<ReferenceRun> runs;
  for (const CsvLine& fields : read_reference_lines(path, "a CSV file of reference runs")) {
    runs.push_back(
        {.simulator = fields.text("simulator"),
         .scheduler = fields.text("scheduler"),
         .device = lower_case(fields.text("device")),
         .mapping = fields.text("mapping"),
         .pattern = fields.text("trace"),
         .mib = static_cast<std::uint64_t>(fields.positive("total_MiB")),
         .time_ns = fields.positive("time_ns"),
         .bandwidth = fields.positive("bandwidth_GBps"),
         .activates = fields.number("activates"),
         .energy = fields.number("e_total_uJ"),
         .ranks = !fields.has("ranks") ? 1 : static_cast<std::uint32_t>(fields.positive("ranks"))});
  }
  return runs;
}

}  // namespace spillway::analysis
