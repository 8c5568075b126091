// An exploration of buffer sizes as text, CSV and JSON.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/figures/explore_buffer.hpp"
#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::analysis {

namespace {

/// A rule's name within a key or a column.
std::string key_of(std::string rule) {
  std::ranges::replace(rule, '-', '_');
  return rule;
}

std::string key_of(const Curve& curve) {
  return key_of(curve.rule) + (curve.recompute ? "_recompute" : "");
}

/// "bp_over_lel", "bp_recompute_over_lel_recompute"
std::string ratio_key(const BufferExploration& exploration, std::size_t curve) {
  return key_of(exploration.curves[curve]) + "_over_" +
         key_of(exploration.curves[exploration.reference(curve)]);
}

/// "lel_bound_words"
std::string bound_key(const std::string& rule) { return key_of(rule) + "_bound_words"; }

/// What there is of a curve at a size; `key` begins the names in CSV. Of a buffer that is too
/// small, the reason and the smallest that works.
Columns<BufferPoint> point_columns(const std::string& key = "") {
  using Point = BufferPoint;
  const auto planned = [](auto value) {
    return [value](const Point& point) {
      return point.planned() ? Json(value(point).count()) : Json(nullptr);
    };
  };
  return {
      {{"", "", "refused"},
       [](const Point& point) { return point.planned() ? Json(nullptr) : Json(point.refusal); }},
      {{"", key + "_reads", "reads"}, planned([](const Point& point) { return point.reads; })},
      {{"", key + "_writes", "writes"}, planned([](const Point& point) { return point.writes; })},
      {{"", key + "_words", "words"}, planned([](const Point& point) { return point.words(); })},
      {{"", key + "_smallest_bytes", "smallest_bytes"},
       [](const Point& point) {
         return point.planned() || point.pending ? Json(nullptr) : Json(point.smallest.count());
       }},
      {{"", key + "_macs", "macs"}, planned([](const Point& point) { return point.macs; })},
      {{"", key + "_macs_again", "macs_again"},
       planned([](const Point& point) { return point.recomputed; })},
  };
}

std::string ratio_text(double ratio) { return fmt::format("{:.3f}", ratio); }

/// A curve's words over the bound of its rule.
std::string over_bound(const BufferExploration& exploration, const BufferRow& row,
                       std::size_t curve) {
  const BufferPoint& point = row.points[curve];
  if (!point.planned()) return "-";
  const Words bound = row.bounds[exploration.rule_of(curve)];
  return ratio_text(static_cast<double>(point.words().count()) /
                    static_cast<double>(bound.count()));
}

std::string block_text(const BufferExploration& exploration, const BufferBlock& block) {
  const std::vector<Curve>& curves = exploration.curves;
  std::vector<std::string> header{"buffer"};
  for (const Curve& curve : curves) header.push_back(curve_title(curve));
  for (const std::size_t c : exploration.compared()) {
    header.push_back(curve_title(curves[c]) + " / " +
                     curve_title(curves[exploration.reference(c)]));
  }
  for (const auto& [rule, words] : exploration.rules) {
    header.push_back(rule_title(rule) + " / bound");
  }
  header.emplace_back("forward pass alone");
  Table table(header);
  std::string refusals;
  for (const BufferRow& row : block.rows) {
    std::vector<std::string> cells{size_name(row.buffer)};
    for (std::size_t c = 0; c < curves.size(); ++c) {
      const BufferPoint& point = row.points[c];
      cells.push_back(point.planned() ? grouped(point.words().count()) : "refused");
      if (point.planned()) continue;
      refusals += fmt::format("  {} at {}: {}\n", curve_title(curves[c]), size_name(row.buffer),
                              point.refusal);
    }
    const auto ratios = exploration.ratios(row);
    for (std::size_t i = 0; i < exploration.compared().size(); ++i) {
      cells.push_back(ratios ? ratio_text((*ratios)[i]) : "-");
    }
    for (std::size_t c = 0; c < curves.size(); ++c) {
      if (!curves[c].recompute) cells.push_back(over_bound(exploration, row, c));
    }
    cells.push_back(grouped(row.forward_alone.count()));
    table.add(cells);
  }
  if (!refusals.empty()) refusals = "\n" + refusals;
  return table.text() + refusals;
}

std::string again_text(const BufferPoint& point) {
  if (!point.planned()) return "refused";
  if (point.recomputed == Macs(0)) return "none";
  const auto own = static_cast<double>((point.macs - point.recomputed).count());
  return fmt::format("{} (+{:.2f} %)", millions(point.recomputed.count()),
                     100 * static_cast<double>(point.recomputed.count()) / own);
}

/// What the schedules compute again: millions, and beside the step's own MACs.
std::string again_table(const std::vector<Curve>& curves, const BufferBlock& block) {
  const bool any = std::ranges::any_of(block.rows, [](const BufferRow& row) {
    return std::ranges::any_of(row.points,
                               [](const BufferPoint& p) { return p.recomputed > Macs(0); });
  });
  if (!any) return "\n  No MACs are done again.\n";
  std::vector<std::string> header{"buffer"};
  for (const Curve& curve : curves) header.push_back(curve_title(curve));
  Table table(header);
  for (const BufferRow& row : block.rows) {
    std::vector<std::string> cells{size_name(row.buffer)};
    for (const BufferPoint& point : row.points) cells.push_back(again_text(point));
    table.add(cells);
  }
  return "\n  Millions of MACs done again, beside the step's own\n\n" + table.text();
}

/// "Table 1, without images: BP 1, LEL 2, ratio 0.500." after a blank, or "".
std::string closed_forms_text(const BufferExploration& exploration) {
  std::string forms;
  bool all_of_table1 = true;
  for (const auto& [rule, words] : exploration.rules) {
    if (!words) continue;
    all_of_table1 &= is_table1_rule(rule);
    forms += fmt::format("{}{} {}", forms.empty() ? "" : ", ", rule_title(rule),
                         grouped(words->count()));
  }
  if (forms.empty()) return "";
  if (const auto ratio = exploration.closed_form_ratio()) forms += ", ratio " + ratio_text(*ratio);
  return fmt::format(" {}, without images: {}.", all_of_table1 ? "Table 1" : "Closed forms", forms);
}

/// "BP or LEL"
std::string any_rule(const BufferExploration& exploration) {
  std::string text;
  for (std::size_t i = 0; i < exploration.rules.size(); ++i) {
    if (i > 0) text += i + 1 < exploration.rules.size() ? ", " : " or ";
    text += rule_title(exploration.rules[i].first);
  }
  return text;
}

/// What the curves with recomputation are, or "".
std::string recomputing_text(const BufferExploration& exploration) {
  std::vector<std::string> titles;
  for (const Curve& curve : exploration.curves) {
    if (curve.recompute) titles.push_back(curve_title(curve));
  }
  if (titles.empty()) return "";
  return workloads::joined(titles) +
         ": activations may be made again in the backward pass instead of stored.\n";
}

}  // namespace

