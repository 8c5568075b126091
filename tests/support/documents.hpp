// The Markdown documents of the repository, as tests read them: commands with what is shown below
// them, files that stand in them, headings, links and the keys that tables describe.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace spillway::test {

/// Paths from the repository's root: those in the root itself first, then docs/, then all others.
std::vector<std::string> documents();
/// Throws std::runtime_error when there is none of that path.
std::string document(const std::string& path);

/// A line "    ./spillway ARGUMENTS", and the blocks below it, up to the next command, that are
/// fenced and name no language: what the command prints, or a part of that.
struct ShownCommand {
  std::string line;  ///< without what comes before its arguments
  std::vector<std::string> arguments;
  std::vector<std::string> outputs;
};
/// In order; `./spillway test` is none.
std::vector<ShownCommand> shown_commands(const std::string& text);

/// Blocks of YAML.
std::vector<std::string> yaml_blocks(const std::string& text);

/// What links may name after "#", as GitHub makes it of headings.
std::set<std::string> anchors(const std::string& text);
/// Targets of links and pictures.
std::vector<std::string> links(const std::string& text);
/// Texts between backticks that are in no block.
std::vector<std::string> code_words(const std::string& text);

/// A section begins with its heading, "## run", and ends where the next heading stands.
/// Throws std::runtime_error when there is no such heading.
std::string section(const std::string& text, const std::string& heading);
/// The first cells of all tables of a text whose first heading is `key`, without backticks.
std::vector<std::string> first_cells(const std::string& text, const std::string& key);

}  // namespace spillway::test
