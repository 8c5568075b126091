#include "tests/support/text_table.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

namespace spillway::test {

namespace {

struct Span {
  std::size_t begin, end;
};

/// The columns that a line of dashes draws; none when it is no such line.
std::vector<Span> spans_of(const std::string& line) {
  if (line.find_first_not_of(" -") != std::string::npos) return {};
  std::vector<Span> spans;
  for (std::size_t at = line.find('-'); at != std::string::npos;) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    spans.push_back({at, end});
    at = line.find('-', end);
  }
  return spans;
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

/// A line cut where the columns are; nothing when text stands between them.
std::vector<std::string> cells_of(const std::string& line, const std::vector<Span>& spans) {
  std::vector<std::string> cells;
  std::size_t done = 0;
  for (const Span& span : spans) {
    const std::size_t begin = std::min(span.begin, line.size()),
                      end = std::min(span.end, line.size());
    if (!trimmed(line.substr(done, begin - done)).empty()) return {};
    cells.push_back(trimmed(line.substr(begin, end - begin)));
    done = end;
  }
  return trimmed(line.substr(done)).empty() ? cells : std::vector<std::string>{};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

bool TextTable::has(const std::string& column) const {
  return std::ranges::count(header, column) != 0;
}

std::vector<std::string> TextTable::column(const std::string& heading) const {
  const auto found = std::ranges::find(header, heading);
  if (found == header.end()) throw std::runtime_error("no column \"" + heading + "\"");
  std::vector<std::string> cells;
  for (const auto& row : rows) {
    cells.push_back(row.at(static_cast<std::size_t>(found - header.begin())));
  }
  return cells;
}

std::vector<TextTable> text_tables(const std::string& text) {
  const std::vector<std::string> lines = lines_of(text);
  std::vector<TextTable> tables;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::vector<Span> spans = spans_of(lines[i]);
    if (spans.empty()) continue;
    TextTable table{cells_of(lines[i - 1], spans), {}};
    if (table.header.empty()) throw std::runtime_error("no heading over: " + lines[i]);
    for (++i; i < lines.size() && !lines[i].empty(); ++i) {
      if (!spans_of(lines[i]).empty()) continue;
      const std::vector<std::string> cells = cells_of(lines[i], spans);
      if (cells.empty()) break;
      table.rows.push_back(cells);
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

TextTable table_with(const std::vector<TextTable>& tables, const std::vector<std::string>& header) {
  const TextTable* found = nullptr;
  for (const TextTable& table : tables) {
    const bool begins = table.header.size() >= header.size() &&
                        std::equal(header.begin(), header.end(), table.header.begin());
    if (!begins) continue;
    if (found != nullptr) throw std::runtime_error("two tables begin with " + header.front());
    found = &table;
  }
  if (found == nullptr) throw std::runtime_error("no table begins with " + header.front());
  return *found;
}

TextTable csv_table(const std::string& text) {
  const auto fields = [](const std::string& line) {
    std::vector<std::string> cells{""};
    for (const char c : line) {
      if (c == ',') {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    return cells;
  };
  TextTable table;
  for (const std::string& line : lines_of(text)) {
    if (table.header.empty()) {
      table.header = fields(line);
    } else {
      table.rows.push_back(fields(line));
    }
  }
  return table;
}

double number_of(const std::string& cell) {
  std::string digits;
  for (const char c : cell) {
    if (c == ' ') continue;
    if (std::string("0123456789.+-").find(c) == std::string::npos) break;
    digits += c;
  }
  return std::stod(digits);
}

bool shows(const std::string& cell, double value) {
  const std::size_t point = cell.find('.');
  const std::size_t end = std::min(cell.find_first_not_of("0123456789", point + 1), cell.size());
  const double decimals = point == std::string::npos ? 0 : static_cast<double>(end - point - 1);
  const double half = 0.5 * std::pow(10.0, -decimals);
  // A value half-way between two cells is shown by either.
  return std::abs(number_of(cell) - value) <= half * (1 + 1e-6) + 1e-12 * std::abs(value);
}

}  // namespace spillway::test
