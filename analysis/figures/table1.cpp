#include "analysis/figures/table1.hpp"

#include <fmt/format.h>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "workloads/support/sizes.hpp"

namespace spillway::analysis {

namespace {

struct Table1Row {
  std::string network, rule;
  Table1Words words;
  Macs figure2, printed, exact;
};

std::vector<Table1Row> rows_of(const std::vector<workloads::Network>& networks,
                               const Table1Scale& scale) {
  std::vector<Table1Row> rows;
  for (const workloads::Network& network : networks) {
    require_chain(network, "Table 1");
    for (const auto& [rule, name] : table1_rules()) {
      rows.push_back({network.name, name, table1_words(network, rule, scale),
                      table1_macs(network, rule, MacReading::figure2, scale),
                      table1_macs(network, rule, MacReading::printed, scale),
                      table1_macs(network, rule, MacReading::exact, scale)});
    }
  }
  return rows;
}

Columns<Table1Row> columns() {
  const auto macs = [](Macs Table1Row::*column) {
    return [column](const Table1Row& row) { return Json((row.*column).count()); };
  };
  const auto in_millions = [](Macs Table1Row::*column) {
    return [column](const Table1Row& row) { return millions((row.*column).count()); };
  };
  return {
      {{"network", "", "network"}, [](const Table1Row& row) { return row.network; }},
      {{"rule", "", "rule"}, [](const Table1Row& row) { return row.rule; }},
      {{"reads", "", "reads"}, [](const Table1Row& row) { return row.words.reads.count(); }},
      {{"writes", "", "writes"}, [](const Table1Row& row) { return row.words.writes.count(); }},
      {{"MACs Figure 2", "", "macs_figure2"},
       macs(&Table1Row::figure2),
       in_millions(&Table1Row::figure2)},
      {{"MACs printed", "", "macs_printed"},
       macs(&Table1Row::printed),
       in_millions(&Table1Row::printed)},
      {{"MACs exact", "", "macs_exact"}, macs(&Table1Row::exact), in_millions(&Table1Row::exact)}};
}

}  // namespace

std::string table1_text(const std::vector<workloads::Network>& networks, const Table1Scale& scale) {
  std::string text = fmt::format(
      "Table 1: {} epoch(s) of {} mini-batch(es) of {}; words, and MACs in millions\n"
      "LEL row {}\n\n{}\n"
      "MACs: as in Figure 2 with the input layer, padding counted; as printed, i = 1 to L with\n"
      "R_L = 0; border-exact without the input's gradient.\n",
      scale.epochs, scale.batches_per_epoch, scale.batch,
      scale.literal ? "as printed, without N_b: right only where weights stay on chip for an epoch"
                    : "with N_e N_b: weights are updated at every mini-batch",
      text_table(columns(), rows_of(networks, scale)).text());
  for (const workloads::Network& network : networks) {
    text += fmt::format("{}: LEL needs {} MACs than BP; memory the paper asks for: {}\n",
                        network.name, lel_needs_fewer_macs(network) ? "fewer" : "no fewer",
                        needed_size(bytes_of(paper_memory(network, scale.batch))));
  }
  return text;
}

std::string table1_json(const std::vector<workloads::Network>& networks, const Table1Scale& scale) {
  return dump({{"batch", scale.batch},
               {"epochs", scale.epochs},
               {"batches_per_epoch", scale.batches_per_epoch},
               {"literal", scale.literal},
               {"rows", json_rows(columns(), rows_of(networks, scale))}});
}

}  // namespace spillway::analysis
