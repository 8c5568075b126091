#include "analysis/comparisons/reference_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>

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

}  // namespace

CsvLine::CsvLine(std::shared_ptr<const std::vector<std::string>> names, const std::string& line,
                 std::string where)
    : names_(std::move(names)), fields_(fields_of(line)), where_(std::move(where)) {
  if (fields_.size() == names_->size()) return;
  throw InputError(fmt::format("{}found {} fields; allowed: {}, as in the first line", where_,
                               fields_.size(), names_->size()));
}

bool CsvLine::has(const std::string& name) const {
  return std::find(names_->begin(), names_->end(), name) != names_->end();
}

const std::string& CsvLine::text(const std::string& name) const {
  const auto at = std::find(names_->begin(), names_->end(), name);
  if (at == names_->end()) {
    throw InputError(fmt::format("{}found no column {}; allowed: with it", where_, name));
  }
  return fields_[static_cast<std::size_t>(at - names_->begin())];
}

std::optional<double> CsvLine::number(const std::string& name) const {
  const std::string& field = text(name);
  if (field.empty()) return std::nullopt;
  double value = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (error == std::errc() && stop == end && value >= 0) return value;
  throw InputError(fmt::format("{}{}: found \"{}\"; allowed: a number", where_, name,
                               workloads::printable(field)));
}

double CsvLine::positive(const std::string& name) const {
  const std::optional<double> value = number(name);
  if (value && *value > 0) return *value;
  throw InputError(fmt::format("{}{}: found \"{}\"; allowed: a number above 0", where_, name,
                               workloads::printable(text(name))));
}

std::vector<CsvLine> read_reference_lines(const std::filesystem::path& path,
                                          const std::string& what) {
  workloads::will_read(path);
  std::ifstream stream(path);
  std::string line;
  if (!stream || !std::getline(stream, line)) {
    throw InputError(path.string() + ": cannot be read; allowed: " + what);
  }
  const auto names = std::make_shared<const std::vector<std::string>>(fields_of(line));
  std::vector<CsvLine> lines;
  for (int number = 2; std::getline(stream, line); ++number) {
    lines.emplace_back(names, line, fmt::format("{}:{}: ", path.string(), number));
  }
  return lines;
}

std::filesystem::path reference_file(const std::string& name) {
  return workloads::shared_folder() / "analysis" / "reference" / name;
}

}  // namespace spillway::analysis
