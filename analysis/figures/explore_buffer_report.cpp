// An exploration of buffer sizes as text, CSV and JSON.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/figures/explore_buffer.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"

namespace spillway::analysis {

namespace {

std::string name_of(Curve curve) {
  switch (curve) {
    case Curve::bp: return "BP";
    case Curve::bp_recompute: return "BP recomputing";
    case Curve::lel: return "LEL";
  }
  return "?";
}

/// As a key or a column.
std::string key_of(Curve curve) {
  switch (curve) {
    case Curve::bp: return "bp";
    case Curve::bp_recompute: return "bp_recompute";
    case Curve::lel: return "lel";
  }
  return "?";
}

std::string ratio_text(double ratio) { return fmt::format("{:.3f}", ratio); }

std::string block_text(const BufferBlock& block) {
  Table table({"buffer", "BP", "BP recomputing", "LEL", "BP / LEL", "BP recomputing / LEL",
               "forward pass alone"});
  std::string refusals;
  for (const BufferRow& row : block.rows) {
    std::vector<std::string> cells{size_name(row.buffer)};
    for (const Curve curve : all_curves) {
      const BufferPoint& point = row.at(curve);
      cells.push_back(point.planned() ? grouped(point.words().count()) : "refused");
      if (point.planned()) continue;
      refusals +=
          fmt::format("  {} at {}: {}\n", name_of(curve), size_name(row.buffer), point.refusal);
    }
    const auto ratios = row.ratios();
    cells.push_back(ratios ? ratio_text(ratios->bp) : "-");
    cells.push_back(ratios ? ratio_text(ratios->bp_recompute) : "-");
    cells.push_back(grouped(row.forward_alone.count()));
    table.add(cells);
  }
  if (!refusals.empty()) refusals = "\n" + refusals;
  return table.text() + refusals;
}

std::string again_text(const BufferPoint& point) {
  if (!point.planned()) return "refused";
  if (point.again == Macs(0)) return "none";
  const auto own = static_cast<double>((point.macs - point.again).count());
  return fmt::format("{} (+{:.2f} %)", millions(point.again.count()),
                     100 * static_cast<double>(point.again.count()) / own);
}

/// What the schedules compute again: millions, and beside the step's own MACs.
std::string again_table(const BufferBlock& block) {
  const bool any = std::ranges::any_of(block.rows, [](const BufferRow& row) {
    return std::ranges::any_of(row.points, [](const BufferPoint& p) { return p.again > Macs(0); });
  });
  if (!any) return "\n  No MACs are done again.\n";
  Table table({"buffer", "BP", "BP recomputing", "LEL"});
  for (const BufferRow& row : block.rows) {
    std::vector<std::string> cells{size_name(row.buffer)};
    for (const BufferPoint& point : row.points) cells.push_back(again_text(point));
    table.add(cells);
  }
  return "\n  Millions of MACs done again, beside the step's own\n\n" + table.text();
}

}  // namespace

std::string exploration_text(const BufferExploration& exploration) {
  const bool batch_norm = exploration.blocks.size() > 1;
  std::string text = fmt::format(
      "{}, one mini-batch of {}: words across the chip's border,\n"
      "read and written together, by size of the on-chip buffer, under the best schedules found\n"
      "(plain SGD; images{} in DRAM; all else idealised{}that the paper leaves out)\n",
      exploration.network, exploration.batch,
      batch_norm ? " and what batch-norm keeps for the backward pass" : "",
      batch_norm ? "\n" : " ");
  for (const BufferBlock& block : exploration.blocks) {
    if (batch_norm) {
      text += block.batch_norm ? "\nwith batch-norm\n" : "\nwithout batch-norm\n";
    }
    text += "\n" + block_text(block) + again_table(block);
  }
  const auto words = [](Words count) { return grouped(count.count()); };
  const double table1_ratio = static_cast<double>(exploration.table1_bp.count()) /
                              static_cast<double>(exploration.table1_lel.count());
  text += fmt::format(
      "\nEvery word once, which no schedule of BP or LEL avoids: {} (images {}, and twice the\n"
      "weights, {}). Table 1, without images: BP {}, LEL {}, ratio {}.\n"
      "BP recomputing: activations may be made again in the backward pass instead of stored.\n"
      "MACs done again: for that; for local errors that are made wherever they are used instead "
      "of\n"
      "stored; and where tiles of maps overlap.\n"
      "Forward pass alone: a lower bound on the forward pass when each layer runs by itself from\n"
      "and to memory. A schedule that keeps maps on chip between layers may stay below it, even\n"
      "with its whole step.\n",
      words(exploration.compulsory), words(exploration.images), words(exploration.weights),
      words(exploration.table1_bp), words(exploration.table1_lel), ratio_text(table1_ratio));
  return text;
}

std::string exploration_csv(const BufferExploration& exploration) {
  std::string text = "network,batch,batch_norm,buffer_bytes";
  for (const Curve curve : all_curves) {
    const std::string key = key_of(curve);
    text += fmt::format(
        ",{0}_reads,{0}_writes,{0}_words,{0}_smallest_bytes,{0}_macs,{0}_macs_again", key);
  }
  text +=
      ",bp_over_lel,bp_recompute_over_lel,forward_alone_words,compulsory_words,table1_bp_words,"
      "table1_lel_words\n";
  for (const BufferBlock& block : exploration.blocks) {
    for (const BufferRow& row : block.rows) {
      text += fmt::format("{},{},{},{}", csv_text(exploration.network), exploration.batch,
                          block.batch_norm, row.buffer.count());
      for (const BufferPoint& point : row.points) {
        text += point.pending ? ",,,,,,"
                : point.planned()
                    ? fmt::format(",{},{},{},,{},{}", point.reads.count(), point.writes.count(),
                                  point.words().count(), point.macs.count(), point.again.count())
                    : fmt::format(",,,,{},,", point.smallest.count());
      }
      const auto ratios = row.ratios();
      text += ratios ? fmt::format(",{:.6f},{:.6f}", ratios->bp, ratios->bp_recompute) : ",,";
      text +=
          fmt::format(",{},{},{},{}\n", row.forward_alone.count(), exploration.compulsory.count(),
                      exploration.table1_bp.count(), exploration.table1_lel.count());
    }
  }
  return text;
}

std::string exploration_json(const BufferExploration& exploration) {
  Json rows = Json::array();
  for (const BufferBlock& block : exploration.blocks) {
    for (const BufferRow& row : block.rows) {
      Json json = {{"batch_norm", block.batch_norm}, {"buffer_bytes", row.buffer.count()}};
      for (const Curve curve : all_curves) {
        const BufferPoint& point = row.at(curve);
        if (point.planned()) {
          json[key_of(curve)] = {{"reads", point.reads.count()},
                                 {"writes", point.writes.count()},
                                 {"words", point.words().count()},
                                 {"macs", point.macs.count()},
                                 {"macs_again", point.again.count()}};
        } else {
          json[key_of(curve)] = {{"refused", point.refusal},
                                 {"smallest_bytes", point.smallest.count()}};
        }
      }
      if (const auto ratios = row.ratios()) {
        json["bp_over_lel"] = ratios->bp;
        json["bp_recompute_over_lel"] = ratios->bp_recompute;
      }
      json["forward_alone_words"] = row.forward_alone.count();
      rows.push_back(std::move(json));
    }
  }
  return dump({{"network", exploration.network},
               {"batch", exploration.batch},
               {"compulsory_words", exploration.compulsory.count()},
               {"images_words", exploration.images.count()},
               {"weights_words", exploration.weights.count()},
               {"table1_words",
                {{"bp", exploration.table1_bp.count()}, {"lel", exploration.table1_lel.count()}}},
               {"rows", rows}});
}

}  // namespace spillway::analysis
