#include "tests/support/include_rules.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace spillway::tests {
namespace {

/// In the order in which they may include each other: each sees itself and what stands before it.
constexpr std::array<std::string_view, 5> folders{"workloads", "models", "sim", "analysis",
                                                  "tests"};

/// Position in `folders` of the folder that `path` starts with.
std::optional<std::size_t> folder_of(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto found = std::find(folders.begin(), folders.end(), path.substr(0, slash));
  if (found == folders.end()) return std::nullopt;
  return static_cast<std::size_t>(found - folders.begin());
}

/// Folders whose own folders, called rooms here, follow the same rule.
struct Rooms {
  std::string_view of;
  std::vector<std::string_view> names;
};
const std::array<Rooms, 2>& all_rooms() {
  static const std::array<Rooms, 2> rooms{{
      {"sim/plan/",
       {"operations", "lifetimes", "mapping", "fusion", "allocation", "residency", "emission",
        "estimate", "policies", "reports"}},
      {"analysis/",
       {"formats", "closed_forms", "reports", "figures", "studies", "sweeps", "comparisons",
        "pages", "benchmarks", "commands"}},
  }};
  return rooms;
}

/// Position among `rooms` of the room that `path` lies in; nothing where it lies in none. The files
/// beside the planner's rooms come after those that they are made of: a schedule after the
/// mappings, and the plan after all but the reports. All of analysis/ lies in rooms.
std::optional<std::size_t> room_of(const Rooms& rooms, std::string_view path) {
  if (!path.starts_with(rooms.of)) return std::nullopt;
  path.remove_prefix(rooms.of.size());
  const auto at = [&](std::string_view room) {
    return static_cast<std::size_t>(std::ranges::find(rooms.names, room) - rooms.names.begin());
  };
  const std::size_t slash = path.find('/');
  if (slash != std::string_view::npos) return at(path.substr(0, slash));
  if (rooms.of == "analysis/") return rooms.names.size();
  const std::string_view stem = path.substr(0, path.find('.'));
  if (stem == "schedule_task" || stem == "limits" || stem == "counted_words")
    return at("operations");
  return at(stem == "schedule" ? "mapping" : "policies");
}

bool is_systemc(std::string_view name) {
  static const std::set<std::string_view> headers{"systemc", "systemc.h", "tlm", "tlm.h"};
  if (headers.contains(name)) return true;
  return name.starts_with("sysc/") || name.starts_with("tlm_core/") ||
         name.starts_with("tlm_utils/");
}

bool may_use_systemc(std::string_view path) {
  return path.starts_with("models/") || path.starts_with("tests/models/");
}

std::string_view without_leading_blanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

/// What follows `#include` on a line, or nothing when the line is no include.
std::optional<std::string_view> include_operand(std::string_view line) {
  line = without_leading_blanks(line);
  if (!line.starts_with('#')) return std::nullopt;
  line = without_leading_blanks(line.substr(1));
  if (!line.starts_with("include")) return std::nullopt;
  line.remove_prefix(std::string_view("include").size());
  const std::string_view operand = without_leading_blanks(line);
  const bool is_name = operand.starts_with('"') || operand.starts_with('<');
  const bool is_other_directive = operand.size() == line.size() && !is_name;  // include_next …
  if (is_other_directive) return std::nullopt;
  return operand;
}

/// The complaint about one include of the file `path`, or "".
std::string complaint(std::string_view path, std::string_view operand) {
  const bool quoted = operand.starts_with('"');
  const std::size_t end = operand.find(quoted ? '"' : '>', 1);
  if ((!quoted && !operand.starts_with('<')) || end == std::string_view::npos) {
    return "an include must name its file";
  }
  const std::string_view name = operand.substr(1, end - 1);
  const std::string shown(operand.substr(0, end + 1));

  if (is_systemc(name) && !may_use_systemc(path)) return shown + " belongs in models/ alone";
  const std::optional<std::size_t> target = folder_of(name);
  if (quoted && (!target || name.find("./") != std::string_view::npos)) {
    return shown + " must be a path from the root, or stand in angle brackets";
  }
  if (!target) return "";
  const std::optional<std::size_t> source = folder_of(path);
  if (source && *target > *source) {
    return shown + " points the wrong way: " + std::string(folders[*source]) +
           " must not know of " + std::string(folders[*target]);
  }
  for (const Rooms& rooms : all_rooms()) {
    const std::optional<std::size_t> room = room_of(rooms, path), wanted = room_of(rooms, name);
    if (room == rooms.names.size() || wanted == rooms.names.size()) {
      return shown + ": no room of " + std::string(rooms.of) + " has this name";
    }
    if (room && wanted && *wanted > *room) {
      return shown + " points the wrong way: " + std::string(rooms.names[*room]) +
             " must not know of " + std::string(rooms.names[*wanted]);
    }
  }
  return "";
}

bool is_source(const std::filesystem::path& path) {
  static const std::set<std::filesystem::path> extensions{".cpp", ".hpp", ".h", ".cc", ".ipp"};
  return extensions.contains(path.extension());
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

}  // namespace

std::vector<std::string> include_violations(const std::map<std::string, std::string>& files) {
  std::vector<std::string> violations;
  for (const auto& [path, text] : files) {
    std::istringstream lines(text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      const std::optional<std::string_view> operand = include_operand(line);
      if (!operand) continue;
      const std::string found = complaint(path, *operand);
      if (!found.empty()) {
        std::ostringstream violation;
        violation << path << ':' << number << ": " << found;
        violations.push_back(violation.str());
      }
    }
  }
  return violations;
}

std::map<std::string, std::string> read_sources(const std::filesystem::path& root) {
  std::map<std::string, std::string> files;
  for (const std::string_view folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      files[entry.path().lexically_relative(root).generic_string()] = read_text(entry.path());
    }
  }
  return files;
}

}  // namespace spillway::tests
