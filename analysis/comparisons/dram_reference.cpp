// The runs of other simulators, from their file.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "analysis/comparisons/dram_accuracy.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_use.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

using workloads::InputError;

namespace {

/// The fields of a line of CSV; quoted ones may hold commas.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

/// A line of the file with the names of its columns.
class CsvLine {
 public:
  CsvLine(const std::vector<std::string>& names, const std::string& line, std::string where)
      : names_(names), fields_(fields_of(line)), where_(std::move(where)) {
    if (fields_.size() == names_.size()) return;
    throw InputError(fmt::format("{}found {} fields; allowed: {}, as in the first line", where_,
                                 fields_.size(), names_.size()));
  }

  bool has(const std::string& name) const {
    return std::find(names_.begin(), names_.end(), name) != names_.end();
  }

  const std::string& text(const std::string& name) const {
    const auto at = std::find(names_.begin(), names_.end(), name);
    if (at == names_.end()) {
      throw InputError(fmt::format("{}found no column {}; allowed: with it", where_, name));
    }
    return fields_[static_cast<std::size_t>(at - names_.begin())];
  }

  /// Nothing when the field is empty.
  std::optional<double> number(const std::string& name) const {
    const std::string& field = text(name);
    if (field.empty()) return std::nullopt;
    double value = 0;
    const char* const end = field.data() + field.size();
    const auto [stop, error] = std::from_chars(field.data(), end, value);
    if (error == std::errc() && stop == end && value >= 0) return value;
    throw InputError(fmt::format("{}{}: found \"{}\"; allowed: a number", where_, name,
                                 workloads::printable(field)));
  }

  double positive(const std::string& name) const {
    const std::optional<double> value = number(name);
    if (value && *value > 0) return *value;
    throw InputError(fmt::format("{}{}: found \"{}\"; allowed: a number above 0", where_, name,
                                 workloads::printable(text(name))));
  }

 private:
  const std::vector<std::string>& names_;
  std::vector<std::string> fields_;
  std::string where_;
};

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

std::filesystem::path reference_runs_file() {
  return workloads::shared_folder() / "analysis" / "reference" / "dram_reference.csv";
}

std::vector<ReferenceRun> read_reference_runs(const std::filesystem::path& path) {
  workloads::will_read(path);
  std::ifstream stream(path);
  std::string line;
  if (!stream || !std::getline(stream, line)) {
    throw InputError(path.string() + ": cannot be read; allowed: a CSV file of reference runs");
  }
  const std::vector<std::string> names = fields_of(line);
  std::vector<ReferenceRun> runs;
  for (int number = 2; std::getline(stream, line); ++number) {
    const CsvLine fields(names, line, fmt::format("{}:{}: ", path.string(), number));
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
