// Words across the chip's border against the size of the on-chip buffer, for learning rules side by
// side, each under the best schedule that the planner finds.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/figures/planned_points.hpp"
#include "workloads/network.hpp"
#include "workloads/support/units.hpp"

namespace spillway::analysis {

/// Sizes of buffers, ascending and each once, from a list such as "16KiB..64MiB" or
/// "100KiB, 1MiB..4MiB": A..B stands for the powers of two from A to B. Throws InputError.
std::vector<Bytes> parse_sizes(const std::string& text);
/// "16 KiB", "1 MiB", "100 B": exact.
std::string size_name(Bytes size);

/// A learning rule under a policy.
struct Curve {
  std::string rule;
  bool recompute = false;  ///< policy best-recompute; else best
  bool operator==(const Curve&) const = default;
};
/// In the order in which they are shown: of each rule under `best`, then under `best-recompute`.
/// Throws InputError for a rule that there is not.
std::vector<Curve> curves_of(const std::vector<std::string>& rules);
/// The rules that are compared when none are named.
const std::vector<std::string>& usual_rules();

/// "BP", "LEL-TLC"; "BP recomputing".
std::string rule_title(std::string rule);
std::string curve_title(const Curve& curve);

struct BufferRow {
  Bytes buffer;
  std::vector<BufferPoint> points;  ///< by curve
  Words forward_alone;              ///< analysis/closed_forms/lower_bound.hpp
  /// By rule, what no schedule without recomputation moves less than (lower_bound.hpp).
  std::vector<Words> bounds;
};

struct BufferBlock {
  bool batch_norm;
  std::vector<BufferRow> rows;  ///< ascending in size
};

struct BufferExploration {
  std::string network;
  std::uint64_t batch;
  Words images, weights;  ///< read once; read and written once
  Words compulsory;       ///< analysis/closed_forms/lower_bound.hpp
  /// By rule: its name, and reads and writes by its closed form, if it has one.
  std::vector<std::pair<std::string, std::optional<Words>>> rules;
  std::vector<Curve> curves;        ///< of these rules
  std::vector<BufferBlock> blocks;  ///< without batch-norm, then with it if the network has it

  /// What a curve is compared with: the last rule's curve under the same policy.
  std::size_t reference(std::size_t curve) const;
  /// Curves of all rules but the last one.
  std::vector<std::size_t> compared() const;
  /// The rule of a curve, an index of `rules` and of bounds.
  std::size_t rule_of(std::size_t curve) const;
  /// Their words over the reference's; nothing where any curve has no plan.
  std::optional<std::vector<double>> ratios(const BufferRow& row) const;
  /// The first rule's closed form over the last's; nothing of one rule or without either form.
  std::optional<double> closed_form_ratio() const;
};

/// Its functions are called one at a time, from any thread.
struct ExplorationOptions {
  std::vector<std::string> rules = usual_rules();  ///< each once
  std::size_t jobs = 0;  ///< plans made at once; 0: one for each core. The result is the same
  std::function<void(const ExplorationProgress&)> progress{};
  /// Asked once before anything is planned, with all points pending: may fill in those it knows.
  std::function<void(BufferExploration&)> recall{};
  /// Told after each plan what there is by now.
  std::function<void(const BufferExploration&)> keep{};
};

/// Plan one mini-batch for each curve and size: plain SGD, everything in DRAM, nothing idealised.
/// Throws InputError, also when a rule does not fit the network.
BufferExploration explore_buffer(const workloads::Network& network, std::int64_t batch,
                                 const std::vector<Bytes>& sizes,
                                 const ExplorationOptions& options = {});

std::string exploration_text(const BufferExploration& exploration);
std::string exploration_csv(const BufferExploration& exploration);
std::string exploration_json(const BufferExploration& exploration);
std::string exploration_svg(const BufferExploration& exploration);

}  // namespace spillway::analysis
