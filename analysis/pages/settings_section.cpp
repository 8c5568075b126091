// What each result was made with: its schedule, its settings, the sources of its constants.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/pages/html.hpp"
#include "analysis/pages/sections.hpp"
#include "analysis/reports/settings_json.hpp"

namespace spillway::analysis::pages {

namespace {

/// Pointers to the single values below one, lists of single values among them.
void add_leaves(const RunView& run, const std::string& at, std::vector<std::string>& leaves) {
  const std::vector<std::string> keys = run.keys_of(at);
  for (const std::string& key : keys) add_leaves(run, at + part(key), leaves);
  const bool known = std::ranges::find(leaves, at) != leaves.end();
  if (keys.empty() && run.has(at) && !known) leaves.push_back(at);
}

/// A pointer as it is written in documents.
std::string dotted(const std::string& pointer) {
  std::string text = pointer.substr(1);
  std::ranges::replace(text, '/', '.');
  return text;
}

std::string settings_table(const Runs& runs) {
  std::vector<std::string> leaves{"/version"};
  for (const std::string& key : setting_keys()) {
    if (key == "network_layers") continue;
    for (const RunView& run : runs) add_leaves(run, part(key), leaves);
  }
  std::vector<std::string> headings{"key"};
  for (const RunView& run : runs) {
    headings.push_back(runs.size() == 1 ? "value" : run.prefix() + run.name());
  }
  HtmlTable table("All settings", headings);
  for (const std::string& leaf : leaves) {
    std::vector<std::string> cells;
    for (const RunView& run : runs) {
      const Json* found = run.find(leaf);
      const char* kind = found == nullptr ? "none" : found->is_number() ? "v" : "prose";
      cells.push_back(fmt::format("<td class=\"{}\"{}>{}</td>", kind, place(run, leaf),
                                  found == nullptr ? "-" : escaped(shown(*found))));
    }
    table.row(dotted(leaf), cells);
  }
  return table.text();
}

/// Objects of a list, a column for each key that any of them has; the first one heads the row.
std::string objects_table(const RunView& run, const std::string& list, const std::string& caption) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < run.size_of(list); ++i) {
    for (const std::string& key : run.keys_of(list + part(i))) {
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    }
  }
  if (keys.empty()) return "";
  std::vector<std::string> headings;
  for (const std::string& key : keys) {
    std::string name = key;
    std::ranges::replace(name, '_', ' ');
    const Json* first = run.find(list + "/0" + part(key));
    headings.push_back((first != nullptr && first->is_number() ? "#" : "") + name);
  }
  HtmlTable table(run.prefix() + caption, headings);
  for (std::size_t i = 0; i < run.size_of(list); ++i) {
    const std::string at = list + part(i);
    std::vector<std::string> cells;
    for (std::size_t k = 1; k < keys.size(); ++k) {
      cells.push_back(value_cell(run, at + part(keys[k])));
    }
    const Json* name = run.find(at + part(keys[0]));
    table.row(name == nullptr ? "-" : shown(*name), cells);
  }
  return table.text();
}

std::string nests_table(const RunView& run) {
  HtmlTable table(run.prefix() + "Loop nests in their order",
                  {"nest", "operations", "loops, outermost first", "kept in the buffer",
                   "#DRAM words", "#each word once"});
  for (std::size_t i = 0; i < run.size_of("/nests"); ++i) {
    const std::string at = "/nests" + part(i);
    const auto list = [&](const char* key, const char* none) {
      const std::string pointer = at + key;
      const Json* found = run.find(pointer);
      return fmt::format("<td class=\"prose\"{}>{}</td>", place(run, pointer),
                         found == nullptr || found->empty() ? none : escaped(shown(*found)));
    };
    table.row(std::to_string(i + 1),
              {list("/operations", "none"), list("/loops", "whole tensors"), list("/kept", "none"),
               value_cell(run, at + "/dram_words"), value_cell(run, at + "/each_word_once")});
  }
  return table.text();
}

}  // namespace

std::string schedule_section(const Runs& runs) {
  std::string text;
  for (const RunView& run : runs) {
    if (runs.size() > 1) text += subheading(run.prefix() + run.name());
    const bool nests = run.size_of("/nests") > 0, layers = run.size_of("/layers") > 0;
    if (layers) text += objects_table(run, "/layers", "Words of each layer beside lower bounds");
    if (nests) {
      text += fold(fmt::format("Table of {} loop nests", run.size_of("/nests")), nests_table(run),
                   runs.size() == 1 && run.size_of("/nests") <= 30);
    } else {
      text += missing(run.is_plan() ? "This plan has no loop nests."
                                    : "The JSON of a run has no schedule. That of spillway plan "
                                      "--json FILE has, and is taken by this page, too.");
    }
  }
  return text;
}

std::string settings_section(const Runs& runs) {
  std::string text = settings_table(runs);
  for (const RunView& run : runs) {
    text += fold(run.prefix() + "Layers of the network",
                 objects_table(run, "/network_layers", "Layers of the network"));
  }
  for (const RunView& run : runs) {
    const std::string constants =
        objects_table(run, "/energy/constants", "Constants of the technology and their sources");
    if (!constants.empty()) text += fold(run.prefix() + "Constants and their sources", constants);
  }
  return text;
}

}  // namespace spillway::analysis::pages