std::string exploration_text(const BufferExploration& exploration) {
  const bool batch_norm = exploration.blocks.size() > 1;
  std::string text = fmt::format(
      "{}, one mini-batch of {}: words across the chip's border,\n"
      "read and written together, by size of the on-chip buffer, under the best schedules found\n"
      "(plain SGD; everything in DRAM, nothing idealised)\n",
      exploration.network, exploration.batch);
  for (const BufferBlock& block : exploration.blocks) {
    if (batch_norm) {
      text += block.batch_norm ? "\nwith batch-norm\n" : "\nwithout batch-norm\n";
    }
    text += "\n" + block_text(exploration, block) + again_table(exploration.curves, block);
  }
  const auto words = [](Words count) { return grouped(count.count()); };
  const std::string recomputing = recomputing_text(exploration);
  text += fmt::format(
      "\nEvery word once, which no schedule of {} avoids: {} (images {}, and twice the\n"
      "weights, {}).{}\n"
      "Bound: what no schedule of the rule avoids in that buffer without recomputation, every "
      "word\n"
      "once and, with batch-norm, what has to leave before its last statistics are complete.\n"
      "{}"
      "MACs done again: {}for local errors that are made wherever they are used instead of\n"
      "stored; and where tiles of maps overlap.\n"
      "Forward pass alone: a lower bound on the forward pass when each layer runs by itself from\n"
      "and to memory. A schedule that keeps maps on chip between layers may stay below it, even\n"
      "with its whole step.\n",
      any_rule(exploration), words(exploration.compulsory), words(exploration.images),
      words(exploration.weights), closed_forms_text(exploration), recomputing,
      recomputing.empty() ? "" : "for that; ");
  return text;
}

