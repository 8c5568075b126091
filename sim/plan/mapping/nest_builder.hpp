// Makes nests of a step's operations: finds out along which axes they run together.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/plan/counted_words.hpp"
#include "sim/plan/mapping/nest.hpp"
#include "sim/plan/mapping/operand_maps.hpp"
#include "sim/plan/operations/phases.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

struct NestRequest {
  std::string name;
  /// Operations that make operands of the main ones, tile by tile, each time anew.
  std::vector<OpPart> before;
  /// Matrix products that share their loops; with none, element by element.
  std::vector<OpPart> main;
  /// Operations on a result, as soon as it is complete.
  std::vector<OpPart> after;
  /// Rows and columns are cut at the last operand that the contract names for it, not at the first:
  /// a weight gradient's at its input, with the halo on its output's errors.
  bool cut_last = false;
  /// Examples and maps are taken in one go, as a channel's statistics need them all: then
  /// operations that wait for these go on with the channel, and what `before` makes is made once
  /// and stored if it is used later.
  bool whole_batch = false;
  /// The operand of a lone product that comes in pieces, while the others stay as they are: where a
  /// tile is used once at its place anyway, it takes less room so.
  std::optional<workloads::TensorId> in_pieces;
};

class NestBuilder {
 public:
  NestBuilder(const workloads::Step& step, const CountedWords& counted);

  /// Loops along everything that the main operations run along.
  NestSpec tiled(const NestRequest& request) const;
  /// Loops over the examples alone; every other dimension is whole.
  NestSpec streamed(const std::string& name, const std::vector<OpPart>& ops) const;

  const workloads::Step& step() const { return step_; }
  /// The contract of an operation or phase, on its tensors.
  const OperandAccess& access(const OpPart& part) const;

 private:
  /// The tensor's slot, a new one where the nest has none.
  std::size_t slot_for(NestSpec& spec, workloads::TensorId id, const Projections& dims,
                       Slot::Source source) const;
  /// Operation i of `ops`, with slots for its operands.
  void add_op(NestSpec& spec, const std::vector<OpPart>& ops, std::size_t i, bool on_demand,
              const std::vector<Projections>& dims, const NestRequest& request) const;
  NestSpec finish(NestSpec spec, const std::vector<OpPart>& ops, std::size_t before,
                  const std::vector<Projections>& dims, const NestRequest& request) const;
  void set_epilogue(NestSpec& spec, const std::vector<OpPart>& ops, std::size_t before,
                    const NestRequest& request) const;
  workloads::TensorId largest_map(const OpPart& part) const;
  bool wanted_later(workloads::TensorId tensor, const std::vector<OpPart>& ops) const;

  const workloads::Step& step_;
  CountedWords counted_;
  std::vector<std::vector<std::size_t>> readers_;  // operations by tensor
  std::vector<OperandAccess> whole_;               // by operation
  mutable std::map<std::pair<std::size_t, std::string>, OperandAccess> phases_;
};

}  // namespace spillway::sim
