// Energy and area by part of the device, and energy by layer.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analysis/pages/charts.hpp"
#include "analysis/pages/html.hpp"
#include "analysis/pages/sections.hpp"

namespace spillway::analysis::pages {

namespace {

constexpr double uj = 1e-6;  // of a pJ

std::string part_name(std::string key) {
  for (const char* end : {"_pJ", "_mm2"}) {
    if (key.ends_with(end)) key.resize(key.size() - std::string(end).size());
  }
  std::ranges::replace(key, '_', ' ');
  if (key.starts_with("dram")) key.replace(0, 4, "DRAM");
  if (key == "macs") return "MACs";
  if (key.starts_with("prng")) key.replace(0, 4, "PRNG");
  return key;
}

/// Parts in one colour: all of the DRAM's chips, and each other part.
struct PartColour {
  const char *part, *name;
};
constexpr PartColour part_colours[]{{"dram_activate", "DRAM chips"},
                                    {"dram_interface", "DRAM interface"},
                                    {"buffer", "buffer"},
                                    {"macs", "MACs"},
                                    {"vector_unit", "vector unit"},
                                    {"prng_unit", "PRNG unit"},
                                    {"static_power", "static power"}};
constexpr std::size_t part_colour_count = std::size(part_colours);

std::size_t colour_of(const std::string& key) {
  for (std::size_t i = 1; i < part_colour_count; ++i) {
    if (key == part_colours[i].part) return i;
  }
  return key.starts_with("dram") ? 0 : part_colour_count;
}

std::string parts_table(const RunView& run, const std::string& at, const std::string& total,
                        const std::string& caption) {
  const double all = run.number_at(total).value_or(0);
  HtmlTable table(run.prefix() + caption, {"part", "#energy, µJ", "#share"});
  const auto add = [&](const std::string& name, const std::string& pointer,
                       const std::string& kind) {
    const auto energy = run.number_at(pointer);
    table.row(name,
              {value_cell(run, pointer, uj),
               number_cell(energy && all > 0 ? percent(*energy / all) : "-")},
              kind);
  };
  for (const std::string& key : run.keys_of(at)) {
    if (at + part(key) != total) add(part_name(key), at + part(key), "");
  }
  add("total", total, "total");
  return table.text();
}

std::vector<std::string> layers_with_energy(const RunView& run) {
  std::vector<std::string> layers;
  for (std::size_t i = 0; i < run.size_of("/energy/by_layer"); ++i) {
    const std::string layer = run.text_at("/energy/by_layer" + part(i) + "/layer");
    if (std::ranges::find(layers, layer) == layers.end()) layers.push_back(layer);
  }
  return layers;
}

struct LayerBars {
  std::vector<Bar> bars;
  std::array<bool, part_colour_count + 1> used{};  ///< colours
};

const char* colour_name(std::size_t colour) {
  return colour < part_colour_count ? part_colours[colour].name : "others";
}

LayerBars layer_bars(const RunView& run) {
  LayerBars result;
  for (const std::string& layer : layers_with_energy(run)) {
    std::array<double, part_colour_count + 1> sums{};
    for (std::size_t i = 0; i < run.size_of("/energy/by_layer"); ++i) {
      const std::string at = "/energy/by_layer" + part(i);
      if (run.text_at(at + "/layer") != layer) continue;
      for (std::string key : run.keys_of(at)) {
        const auto energy = run.number_at(at + part(key));
        if (!energy || !key.ends_with("_pJ") || key == "total_pJ") continue;
        key.resize(key.size() - 3);
        sums[colour_of(key)] += *energy * uj;
      }
    }
    Bar bar{layer, "", {}};
    double all = 0;
    for (std::size_t c = 0; c < sums.size(); ++c) {
      if (sums[c] <= 0) continue;
      result.used[c] = true;
      all += sums[c];
      bar.segments.push_back({sums[c], colour_class(c),
                              fmt::format("{}, {}: {} µJ", layer, colour_name(c), shown(sums[c])),
                              ""});
    }
    bar.note = shown(all);
    result.bars.push_back(std::move(bar));
  }
  return result;
}

std::string layers_chart(const RunView& run, double most) {
  const LayerBars layers = layer_bars(run);
  LegendEntries entries;
  for (std::size_t c = 0; c < layers.used.size(); ++c) {
    if (layers.used[c]) entries.emplace_back(colour_class(c), colour_name(c));
  }
  const std::string caption = run.prefix() + "Energy by layer, all phases";
  const double scale = common_scale(layers.bars, most);
  return figure(caption, bar_chart(caption, layers.bars, scale, "µJ")) + legend(entries);
}

/// A list of objects as it stands, keys as columns.
std::string list_table(const RunView& run, const std::string& list, const std::string& caption,
                       double pj_scale) {
  const std::vector<std::string> keys = run.keys_of(list + part(std::size_t{0}));
  std::vector<std::string> headings;
  for (const std::string& key : keys) {
    const bool energy = key == "pJ" || key.ends_with("_pJ");
    const Json* first = run.find(list + "/0" + part(key));
    const std::string name = key == "pJ" ? "energy" : part_name(key);
    headings.push_back((first != nullptr && first->is_number() ? "#" : "") + name +
                       (energy ? ", µJ" : ""));
  }
  if (keys.empty()) return "";
  HtmlTable table(run.prefix() + caption, headings);
  for (std::size_t i = 0; i < run.size_of(list); ++i) {
    const std::string at = list + part(i);
    std::vector<std::string> cells;
    for (std::size_t k = 1; k < keys.size(); ++k) {
      const bool energy = keys[k] == "pJ" || keys[k].ends_with("_pJ");
      cells.push_back(value_cell(run, at + part(keys[k]), energy ? pj_scale : 1));
    }
    table.row(part_name(run.text_at(at + part(keys[0]))), cells);
  }
  return table.text();
}

std::string area_table(const RunView& run) {
  const double all = run.number_at("/area/total_mm2").value_or(0);
  HtmlTable table(run.prefix() + "Area by part", {"part", "#area, mm²", "#share"});
  for (const std::string& key : run.keys_of("/area")) {
    const std::string at = "/area" + part(key);
    const auto area = run.number_at(at);
    table.row(part_name(key),
              {value_cell(run, at), number_cell(area && all > 0 ? percent(*area / all) : "-")},
              key == "total_mm2" ? "total" : "");
  }
  return table.text();
}

/// Why a key is null, as the result says it, or that it says nothing.
std::string reason(const RunView& run, const std::string& what,
                   const std::vector<std::string>& pointers) {
  for (const std::string& pointer : pointers) {
    if (!run.text_at(pointer).empty()) {
      return fmt::format("<p class=\"missing\">{} not known: {}.</p>\n", what, value(run, pointer));
    }
  }
  return missing(what + " not in this result.");
}

/// `most`: of all results' bars.
std::string energy_of(const RunView& run, double most) {
  std::string text;
  if (run.has("/energy/parts_pJ")) {
    text +=
        parts_table(run, "/energy/parts_pJ", "/energy/total_pJ", "Energy by part of the device");
    if (run.size_of("/energy/by_layer") > 0) {
      text += layers_chart(run, most) +
              fold("Table of energy by layer and phase",
                   list_table(run, "/energy/by_layer", "Energy by layer and phase", uj));
    }
    text += fold("Who reads and writes the buffer",
                 list_table(run, "/energy/buffer", "Accesses to the buffer", uj));
  } else if (run.is_plan()) {
    text += missing("A plan estimates the energy of the DRAM alone, which stands among the costs.");
  } else {
    text += reason(run, "Energy on the chip is", {"/energy_missing"});
    if (run.has("/dram/energy_pJ/total")) {
      text += parts_table(run, "/dram/energy_pJ", "/dram/energy_pJ/total", "Energy of DRAM chips");
      if (run.has("/dram/io_energy_pJ")) {
        text += "<p>DRAM interface, apart: " + value(run, "/dram/io_energy_pJ", uj) + " µJ.</p>\n";
      }
    } else {
      text += reason(run, "Energy of the DRAM is", {"/dram/energy_missing"});
    }
  }
  text += run.has("/area") ? area_table(run)
                           : reason(run, "Area is", {"/area_missing", "/energy_missing"});
  return text;
}

}  // namespace

std::string energy_section(const Runs& runs) {
  double most = 0;
  for (const RunView& run : runs) most = std::max(most, longest(layer_bars(run).bars));
  std::string text;
  for (const RunView& run : runs) {
    if (runs.size() > 1) text += subheading(run.prefix() + run.name());
    text += energy_of(run, most);
  }
  return text;
}

}  // namespace spillway::analysis::pages
