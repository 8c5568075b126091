#include "analysis/figures/rule_tables.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "sim/run/simulation.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

using models::Port;
using sim::Direction;

sim::Experiment paper_experiment(const std::string& network, const std::string& rule,
                                 std::int64_t batch) {
  const auto path =
      workloads::shared_folder() / "workloads" / "experiments" / (network + "-bp.yaml");
  return sim::read_experiment(path, {"rule=" + rule, fmt::format("batch={}", batch)});
}

namespace {

std::uint64_t dram_words(const sim::Ledger& ledger) {
  return (ledger.total(Port::dram, Direction::read) + ledger.total(Port::dram, Direction::write))
      .count();
}

double ratio_of(const std::vector<std::string>& rules, const std::vector<std::uint64_t>& words) {
  const auto of = [&](const char* rule) {
    const auto found = std::ranges::find(rules, rule);
    return static_cast<double>(words[static_cast<std::size_t>(found - rules.begin())]);
  };
  return of("bp") / of("lel");
}

std::vector<std::uint64_t> sum(const std::vector<std::uint64_t>& a,
                               const std::vector<std::uint64_t>& b) {
  std::vector<std::uint64_t> result = a;
  for (std::size_t i = 0; i < b.size(); ++i) result[i] += b[i];
  return result;
}

}  // namespace

bool RuleCounts::agrees() const {
  const auto agree = [](const std::optional<std::uint64_t>& formula, std::uint64_t planned,
                        std::uint64_t simulated) {
    return planned == simulated && formula.value_or(planned) == planned;
  };
  return agree(formula_read, planned_read, simulated_read) &&
         agree(formula_write, planned_write, simulated_write) &&
         agree(formula_macs, planned_macs, simulated_macs);
}

std::vector<RuleCounts> run_rules(std::int64_t batch,
                                  const std::function<void(const std::string&)>& progress) {
  for (const std::string& network : paper_networks()) {
    for (const std::string& rule : workloads::learning_rule_names()) {
      try {
        sim::make_plan(paper_experiment(network, rule, batch));
      } catch (const workloads::InputError& error) {
        throw workloads::InputError(fmt::format("--batch {}: {}", batch, error.what()));
      }
    }
  }
  std::vector<RuleCounts> rows;
  const auto examples = static_cast<std::uint64_t>(batch);
  for (const std::string& network : paper_networks()) {
    for (const std::string& rule : workloads::learning_rule_names()) {
      if (progress) progress(fmt::format("{} with {}", network, rule));
      const sim::Experiment experiment = paper_experiment(network, rule, batch);
      sim::Simulation simulation(experiment);
      const sim::Result result = simulation.run_step(sim::first_batch(experiment));
      const sim::Ledger& planned = simulation.plan().ledger();
      const models::Execution& execution = result.execution;
      rows.push_back({network,
                      rule,
                      {},
                      {},
                      {},
                      planned.total(Port::dram, Direction::read).count(),
                      planned.total(Port::dram, Direction::write).count(),
                      simulation.plan().step().macs().count(),
                      execution.dram.read_words.count(),
                      execution.dram.write_words.count(),
                      execution.macs.count(),
                      execution.generated_words,
                      static_cast<double>(execution.time.count()) / 1e9});
      if (const auto& form = workloads::learning_rule(rule).closed_form) {
        const Table1Words words = closed_form_words(experiment.network, *form, examples);
        rows.back().formula_read = words.reads.count();
        rows.back().formula_write = words.writes.count();
        rows.back().formula_macs = closed_form_macs(experiment.network, *form, examples).count();
      }
    }
  }
  return rows;
}

namespace {

Columns<RuleCounts> rule_columns() {
  using Row = RuleCounts;
  const auto triple = [](const std::optional<std::uint64_t>& formula, std::uint64_t planned,
                         std::uint64_t simulated) {
    return Json{{"closed_form", formula ? Json(*formula) : Json(nullptr)},
                {"planned", planned},
                {"simulated", simulated}};
  };
  const auto plan_agrees = [](const Row& row) {
    return row.planned_read == row.simulated_read && row.planned_write == row.simulated_write &&
           row.planned_macs == row.simulated_macs;
  };
  return {
      {{"network", "", "network"}, [](const Row& row) { return row.network; }},
      {{"rule", "", "rule"}, [](const Row& row) { return row.rule; }},
      {{"words read", "", "read_words"},
       [triple](const Row& row) {
         return triple(row.formula_read, row.planned_read, row.simulated_read);
       },
       [](const Row& row) { return grouped(row.simulated_read); }},
      {{"words written", "", "write_words"},
       [triple](const Row& row) {
         return triple(row.formula_write, row.planned_write, row.simulated_write);
       },
       [](const Row& row) { return grouped(row.simulated_write); }},
      {{"MACs (millions)", "", "macs"},
       [triple](const Row& row) {
         return triple(row.formula_macs, row.planned_macs, row.simulated_macs);
       },
       [](const Row& row) { return millions(row.simulated_macs); }},
      {{"random words made", "", "generated_words"},
       [](const Row& row) { return row.generated_words; }},
      {{"planned", "", ""},
       [plan_agrees](const Row& row) { return plan_agrees(row) ? "agrees" : "DIFFERS"; }},
      {{"closed form", "", ""},
       [](const Row& row) {
         return !row.formula_read ? "none" : row.agrees() ? "agrees" : "DIFFERS";
       }},
      {{"", "", "time_ms"}, [](const Row& row) { return row.time_ms; }},
      {{"", "", "agree"}, [](const Row& row) { return row.agrees(); }},
  };
}

}  // namespace