std::string exploration_csv(const BufferExploration& exploration) {
  std::string text = "network,batch,batch_norm,buffer_bytes";
  for (const Curve& curve : exploration.curves) {
    text += "," + csv_header(point_columns(key_of(curve)));
  }
  for (const std::size_t c : exploration.compared()) text += "," + ratio_key(exploration, c);
  for (const auto& [rule, words] : exploration.rules) text += "," + bound_key(rule);
  text += ",forward_alone_words,compulsory_words";
  for (const auto& [rule, words] : exploration.rules) {
    text +=
        fmt::format(",{}_{}_words", is_table1_rule(rule) ? "table1" : "closed_form", key_of(rule));
  }
  text += "\n";
  for (const BufferBlock& block : exploration.blocks) {
    for (const BufferRow& row : block.rows) {
      text += fmt::format("{},{},{},{}", csv_text(exploration.network), exploration.batch,
                          block.batch_norm, row.buffer.count());
      for (const BufferPoint& point : row.points) text += "," + csv_line(point_columns(), point);
      const auto ratios = exploration.ratios(row);
      for (std::size_t i = 0; i < exploration.compared().size(); ++i) {
        text += ratios ? fmt::format(",{:.6f}", (*ratios)[i]) : ",";
      }
      for (const Words bound : row.bounds) text += fmt::format(",{}", bound.count());
      text += fmt::format(",{},{}", row.forward_alone.count(), exploration.compulsory.count());
      for (const auto& [rule, words] : exploration.rules) {
        text += words ? fmt::format(",{}", words->count()) : ",";
      }
      text += "\n";
    }
  }
  return text;
}

std::string exploration_json(const BufferExploration& exploration) {
  Json rows = Json::array();
  for (const BufferBlock& block : exploration.blocks) {
    for (const BufferRow& row : block.rows) {
      Json json = {{"batch_norm", block.batch_norm}, {"buffer_bytes", row.buffer.count()}};
      for (std::size_t c = 0; c < exploration.curves.size(); ++c) {
        json[key_of(exploration.curves[c])] = json_row(point_columns(), row.points[c]);
      }
      if (const auto ratios = exploration.ratios(row)) {
        for (std::size_t i = 0; const std::size_t c : exploration.compared()) {
          json[ratio_key(exploration, c)] = (*ratios)[i++];
        }
      }
      for (std::size_t r = 0; r < exploration.rules.size(); ++r) {
        json[bound_key(exploration.rules[r].first)] = row.bounds[r].count();
      }
      json["forward_alone_words"] = row.forward_alone.count();
      rows.push_back(std::move(json));
    }
  }
  Json json = {{"network", exploration.network},
               {"batch", exploration.batch},
               {"compulsory_words", exploration.compulsory.count()},
               {"images_words", exploration.images.count()},
               {"weights_words", exploration.weights.count()}};
  for (const auto& [rule, words] : exploration.rules) {
    if (!words) continue;
    json[is_table1_rule(rule) ? "table1_words" : "closed_form_words"][key_of(rule)] =
        words->count();
  }
  json["rows"] = rows;
  return dump(json);
}

}  // namespace spillway::analysis
