// Text tables, and files that are never half written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace spillway::analysis {

/// "5868000" as "5 868 000".
std::string grouped(std::uint64_t number);
/// Bytes as "4.2 MiB", "512 B" …
std::string readable_bytes(std::uint64_t bytes);
/// "1 epoch", "5 868 epochs".
std::string counted(std::uint64_t number, const std::string& what);
/// A number of millions with one decimal, "756.8".
std::string millions(std::uint64_t number);

/// A table with aligned columns: text to the left, numbers to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> header);
  void add(std::vector<std::string> row);
  void add_rule();  ///< a line across
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // an empty row is a rule
};

/// Throws InputError when `path` cannot be written to, by an attempt that leaves no trace: called
/// before anything is simulated.
void require_writable(const std::filesystem::path& path);

/// Throws Error when it cannot take all of it.
void write_standard_output(const std::string& content);

/// A field of a CSV file, quoted where it must be.
std::string csv_text(std::string text);

/// One word of a shell's command, quoted where it must be.
std::string shell_word(const std::string& text);

/// A whole file at once (workloads/support/whole_file.hpp); "-" is standard output.
void write_file(const std::filesystem::path& path, const std::string& content);

}  // namespace spillway::analysis
