#include "analysis/figures/figure6.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/closed_forms/closed_form.hpp"
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
  Table words({"network", "rule", "direction", "paper", "planned", "simulated", "plan - paper",
               "sim - plan"});
  Table macs({"network", "rule", "paper", "planned", "simulated", "plan - paper", "sim - plan"});
  for (const Figure6Row& row : figure.rows) {
    std::vector<std::string> cells{row.network, row.rule};
    if (row.direction != "macs") cells.push_back(row.direction);
    for (const std::uint64_t value : {row.paper, row.planned, row.simulated}) {
      cells.push_back(grouped(value));
    }
    cells.push_back(signed_difference(row.planned, row.paper));
    cells.push_back(signed_difference(row.simulated, row.planned));
    (row.direction == "macs" ? macs : words).add(cells);
  }
  std::string text = fmt::format(
      "Figure 6: one mini-batch of {}, words across the chip's border\n"
      "(paper: Table 1 with N_e N_b mini-batches for both rules, here one)\n\n{}\n"
      "MACs (executed, padding counted, and the input gradient that the paper counts for BP)\n\n"
      "{}\n",
      figure.batch, words.text(), macs.text());
  text += "On-chip buffer (whole tensors, gradients and momentum included)\n\n";
  for (const std::string& note : figure.notes) text += "  " + note + "\n";
  const auto agreeing = std::count_if(figure.rows.begin(), figure.rows.end(),
                                      [](const Figure6Row& row) { return row.agrees(); });
  text += fmt::format("\n{} of {} triples agree exactly.\n", agreeing, figure.rows.size());
  return text;
}

std::string figure6_json(const Figure6& figure) {
  Json rows = Json::array();
  for (const Figure6Row& row : figure.rows) {
    rows.push_back({{"network", row.network},
                    {"rule", row.rule},
                    {"direction", row.direction},
                    {"paper", row.paper},
                    {"planned", row.planned},
                    {"simulated", row.simulated}});
  }
  return dump({{"batch", figure.batch}, {"agree", figure.agrees()}, {"rows", rows}});
}

std::string figure6_csv(const Figure6& figure) {
  std::string text = "network,rule,direction,paper,planned,simulated\n";
  for (const Figure6Row& row : figure.rows) {
    text += fmt::format("{},{},{},{},{},{}\n", row.network, row.rule, row.direction, row.paper,
                        row.planned, row.simulated);
  }
  return text;
}

}  // namespace spillway::analysis
