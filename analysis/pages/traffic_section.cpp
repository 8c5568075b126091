// Every word across the chip's border.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "analysis/formats/output.hpp"
#include "analysis/pages/charts.hpp"
#include "analysis/pages/html.hpp"
#include "analysis/pages/sections.hpp"

namespace spillway::analysis::pages {

namespace {

/// Kinds of tensors that share a colour.
struct KindGroup {
  const char* name;
  std::vector<std::string> kinds;
};
const std::vector<KindGroup>& kind_groups() {
  static const std::vector<KindGroup> groups{
      {"weights and biases", {"weights", "biases"}},
      {"activations", {"activations"}},
      {"errors", {"errors", "score_errors"}},
      {"gradients",
       {"weight_gradients", "bias_gradients", "norm_gradients", "classifier_gradients"}},
      {"optimizer state", {"optimizer_state"}},
      {"batch norm", {"norm_inputs", "norm_parameters", "norm_statistics"}},
      {"images and labels", {"input_images", "labels"}},
      {"others", {}}};
  return groups;
}

std::size_t group_of(const std::string& kind) {
  const std::vector<KindGroup>& groups = kind_groups();
  for (std::size_t i = 0; i + 1 < groups.size(); ++i) {
    if (std::ranges::find(groups[i].kinds, kind) != groups[i].kinds.end()) return i;
  }
  return groups.size() - 1;
}

std::string spaced(std::string text) {
  std::ranges::replace(text, '_', ' ');
  return text;
}

struct Ledger {
  std::string pointer, port;
  std::vector<LedgerRow> rows;
};

std::vector<std::string> tensors_of(const std::vector<LedgerRow>& rows) {
  std::vector<std::string> kinds;
  for (const LedgerRow& row : rows) {
    if (std::ranges::find(kinds, row.tensor) == kinds.end()) kinds.push_back(row.tensor);
  }
  std::ranges::stable_sort(kinds, {}, group_of);
  return kinds;
}

std::string directed(const std::string& direction) {
  return direction == "write" ? "written" : direction;
}

/// Of a layer, one bar for each direction.
std::vector<Bar> bars_of(const RunView& run, const Ledger& ledger) {
  std::vector<Bar> bars;
  const std::vector<std::string> kinds = tensors_of(ledger.rows);
  for (const std::string& layer : layers_of(run, ledger.rows)) {
    for (const char* direction : {"read", "write"}) {
      Bar bar{layer + ", " + directed(direction), "", {}};
      std::uint64_t all = 0;
      for (const std::string& kind : kinds) {
        const Sum sum = sum_of(run, ledger.pointer, ledger.rows,
                               {{"layer", layer}, {"tensor", kind}, {"direction", direction}});
        if (sum.words == 0) continue;
        all += sum.words;
        bar.segments.push_back({static_cast<double>(sum.words), colour_class(group_of(kind)),
                                fmt::format("{}, {} {}: {} words", layer, spaced(kind),
                                            directed(direction), grouped(sum.words)),
                                sum.attributes});
      }
      if (all == 0) continue;
      bar.note = short_number(static_cast<double>(all));
      bars.push_back(std::move(bar));
    }
  }
  return bars;
}

std::string legend_of(const std::vector<LedgerRow>& rows) {
  LegendEntries entries;
  const std::vector<KindGroup>& groups = kind_groups();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::string others;
    bool any = false;
    for (const std::string& kind : tensors_of(rows)) {
      if (group_of(kind) != i) continue;
      any = true;
      if (i + 1 == groups.size()) others += (others.empty() ? ": " : ", ") + spaced(kind);
    }
    if (any) entries.emplace_back(colour_class(i), groups[i].name + others);
  }
  return legend(entries);
}

/// Layer, phase and tensor: a line of the table, with its rows of the ledger.
struct TensorLine {
  const LedgerRow* first;
  std::vector<const LedgerRow*> read, written;
};

std::vector<TensorLine> lines_of(const std::vector<LedgerRow>& rows) {
  std::vector<TensorLine> lines;
  std::map<std::array<std::string, 3>, std::size_t> places;
  for (const LedgerRow& row : rows) {
    const auto [place, fresh] =
        places.emplace(std::array{row.layer, row.phase, row.tensor}, lines.size());
    if (fresh) lines.push_back({&row, {}, {}});
    TensorLine& line = lines[place->second];
    (row.direction == "write" ? line.written : line.read).push_back(&row);
  }
  return lines;
}

std::string words_cell(const RunView& run, const Ledger& ledger,
                       const std::vector<const LedgerRow*>& rows) {
  if (rows.empty()) return "<td class=\"n none\">-</td>";
  if (rows.size() == 1) return value_cell(run, rows[0]->pointer);
  const LedgerRow& row = *rows[0];
  const Sum sum = sum_of(run, ledger.pointer, ledger.rows,
                         {{"layer", row.layer},
                          {"phase", row.phase},
                          {"tensor", row.tensor},
                          {"direction", row.direction}});
  return number_cell(grouped(sum.words), sum.attributes);
}

std::string total_cell(const RunView& run, const Ledger& ledger, const std::string& direction) {
  const Sum sum = sum_of(run, ledger.pointer, ledger.rows, {{"direction", direction}});
  return number_cell(grouped(sum.words), sum.attributes);
}

std::string ledger_table(const RunView& run, const Ledger& ledger) {
  HtmlTable table(fmt::format("{}Words through the {} port", run.prefix(), ledger.port),
                  {"layer", "phase", "tensor", "#words read", "#words written"});
  for (const TensorLine& line : lines_of(ledger.rows)) {
    table.row(line.first->layer,
              {text_cell(line.first->phase), text_cell(spaced(line.first->tensor)),
               words_cell(run, ledger, line.read), words_cell(run, ledger, line.written)});
  }
  table.row("all",
            {text_cell(""), text_cell(""), total_cell(run, ledger, "read"),
             total_cell(run, ledger, "write")},
            "total");
  return table.text();
}

std::string idealised(const RunView& run) {
  HtmlTable table(run.prefix() + "Idealised items: words that the host carries",
                  {"item", "#words"});
  for (const std::string& item : run.keys_of("/idealised_words")) {
    table.row(item, {value_cell(run, "/idealised_words" + part(item))});
  }
  return table.empty() ? "" : fold("Idealised items", table.text());
}

}  // namespace

