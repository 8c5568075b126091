// All learning rules side by side: what each moves and computes in one mini-batch, and what each
// idealised item would add.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/experiment.hpp"

namespace spillway::analysis {

/// The shipped experiment of one of the paper's networks, with a rule and a batch.
sim::Experiment paper_experiment(const std::string& network, const std::string& rule,
                                 std::int64_t batch);

struct RuleCounts {
  std::string network, rule;
  /// Closed forms; nothing of a rule that has none.
  std::optional<std::uint64_t> formula_read, formula_write, formula_macs;
  std::uint64_t planned_read, planned_write, planned_macs;
  std::uint64_t simulated_read, simulated_write, simulated_macs;
  std::uint64_t generated_words;  ///< made by the PRNG unit
  double time_ms;                 ///< simulated
  /// What was planned and simulated, and the closed form if there is one.
  bool agrees() const;
};

/// Run one mini-batch of each rule on each of the paper's networks through the paper's device.
std::vector<RuleCounts> run_rules(std::int64_t batch,
                                  const std::function<void(const std::string&)>& progress);
std::string rules_text(const std::vector<RuleCounts>& rows, std::int64_t batch);
std::string rules_json(const std::vector<RuleCounts>& rows, std::int64_t batch);

/// What one item alone would add in DRAM, by rule, and what it makes of the BP / LEL ratio.
struct ItemCost {
  std::string item;
  std::vector<std::uint64_t> words;  ///< by rule
  double ratio;                      ///< of BP's words to LEL's with this item counted
};
struct NetworkItems {
  std::string network;
  std::vector<std::string> rules;
  std::vector<std::uint64_t> counted;  ///< words with every item idealised, by rule
  double ratio;
  std::vector<ItemCost> items;  ///< the last one is all of them together
};

/// From plans alone. With `dropout` above 0 each layer has it.
std::vector<NetworkItems> plan_items(std::int64_t batch, double dropout);
std::string items_text(const std::vector<NetworkItems>& networks, std::int64_t batch);
std::string items_json(const std::vector<NetworkItems>& networks, std::int64_t batch);

}  // namespace spillway::analysis
