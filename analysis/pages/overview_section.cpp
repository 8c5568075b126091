// Windows of the step: how full the buffer was, how busy the engines, how much the DRAM was asked.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/formats/output.hpp"
#include "analysis/pages/charts.hpp"
#include "analysis/pages/html.hpp"
#include "analysis/pages/sections.hpp"

namespace spillway::analysis::pages {

namespace {

constexpr std::size_t most_window_rows = 400;  // of the table

std::vector<double> numbers_at(const RunView& run, const std::string& pointer) {
  std::vector<double> numbers;
  const Json* list = run.find(pointer);
  if (list == nullptr) return numbers;
  for (const Json& number : *list) numbers.push_back(number.get<double>());
  return numbers;
}

std::string overview_chart(const RunView& run) {
  const double window_us = run.number_at("/overview/window_ns").value_or(0) * 1e-3;
  std::vector<Strip> strips;
  if (run.has("/overview/buffer_bytes")) {
    std::vector<double> bytes = numbers_at(run, "/overview/buffer_bytes");
    const double most = bytes.empty() ? 0 : std::ranges::max(bytes);
    strips.push_back({"buffer, most in use", "c5", std::move(bytes), most,
                      readable_bytes(static_cast<std::uint64_t>(std::clamp(most, 0.0, 1e18)))});
  }
  for (const std::string& engine : run.keys_of("/overview/busy_pct")) {
    strips.push_back({engine + " busy", "c1", numbers_at(run, "/overview/busy_pct" + part(engine)),
                      100, "100 %"});
  }
  if (run.has("/overview/dram_bytes")) {
    std::vector<double> bytes = numbers_at(run, "/overview/dram_bytes");
    const double most = bytes.empty() ? 0 : std::ranges::max(bytes);
    const std::string scale =
        window_us > 0 ? fmt::format("{} GB/s", shown(most / window_us * 1e-3)) : "";
    strips.push_back({"asked of the DRAM", "c2", std::move(bytes), most, scale});
  }
  const std::string caption = run.prefix() + "Windows of the step";
  const std::string caption_of_chart =
      caption + ": the buffer's most, shares of time, bytes asked of the DRAM";
  return figure(caption_of_chart,
                strip_chart(caption, strips, window_us, "µs from the begin of the step"));
}

std::string windows_table(const RunView& run) {
  std::vector<std::string> columns{"/overview/buffer_bytes"};
  std::vector<std::string> headings{"window", "#buffer, bytes"};
  for (const std::string& engine : run.keys_of("/overview/busy_pct")) {
    columns.push_back("/overview/busy_pct" + part(engine));
    headings.push_back("#" + engine + ", %");
  }
  columns.push_back("/overview/dram_bytes");
  headings.push_back("#asked of the DRAM, bytes");
  std::size_t windows = 0;
  for (const std::string& column : columns) windows = std::max(windows, run.size_of(column));
  if (windows > most_window_rows) {
    return missing(
        fmt::format("A table of {} windows is left out; the JSON has them.", grouped(windows)));
  }
  HtmlTable table(run.prefix() + "Windows, from 0", headings);
  for (std::size_t i = 0; i < windows; ++i) {
    std::vector<std::string> cells;
    for (const std::string& column : columns) cells.push_back(value_cell(run, column + part(i)));
    table.row(std::to_string(i), cells);
  }
  return fold("Table of windows", table.text());
}

}  // namespace

std::string overview_section(const Runs& runs) {
  std::string text;
  for (const RunView& run : runs) {
    if (runs.size() > 1) text += subheading(run.prefix() + run.name());
    if (!run.has("/overview")) {
      text += missing(run.is_plan() ? "A plan has no overview: nothing was simulated."
                                    : "Made without an overview.");
      if (run.has("/buffer/high_water_bytes")) {
        text += fmt::format("<p>Of the buffer's {} bytes {} {}.</p>\n",
                            value(run, "/buffer/capacity_bytes"),
                            value(run, "/buffer/high_water_bytes"),
                            run.is_plan() ? "are needed" : "were used at most");
      }
      continue;
    }
    text += fmt::format(
        "<p>Each window is {} ns long, so that what is shorter is not seen. The buffer's most is "
        "{} of {} bytes.</p>\n",
        value(run, "/overview/window_ns"), value(run, "/buffer/high_water_bytes"),
        value(run, "/buffer/capacity_bytes"));
    text += overview_chart(run) + windows_table(run);
  }
  return text;
}

}  // namespace spillway::analysis::pages