std::string traffic_section(const Runs& runs) {
  const std::array<std::pair<const char*, const char*>, 2> ports{
      {{"/ledger", "DRAM"}, {"/host_ledger", "host"}}};
  std::array<double, 2> most{};
  for (std::size_t port = 0; port < ports.size(); ++port) {
    for (const RunView& run : runs) {
      const Ledger ledger{ports[port].first, ports[port].second,
                          ledger_rows(run, ports[port].first)};
      most[port] = std::max(most[port], longest(bars_of(run, ledger)));
    }
  }
  std::string text;
  for (const RunView& run : runs) {
    if (runs.size() > 1) text += subheading(run.prefix() + run.name());
    for (std::size_t port = 0; port < ports.size(); ++port) {
      const Ledger ledger{ports[port].first, ports[port].second,
                          ledger_rows(run, ports[port].first)};
      const std::vector<Bar> bars = bars_of(run, ledger);
      if (bars.empty()) {
        text += missing(fmt::format("No words through the {} port.", ledger.port));
        continue;
      }
      const std::string caption = fmt::format(
          "{}Words through the {} port by layer{}", run.prefix(), ledger.port,
          port == 0 ? ""
                    : ": what is idealised, and takes no time unless the port has a bandwidth");
      const std::string content =
          figure(caption, bar_chart(caption, bars, common_scale(bars, most[port]), "words")) +
          legend_of(ledger.rows) +
          fold(fmt::format("Table of the {} port", ledger.port), ledger_table(run, ledger),
               port == 0 && runs.size() == 1 && ledger.rows.size() <= 60);
      text += port == 0 ? content : fold("Host port, what is idealised", content);
    }
    text += idealised(run);
  }
  return text;
}

}  // namespace spillway::analysis::pages
