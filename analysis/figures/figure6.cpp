#include "analysis/figures/figure6.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "sim/run/simulation.hpp"
#include "workloads/support/shared_files.hpp"
#include "workloads/support/sizes.hpp"

namespace spillway::analysis {

using models::Port;
using sim::Direction;

namespace {

sim::Experiment shipped_experiment(const std::string& network, const std::string& rule,
                                   std::int64_t batch) {
  const auto path =
      workloads::shared_folder() / "workloads" / "experiments" / (network + "-" + rule + ".yaml");
  return sim::read_experiment(path, {fmt::format("batch={}", batch)});
}

void run_one(Figure6& figure, const std::string& network, Table1Rule table_rule,
             const std::string& rule) {
  const sim::Experiment experiment = shipped_experiment(network, rule, figure.batch);
  sim::Simulation simulation(experiment);
  const sim::Result result = simulation.run_step(sim::first_batch(experiment));

  const Table1Scale scale{static_cast<std::uint64_t>(figure.batch), 1, 1, false};
  const Table1Words paper = table1_words(experiment.network, table_rule, scale);
  const sim::Ledger& planned = simulation.plan().ledger();
  figure.rows.push_back({network, rule, "read", paper.reads.count(),
                         planned.total(Port::dram, Direction::read).count(),
                         result.execution.dram.read_words.count()});
  figure.rows.push_back({network, rule, "write", paper.writes.count(),
                         planned.total(Port::dram, Direction::write).count(),
                         result.execution.dram.write_words.count()});
  const workloads::Step& step = simulation.plan().step();
  const Macs uncomputed = step.unused_input_gradient;
  figure.rows.push_back(
      {network, rule, "macs",
       table1_macs(experiment.network, table_rule, MacReading::figure2, scale).count(),
       (step.macs_padded() + uncomputed).count(),
       (result.execution.macs_padded + uncomputed).count()});
  figure.notes.push_back(fmt::format(
      "{} {}: {} needed on chip, {} used at most by engines that overlap; the paper states {}",
      network, rule, needed_size(bytes_of(simulation.plan().buffer_words())),
      needed_size(result.execution.high_water),
      needed_size(bytes_of(paper_memory(experiment.network, scale.batch)))));
}

std::string signed_difference(std::uint64_t value, std::uint64_t reference) {
  const auto difference = static_cast<std::int64_t>(value - reference);
  return difference == 0 ? "0" : fmt::format("{:+}", difference);
}

/// Of the words, or of the MACs, which have no direction in text.
Columns<Figure6Row> columns(const char* direction) {
  using Row = Figure6Row;
  return {{{"network", "network", "network"}, [](const Row& row) { return row.network; }},
          {{"rule", "rule", "rule"}, [](const Row& row) { return row.rule; }},
          {{direction, "direction", "direction"}, [](const Row& row) { return row.direction; }},
          {{"paper", "paper", "paper"}, [](const Row& row) { return row.paper; }},
          {{"planned", "planned", "planned"}, [](const Row& row) { return row.planned; }},
          {{"simulated", "simulated", "simulated"}, [](const Row& row) { return row.simulated; }},
          {{"plan - paper", "", ""},
           [](const Row& row) { return signed_difference(row.planned, row.paper); }},
          {{"sim - plan", "", ""},
           [](const Row& row) { return signed_difference(row.simulated, row.planned); }}};
}

}  // namespace

bool Figure6::agrees() const {
  return std::all_of(rows.begin(), rows.end(), [](const Figure6Row& row) { return row.agrees(); });
}

void require_figure6_fits(std::int64_t batch) {
  for (const std::string& network : paper_networks()) {
    for (const auto& [row, rule] : table1_rules()) {
      sim::make_plan(shipped_experiment(network, rule, batch));
    }
  }
}

Figure6 run_figure6(std::int64_t batch, const std::function<void(const std::string&)>& progress) {
  Figure6 figure{batch, {}, {}};
  for (const std::string& network : paper_networks()) {
    for (const auto& [row, rule] : table1_rules()) {
      if (progress) progress(fmt::format("{} with {}", network, rule));
      run_one(figure, network, row, rule);
    }
  }
  return figure;
}

std::string figure6_text(const Figure6& figure) {
  std::vector<Figure6Row> words, macs;
  for (const Figure6Row& row : figure.rows) {
    (row.direction == "macs" ? macs : words).push_back(row);
  }
  std::string text = fmt::format(
      "Figure 6: one mini-batch of {}, words across the chip's border\n"
      "(paper: Table 1 with N_e N_b mini-batches for both rules, here one)\n\n{}\n"
      "MACs (executed, padding counted, and the input gradient that the paper counts for BP)\n\n"
      "{}\n",
      figure.batch, text_table(columns("direction"), words).text(),
      text_table(columns(""), macs).text());
  text += "On-chip buffer (whole tensors, gradients and momentum included)\n\n";
  for (const std::string& note : figure.notes) text += "  " + note + "\n";
  const auto agreeing = std::count_if(figure.rows.begin(), figure.rows.end(),
                                      [](const Figure6Row& row) { return row.agrees(); });
  text += fmt::format("\n{} of {} triples agree exactly.\n", agreeing, figure.rows.size());
  return text;
}

std::string figure6_json(const Figure6& figure) {
  return dump({{"batch", figure.batch},
               {"agree", figure.agrees()},
               {"rows", json_rows(columns("direction"), figure.rows)}});
}

std::string figure6_csv(const Figure6& figure) {
  return csv_file(columns("direction"), figure.rows);
}

}  // namespace spillway::analysis
