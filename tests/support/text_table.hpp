// The tables that commands print, read back: so that a column can be compared with what the same
// command says in JSON or CSV.
#pragma once

#include <string>
#include <vector>

namespace spillway::test {

struct TextTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< without lines across

  bool has(const std::string& column) const;
  /// All cells below a heading. Throws std::runtime_error when there is no such column.
  std::vector<std::string> column(const std::string& heading) const;
};

/// Every table of a text, in order: a heading over a line of dashes, and the lines below whose
/// columns are where the dashes are.
std::vector<TextTable> text_tables(const std::string& text);

/// The one table whose header begins with these. Throws std::runtime_error when it is not one.
TextTable table_with(const std::vector<TextTable>& tables, const std::vector<std::string>& header);

/// The lines of a CSV without quoted fields, as a table.
TextTable csv_table(const std::string& text);

/// The number that a cell begins with: "5 868 000", "+1.25 %", "3.7 MiB".
double number_of(const std::string& cell);

/// Whether a cell shows `value`, rounded to the decimals that it has.
bool shows(const std::string& cell, double value);

}  // namespace spillway::test
