// Words across the chip's border against the size of the on-chip buffer, for backpropagation and
// for local errors, each under the best schedule that the planner finds.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "workloads/network.hpp"
#include "workloads/support/units.hpp"

namespace spillway::analysis {

using workloads::Bytes;
using workloads::Macs;
using workloads::Words;

/// Sizes of buffers, ascending and each once, from a list such as "16KiB..64MiB" or
/// "100KiB, 1MiB..4MiB": A..B stands for the powers of two from A to B. Throws InputError.
std::vector<Bytes> parse_sizes(const std::string& text);
/// "16 KiB", "1 MiB", "100 B": exact.
std::string size_name(Bytes size);

/// The curves, in the order in which they are shown.
enum class Curve {
  bp,            ///< policy best
  bp_recompute,  ///< policy best-recompute
  lel,           ///< policy best
};
inline constexpr std::array all_curves{Curve::bp, Curve::bp_recompute, Curve::lel};

/// One curve at one size.
struct BufferPoint {
  Words reads, writes;
  std::string refusal;   ///< why the buffer is too small; "" when there is a plan
  Bytes smallest;        ///< the smallest buffer that works, where it is too small
  Macs macs, again;      ///< sim/plan/planned_macs.hpp, the readout's left out
  bool pending = false;  ///< of an exploration that goes on: nobody has tried yet
  bool planned() const { return refusal.empty() && !pending; }
  Words words() const { return reads + writes; }
};

struct BufferRow {
  Bytes buffer;
  std::array<BufferPoint, all_curves.size()> points;
  Words forward_alone;  ///< analysis/closed_forms/lower_bound.hpp

  const BufferPoint& at(Curve curve) const { return points[static_cast<std::size_t>(curve)]; }
  BufferPoint& at(Curve curve) { return points[static_cast<std::size_t>(curve)]; }
  struct Ratios {
    double bp, bp_recompute;
  };
  /// BP's words, without and with recomputation, over LEL's: both, or nothing where one of the
  /// three has no plan.
  std::optional<Ratios> ratios() const;
};

struct BufferBlock {
  bool batch_norm;
  std::vector<BufferRow> rows;  ///< ascending in size
};

struct BufferExploration {
  std::string network;
  std::uint64_t batch;
  Words images, weights;            ///< read once; read and written once
  Words compulsory;                 ///< analysis/closed_forms/lower_bound.hpp
  Words table1_bp, table1_lel;      ///< analysis/closed_forms/closed_form.hpp, reads and writes
  std::vector<BufferBlock> blocks;  ///< without batch-norm, then with it if the network has it
};

/// How far an exploration is.
struct ExplorationProgress {
  std::size_t begun, done, of;  ///< plans; without those that were known before
  std::string what;             ///< the plan that was begun last
};

/// Its functions are called one at a time, from any thread.
struct ExplorationOptions {
  std::size_t jobs = 0;  ///< plans made at once; 0: one for each core. The result is the same
  std::function<void(const ExplorationProgress&)> progress{};
  /// Asked once before anything is planned, with all points pending: may fill in those it knows.
  std::function<void(BufferExploration&)> recall{};
  /// Told after each plan what there is by now.
  std::function<void(const BufferExploration&)> keep{};
};

/// Plan one mini-batch for each curve and size: plain SGD, images and what batch-norm keeps for the
/// backward pass in DRAM, everything else idealised that the paper leaves out. Throws InputError.
BufferExploration explore_buffer(const workloads::Network& network, std::int64_t batch,
                                 const std::vector<Bytes>& sizes,
                                 const ExplorationOptions& options = {});

std::string exploration_text(const BufferExploration& exploration);
std::string exploration_csv(const BufferExploration& exploration);
std::string exploration_json(const BufferExploration& exploration);
std::string exploration_svg(const BufferExploration& exploration);

}  // namespace spillway::analysis
