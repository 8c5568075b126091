#include "analysis/reports/ledger_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/output.hpp"

namespace spillway::analysis {

using models::Port;
using sim::Direction;
using sim::Ledger;
using sim::LedgerLine;
using workloads::Words;

namespace {

/// Lines in the order of the network, then of a step's phases.
std::vector<std::size_t> reading_order(const Ledger& ledger, Port port) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < ledger.lines().size(); ++i) {
    if (ledger.lines()[i].key.port == port) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto& x = ledger.lines()[a].key;
    const auto& y = ledger.lines()[b].key;
    return std::tie(x.layer, x.phase, x.direction) < std::tie(y.layer, y.phase, y.direction);
  });
  return order;
}

/// A line, and its simulated words where the device ran.
struct LedgerRow {
  const LedgerLine& line;
  Words simulated;
};

Columns<LedgerRow> ledger_columns(bool simulated) {
  using Row = LedgerRow;
  return {{{"layer", "", "layer"}, [](const Row& row) { return row.line.layer; }},
          {{"phase", "", "phase"}, [](const Row& row) { return to_string(row.line.key.phase); }},
          {{"tensor", "", "tensor"}, [](const Row& row) { return to_string(row.line.key.tensor); }},
          {{"direction", "", "direction"},
           [](const Row& row) { return to_string(row.line.key.direction); }},
          {{"planned words", "", "words"}, [](const Row& row) { return row.line.words.count(); }},
          {{simulated ? "simulated words" : "", "", ""},
           [](const Row& row) { return row.simulated.count(); }}};
}

}  // namespace

std::string ledger_text(const Ledger& planned, const Ledger* simulated) {
  std::vector<LedgerRow> rows;
  for (const std::size_t i : reading_order(planned, Port::dram)) {
    rows.push_back({planned.lines()[i], simulated ? simulated->lines()[i].words : Words(0)});
  }
  Table table = text_table(ledger_columns(simulated != nullptr), rows);
  table.add_rule();
  for (const Direction direction : {Direction::read, Direction::write}) {
    std::vector<std::string> row{"total", "", "", to_string(direction),
                                 grouped(planned.total(Port::dram, direction).count())};
    if (simulated != nullptr) {
      row.push_back(grouped(simulated->total(Port::dram, direction).count()));
    }
    table.add(row);
  }
  return "\nWords across the chip's border (DRAM)\n" + table.text();
}

std::string ledger_totals_text(const Ledger& ledger) {
  std::string text = "\nWords across the chip's border; by layer, phase and tensor with --ledger\n";
  for (const auto& [name, port] : {std::pair{"DRAM", Port::dram}, {"host", Port::host}}) {
    text += fmt::format("  {}: {} read, {} written\n", name,
                        grouped(ledger.total(port, Direction::read).count()),
                        grouped(ledger.total(port, Direction::write).count()));
  }
  return text;
}

Json ledger_json(const Ledger& ledger, Port port) {
  std::vector<LedgerRow> rows;
  for (const LedgerLine& line : ledger.lines()) {
    if (line.key.port == port) rows.push_back({line, Words(0)});
  }
  return json_rows(ledger_columns(false), rows);
}

}  // namespace spillway::analysis
