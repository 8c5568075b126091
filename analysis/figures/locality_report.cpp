// The locality dial as text, CSV and JSON.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/figures/explore_buffer.hpp"
#include "analysis/figures/locality.hpp"
#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"

namespace spillway::analysis {

namespace {

Columns<LocalityRow> row_columns() {
  using Row = LocalityRow;
  const auto planned = [](auto value) {
    return [value](const Row& row) {
      return row.point.planned() ? Json(value(row.point).count()) : Json(nullptr);
    };
  };
  const auto optional = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  const auto macs = [](const BufferPoint& point) { return point.macs + point.readout; };
  const auto again = [](const BufferPoint& point) {
    return point.recomputed + point.readout_recomputed;
  };
  const auto in_millions = [](auto value) {
    return [value](const Row& row) {
      return row.point.planned() ? millions(value(row.point).count()) : "-";
    };
  };
  const auto fixed = [](auto value, const char* format) {
    return [=](const Row& row) {
      return value(row) ? fmt::format(fmt::runtime(format), *value(row)) : "-";
    };
  };
  const auto over_bp = [](const Row& row) { return row.over_bp; };
  const auto percent = [](const Row& row) -> std::optional<double> {
    if (!row.accuracy) return std::nullopt;
    return 100 * *row.accuracy;
  };
  return {
      {{"buffer", "buffer_bytes", "buffer_bytes"},
       [](const Row& row) { return Json(row.buffer.count()); },
       [](const Row& row) { return size_name(row.buffer); }},
      {{"", "rule", "rule"}, [](const Row& row) { return Json(row.setting.rule); }},
      {{"errors", "blocks", "blocks"},
       [=](const Row& row) { return optional(row.setting.blocks); },
       [](const Row& row) { return setting_title(row.setting); }},
      {{"DRAM read", "dram_read_words", "dram_read_words"},
       planned([](const BufferPoint& point) { return point.reads; })},
      {{"DRAM written", "dram_write_words", "dram_write_words"},
       planned([](const BufferPoint& point) { return point.writes; })},
      {{"host read", "host_read_words", "host_read_words"},
       planned([](const BufferPoint& point) { return point.host_reads; })},
      {{"host written", "host_write_words", "host_write_words"},
       planned([](const BufferPoint& point) { return point.host_writes; })},
      {{"words", "words", "words"},
       [](const Row& row) {
         return row.point.planned() ? Json(row.words().count()) : Json(nullptr);
       }},
      {{"/ BP's", "words_over_bp", "words_over_bp"},
       [=](const Row& row) { return optional(row.over_bp); },
       fixed(over_bp, "{:.3f}")},
      {{"once", "once_words", "once_words"}, [](const Row& row) { return Json(row.once.count()); }},
      {{"million MACs", "macs", "macs"}, planned(macs), in_millions(macs)},
      {{"done again", "macs_again", "macs_again"}, planned(again), in_millions(again)},
      {{"alive at once", "need_bytes", "need_bytes"},
       [](const Row& row) { return Json(row.need.count()); },
       [](const Row& row) { return readable_bytes(row.need.count()); }},
      {{"test %", "test_accuracy", "test_accuracy"},
       [=](const Row& row) { return optional(row.accuracy); },
       fixed(percent, "{:.2f}")},
      {{"", "", "refused"},
       [](const Row& row) {
         return row.point.planned() ? Json(nullptr) : Json(row.point.refusal);
       }},
      {{"", "smallest_bytes", "smallest_bytes"},
       [](const Row& row) {
         return row.point.planned() ? Json(nullptr) : Json(row.point.smallest.count());
       }},
  };
}

}  // namespace

std::string locality_text(const Locality& locality) {
  const Columns<LocalityRow> columns = row_columns();
  Table table(text_header(columns));
  std::string refusals;
  for (std::size_t i = 0; i < locality.rows.size(); ++i) {
    const LocalityRow& row = locality.rows[i];
    if (i > 0 && i % locality.settings.size() == 0) table.add_rule();
    table.add(text_cells(columns, row));
    if (row.point.planned()) continue;
    refusals += fmt::format("  {} at {}: {}\n", setting_title(row.setting), size_name(row.buffer),
                            row.point.refusal);
  }
  std::string accuracy;
  if (locality.epochs > 0) {
    accuracy =
        fmt::format("Test: accuracy of the last decision after {}, trained without the device.\n",
                    counted(static_cast<std::uint64_t>(locality.epochs), "epoch"));
  }
  return fmt::format(
      "{}, one mini-batch of {}: words across the chip's border by the number of blocks that\n"
      "{} gives an error of their own, and under backpropagation, by policy {}\n\n"
      "{}{}\n"
      "MACs: all of the schedule's, border-exact; done again: those of them beyond the step's "
      "own.\n"
      "Once: every word once, which no schedule avoids. Alive at once: the largest total of "
      "tensors,\n"
      "each from its first use to its last, but those that are generated. With so much on chip "
      "none\n"
      "has to cross the border twice.\n{}{}",
      locality.network, locality.batch, rule_title(locality.rule), sim::to_string(locality.policy),
      table.text(), refusals.empty() ? "" : "\n" + refusals,
      locality.searched_alike
          ? ""
          : "Blocks of several layers make steps that are no chains, which "
            "policy best searches less\nwidely than the others of this network.\n",
      accuracy);
}

std::string locality_csv(const Locality& locality) {
  const Columns<LocalityRow> columns = row_columns();
  std::string text = "network,batch,policy," + csv_header(columns) + "\n";
  for (const LocalityRow& row : locality.rows) {
    text += fmt::format("{},{},{},{}\n", csv_text(locality.network), locality.batch,
                        sim::to_string(locality.policy), csv_line(columns, row));
  }
  return text;
}

std::string locality_json(const Locality& locality) {
  Json json = {{"network", locality.network},
               {"batch", locality.batch},
               {"rule", locality.rule},
               {"policy", sim::to_string(locality.policy)}};
  if (locality.epochs > 0) json["epochs"] = locality.epochs;
  json["rows"] = json_rows(row_columns(), locality.rows);
  return dump(json);
}

}  // namespace spillway::analysis
