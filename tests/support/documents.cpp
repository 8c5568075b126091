#include "tests/support/documents.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <tuple>

namespace spillway::test {

namespace fs = std::filesystem;

namespace {

struct Line {
  std::string text;
  std::string block;  ///< of a fenced block, its language, "plain" without one; else empty
  bool fence = false;
};

std::vector<Line> lines_of(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream stream(text);
  std::string block;
  for (std::string line; std::getline(stream, line);) {
    const bool fence = line.starts_with("```");
    if (fence) block = !block.empty() ? "" : line.size() > 3 ? line.substr(3) : "plain";
    lines.push_back({line, block, fence});
  }
  return lines;
}

std::vector<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::vector<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) {
    found.push_back((*at)[1]);
  }
  return found;
}

/// The text without fenced and indented blocks.
std::string prose(const std::string& text) {
  std::string result;
  for (const Line& line : lines_of(text)) {
    if (line.block.empty() && !line.fence && !line.text.starts_with("    ")) {
      result += line.text + "\n";
    }
  }
  return result;
}

}  // namespace

std::vector<std::string> documents() {
  const fs::path root = SPILLWAY_SOURCE_DIR;
  std::vector<std::string> paths;
  for (fs::recursive_directory_iterator at(root), end; at != end; ++at) {
    const std::string name = at->path().filename().string();
    const bool ignored =
        name[0] == '.' || at->path() == root / "build" || at->path() == root / "data";
    if (at->is_directory() && ignored) {
      at.disable_recursion_pending();
    }
    if (at->path().extension() == ".md") paths.push_back(fs::relative(at->path(), root).string());
  }
  const auto rank = [](const std::string& path) {
    const int folder = path.find('/') == std::string::npos ? 0 : path.starts_with("docs/") ? 1 : 2;
    return std::tuple(folder, path != "README.md", path);
  };
  std::ranges::sort(paths, {}, rank);
  return paths;
}

std::string document(const std::string& path) {
  std::ifstream stream(fs::path(SPILLWAY_SOURCE_DIR) / path);
  if (!stream) throw std::runtime_error("no document " + path);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<ShownCommand> shown_commands(const std::string& text) {
  const std::string prefix = "    ./spillway ";
  std::vector<ShownCommand> commands;
  for (const Line& line : lines_of(text)) {
    if (line.block.empty() && line.text.starts_with(prefix)) {
      const std::string rest = line.text.substr(prefix.size());
      if (rest == "test") continue;
      std::istringstream words(rest);
      commands.push_back({rest, {}, {}});
      for (std::string word; words >> word;) commands.back().arguments.push_back(word);
    } else if (line.block == "plain" && !commands.empty()) {
      if (line.fence) commands.back().outputs.emplace_back();
      if (!line.fence) commands.back().outputs.back() += line.text + "\n";
    }
  }
  return commands;
}

std::vector<std::string> yaml_blocks(const std::string& text) {
  std::vector<std::string> blocks;
  for (const Line& line : lines_of(text)) {
    if (line.block != "yaml") continue;
    if (line.fence) blocks.emplace_back();
    if (!line.fence) blocks.back() += line.text + "\n";
  }
  return blocks;
}

std::set<std::string> anchors(const std::string& text) {
  std::set<std::string> result;
  for (const Line& line : lines_of(text)) {
    if (!line.block.empty() || !line.text.starts_with("#")) continue;
    std::string anchor;
    for (const char c : line.text.substr(line.text.find_first_not_of("# "))) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_') {
        anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      } else if (c == ' ') {
        anchor += '-';
      }
    }
    result.insert(anchor);
  }
  return result;
}

std::vector<std::string> links(const std::string& text) {
  static const std::regex link(R"(\]\(([^)\s]+)\))");
  return matches(prose(text), link);
}

std::vector<std::string> code_words(const std::string& text) {
  static const std::regex word("`([^`\n]+)`");
  return matches(prose(text), word);
}

std::string section(const std::string& text, const std::string& heading) {
  std::string result;
  bool inside = false, found = false;
  for (const Line& line : lines_of(text)) {
    if (line.block.empty() && line.text.starts_with("#")) inside = line.text == heading;
    found = found || inside;
    if (inside) result += line.text + "\n";
  }
  if (!found) throw std::runtime_error("no section " + heading);
  return result;
}

std::vector<std::string> first_cells(const std::string& text, const std::string& key) {
  static const std::regex cell(R"(^\| *(.*?) *\|)");
  std::vector<std::string> cells;
  bool inside = false;
  for (const Line& line : lines_of(text)) {
    std::smatch found;
    if (!line.block.empty() || !std::regex_search(line.text, found, cell)) {
      inside = false;
    } else if (found[1] == key) {
      inside = true;
    } else if (inside && found[1] != "---") {
      std::string name = found[1];
      std::erase(name, '`');
      cells.push_back(name);
    }
  }
  return cells;
}

}  // namespace spillway::test