std::string rules_text(const std::vector<RuleCounts>& rows, std::int64_t batch) {
  const auto agreeing =
      std::ranges::count_if(rows, [](const RuleCounts& row) { return row.agrees(); });
  return fmt::format(
      "Learning rules, one mini-batch of {}: words across the chip's border (DRAM), useful MACs\n"
      "(border-exact, no gradient of the input, the readout's left out)\n\n{}\n"
      "{} of {} rows: simulated, planned and closed form agree exactly.\n",
      batch, text_table(rule_columns(), rows).text(), agreeing, rows.size());
}

std::string rules_json(const std::vector<RuleCounts>& rows, std::int64_t batch) {
  return dump({{"batch", batch}, {"rows", json_rows(rule_columns(), rows)}});
}

std::vector<NetworkItems> plan_items(std::int64_t batch, double dropout) {
  std::vector<NetworkItems> networks;
  for (const std::string& name : paper_networks()) {
    NetworkItems network{name, workloads::learning_rule_names(), {}, 0, {}};
    std::vector<sim::Ledger> ledgers;
    for (const std::string& rule : network.rules) {
      sim::Experiment experiment = paper_experiment(name, rule, batch);
      for (workloads::Layer& layer : experiment.network.layers) layer.dropout = dropout;
      experiment.device.buffer = workloads::Bytes(std::uint64_t{1} << 40);  // counts alone matter
      ledgers.push_back(sim::make_plan(experiment).ledger());
      network.counted.push_back(dram_words(ledgers.back()));
    }
    network.ratio = ratio_of(network.rules, network.counted);
    std::vector<std::uint64_t> all(network.rules.size());
    const auto add = [&](const std::string& item, const std::vector<std::uint64_t>& words) {
      network.items.push_back({item, words, ratio_of(network.rules, sum(network.counted, words))});
    };
    for (const sim::Item item : sim::all_items()) {
      std::vector<std::uint64_t> words;
      for (const sim::Ledger& ledger : ledgers) words.push_back(ledger.total(item).count());
      all = sum(all, words);
      add(sim::to_string(item), words);
    }
    std::vector<std::uint64_t> masks;
    for (const sim::Ledger& ledger : ledgers) {
      masks.push_back(0);
      for (const sim::LedgerLine& line : ledger.lines()) {
        if (line.key.tensor == workloads::TensorKind::masks) masks.back() += line.words.count();
      }
    }
    add("dropout masks", masks);
    add("all of them", all);
    networks.push_back(std::move(network));
  }
  return networks;
}

std::string items_text(const std::vector<NetworkItems>& networks, std::int64_t batch) {
  std::string text = fmt::format(
      "What the paper leaves out: words that each item alone adds to one mini-batch of {},\n"
      "read and written together, and the ratio of BP's words to LEL's with it\n",
      batch);
  for (const NetworkItems& network : networks) {
    std::vector<std::string> header{network.network};
    header.insert(header.end(), network.rules.begin(), network.rules.end());
    header.emplace_back("BP / LEL");
    Table table(header);
    const auto add = [&](const std::string& what, const std::vector<std::uint64_t>& words,
                         double ratio) {
      std::vector<std::string> row{what};
      for (const std::uint64_t count : words) row.push_back(grouped(count));
      row.push_back(fmt::format("{:.2f}", ratio));
      table.add(row);
    };
    add("counted by the paper", network.counted, network.ratio);
    for (const ItemCost& item : network.items) add(item.item, item.words, item.ratio);
    text += "\n" + table.text();
  }
  return text +
         "\nReLU masks are no tensors: the mask is [A_i > 0] of activations that are read anyway.\n"
         "Dropout masks move no words: the PRNG unit makes them again from their seed.\n";
}

std::string items_json(const std::vector<NetworkItems>& networks, std::int64_t batch) {
  Json json = Json::array();
  for (const NetworkItems& network : networks) {
    const auto by_rule = [&](const std::vector<std::uint64_t>& words) {
      Json row = Json::object();
      for (std::size_t r = 0; r < words.size(); ++r) row[network.rules[r]] = words[r];
      return row;
    };
    Json items = Json::array();
    for (const ItemCost& item : network.items) {
      items.push_back(
          {{"item", item.item}, {"words", by_rule(item.words)}, {"bp_over_lel", item.ratio}});
    }
    json.push_back({{"network", network.network},
                    {"counted", by_rule(network.counted)},
                    {"bp_over_lel", network.ratio},
                    {"items", items}});
  }
  return dump({{"batch", batch}, {"networks", json}});
}

}  // namespace spillway::analysis
