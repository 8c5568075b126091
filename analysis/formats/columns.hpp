// A report's columns, declared once: what each is called and how it is printed as text, as CSV and
// as JSON.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"

namespace spillway::analysis {

/// Where a format has no name, the column is not in it.
struct ColumnNames {
  std::string text, csv, json;
};

template <class Row>
struct Column {
  ColumnNames names;
  /// Of a row; null where it has none. In JSON as it is, left out when null. In text a word as it
  /// is, an integer in groups of three, "-" for null; in CSV nothing for null.
  std::function<Json(const Row&)> value;
  /// Other than that: units that differ, and how many digits of what is no integer.
  std::function<std::string(const Row&)> in_text{}, in_csv{};
  bool json_last = false;  ///< after the others
  bool json_null = false;  ///< null where a row has none, not left out
  bool unnamed = false;    ///< in text under an empty name

  bool has_text() const { return unnamed || !names.text.empty(); }
};

template <class Row>
using Columns = std::vector<Column<Row>>;

/// How a value is printed where its column does not say.
std::string text_of(const Json& value);
std::string csv_of(const Json& value);

template <class Row>
std::vector<std::string> text_header(const Columns<Row>& columns) {
  std::vector<std::string> header;
  for (const Column<Row>& column : columns) {
    if (column.has_text()) header.push_back(column.names.text);
  }
  return header;
}

template <class Row>
std::vector<std::string> text_cells(const Columns<Row>& columns, const Row& row) {
  std::vector<std::string> cells;
  for (const Column<Row>& column : columns) {
    if (!column.has_text()) continue;
    cells.push_back(column.in_text ? column.in_text(row) : text_of(column.value(row)));
  }
  return cells;
}

/// The whole table.
template <class Row>
Table text_table(const Columns<Row>& columns, const std::vector<Row>& rows) {
  Table table(text_header(columns));
  for (const Row& row : rows) table.add(text_cells(columns, row));
  return table;
}

/// One row as lines: each column's name, to a width, and its value.
template <class Row>
std::string text_lines(const Columns<Row>& columns, const Row& row, std::size_t width,
                       std::size_t value_width = 0) {
  const std::vector<std::string> names = text_header(columns), cells = text_cells(columns, row);
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += fmt::format("  {:<{}} {:>{}}\n", names[i], width, cells[i], value_width);
  }
  return text;
}

/// "a,b,c", without the end of the line.
template <class Row>
std::string csv_header(const Columns<Row>& columns) {
  std::string line;
  for (const Column<Row>& column : columns) {
    if (column.names.csv.empty()) continue;
    line += (line.empty() ? "" : ",") + column.names.csv;
  }
  return line;
}

template <class Row>
std::string csv_line(const Columns<Row>& columns, const Row& row) {
  std::string line;
  bool first = true;
  for (const Column<Row>& column : columns) {
    if (column.names.csv.empty()) continue;
    if (!std::exchange(first, false)) line += ',';
    line += column.in_csv ? column.in_csv(row) : csv_of(column.value(row));
  }
  return line;
}

/// The whole file.
template <class Row>
std::string csv_file(const Columns<Row>& columns, const std::vector<Row>& rows) {
  std::string text = csv_header(columns) + "\n";
  for (const Row& row : rows) text += csv_line(columns, row) + "\n";
  return text;
}

/// Adds a row's keys to an object.
template <class Row>
void add_json(Json& json, const Columns<Row>& columns, const Row& row) {
  for (const bool last : {false, true}) {
    for (const Column<Row>& column : columns) {
      if (column.names.json.empty() || column.json_last != last) continue;
      Json value = column.value(row);
      if (!value.is_null() || column.json_null) json[column.names.json] = std::move(value);
    }
  }
}

template <class Row>
Json json_row(const Columns<Row>& columns, const Row& row) {
  Json json = Json::object();
  add_json(json, columns, row);
  return json;
}

/// A list of all rows.
template <class Row>
Json json_rows(const Columns<Row>& columns, const std::vector<Row>& rows) {
  Json json = Json::array();
  for (const Row& row : rows) json.push_back(json_row(columns, row));
  return json;
}

}  // namespace spillway::analysis
