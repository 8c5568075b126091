#include "analysis/formats/output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "workloads/support/error.hpp"
#include "workloads/support/file_use.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::analysis {

namespace fs = std::filesystem;
using workloads::InputError;

std::string grouped(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ' ';
    text += digits[i];
  }
  return text;
}

std::string readable_bytes(std::uint64_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string counted(std::uint64_t number, const std::string& what) {
  return grouped(number) + " " + what + (number == 1 ? "" : "s");
}

std::string millions(std::uint64_t number) {
  const std::uint64_t tenths = (number + 50'000) / 100'000;
  return fmt::format("{}.{}", grouped(tenths / 10), tenths % 10);
}

Table::Table(std::vector<std::string> header) {
  rows_.push_back(std::move(header));
  add_rule();
}

void Table::add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
void Table::add_rule() { rows_.emplace_back(); }

namespace {

bool is_number(const std::string& cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789 .,%+-/") == std::string::npos;
}

}  // namespace

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  std::vector<bool> right(rows_.front().size(), false);
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    for (std::size_t c = 0; c < rows_[r].size(); ++c) {
      widths[c] = std::max(widths[c], rows_[r][c].size());
      if (r > 0 && is_number(rows_[r][c])) right[c] = true;
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line = " ";
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const std::string cell = row.empty() ? std::string(widths[c], '-') : row[c];
      line += right[c] ? fmt::format(" {:>{}} ", cell, widths[c])
                       : fmt::format(" {:<{}} ", cell, widths[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

void require_writable(const fs::path& path) {
  if (path == "-") return;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  if (fs::is_directory(path, error)) {
    throw InputError(path.string() + ": is a folder; allowed: the name of a file to write");
  }
  if (fs::exists(path, error)) {
    // A regular file is replaced by a new one in its folder.
    const bool regular = fs::is_regular_file(path, error);
    const fs::path home = regular ? fs::canonical(path, error).parent_path() : path;
    if (access(path.c_str(), W_OK) == 0 && access(home.c_str(), W_OK) == 0) {
      // A pipe or a device may have somebody behind it, who would take an attempt for the end.
      if (regular) workloads::try_file(path);
      return;
    }
    throw InputError(path.string() +
                     ": cannot be written; allowed: a file that is writable, in such a folder");
  }
  if (!fs::is_directory(folder, error) || access(folder.c_str(), W_OK) != 0) {
    throw InputError(
        fmt::format("{}: cannot be written; allowed: a file in an existing folder "
                    "that is writable",
                    path.string()));
  }
  workloads::try_file(path);
}

void write_standard_output(const std::string& content) {
  const bool written = std::fwrite(content.data(), 1, content.size(), stdout) == content.size();
  if (!written || std::fflush(stdout) != 0) {
    throw workloads::Error("standard output could not be written");
  }
}

void write_file(const fs::path& given, const std::string& content) {
  if (given == "-") return write_standard_output(content);
  workloads::require_not_read(given);
  workloads::replace_file(given, content);
}

std::string csv_text(std::string text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  for (std::size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2) {
    text.insert(at, 1, '"');
  }
  return '"' + text + '"';
}

std::string shell_word(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '.' || c == '/' || c == '=' || c == ':' || c == '+';
  };
  if (!text.empty() && std::ranges::all_of(text, plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace spillway::analysis
