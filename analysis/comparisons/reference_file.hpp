// CSV files of figures that others have published or measured (analysis/reference).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace spillway::analysis {

/// A line of a file with the names of its columns. Throws InputError with file:line.
class CsvLine {
 public:
  CsvLine(std::shared_ptr<const std::vector<std::string>> names, const std::string& line,
          std::string where);

  bool has(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  /// Nothing when the field is empty.
  std::optional<double> number(const std::string& name) const;
  double positive(const std::string& name) const;

 private:
  std::shared_ptr<const std::vector<std::string>> names_;
  std::vector<std::string> fields_;
  std::string where_;
};

/// The lines of a file below its first, which names the columns. `what` is what it should be: "a
/// CSV file of reference runs". Throws InputError.
std::vector<CsvLine> read_reference_lines(const std::filesystem::path& path,
                                          const std::string& what);
/// A shipped file of analysis/reference.
std::filesystem::path reference_file(const std::string& name);

}  // namespace spillway::analysis
