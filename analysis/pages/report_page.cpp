// The frame of a page of results.
#include "analysis/pages/report_page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/pages/html.hpp"
#include "analysis/pages/page_style.hpp"
#include "analysis/pages/sections.hpp"

namespace spillway::analysis {

namespace pages {

std::string colour_class(std::size_t number) { return fmt::format("c{}", number % 8 + 1); }

namespace {

struct PageSection {
  const char *anchor, *title;
  std::string (*content)(const Runs&);
};
constexpr PageSection page_sections[]{
    {"summary", "Summary", summary_section},
    {"costs", "Costs", cost_section},
    {"traffic", "Traffic by layer, phase and tensor", traffic_section},
    {"time", "Time", time_section},
    {"roofline", "Roofline", roofline_section},
    {"energy", "Energy and area", energy_section},
    {"over-time", "Buffer, engines and DRAM over time", overview_section},
    {"schedule", "Schedule", schedule_section},
    {"settings", "Settings", settings_section},
};

std::string title_of(const Runs& runs) {
  std::vector<std::string> names;
  for (const RunView& run : runs) {
    const std::string name = run.text_at("/experiment");
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  std::string title = runs.size() == 1 ? "" : fmt::format("{} results: ", runs.size());
  for (std::size_t i = 0; i < names.size(); ++i) title += (i == 0 ? "" : ", ") + names[i];
  return title;
}

std::string page_of(const Runs& runs) {
  std::string links, content;
  for (const PageSection& section : page_sections) {
    links += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.anchor, section.title);
    content += fmt::format(
        "<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}"
        "</section>\n",
        section.anchor, section.title, section.content(runs));
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{0} - Spillway</title>\n<link rel=\"icon\" href=\"data:,\"/>\n<style>{1}</style>\n"
      "</head>\n<body>\n<a class=\"skip\" href=\"#summary\">To the summary</a>\n<header>\n"
      "<h1>{0}</h1>\n<nav aria-label=\"Sections\"><ul>\n{2}</ul></nav>\n</header>\n<main>\n{3}"
      "</main>\n<footer>\n<p>Words are of 4 bytes. Useful MACs leave out taps on padding. Numbers "
      "are rounded here; each has its exact value in the result's JSON.</p>\n</footer>\n</body>\n"
      "</html>\n",
      escaped(title_of(runs)), page_css, links, content);
}

}  // namespace

}  // namespace pages

std::string report_page(const std::vector<NamedResult>& results) {
  pages::Runs runs;
  for (const NamedResult& result : results) {
    runs.emplace_back(result, runs.size(), results.size() == 1);
  }
  return pages::page_of(runs);
}

}  // namespace spillway::analysis
