// Makes nests of a step's operations: finds out along which axes they run together.
#pragma once

#include <string>
#include <vector>

#include "sim/plan/mapping/nest.hpp"
#include "sim/plan/operations/phases.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

struct NestRequest {
  std::string name;
  /// What makes operands of the main operations out of others, tile by tile, each time anew.
  std::vector<OpPart> before;
  /// Matrix products that share their loops; with none, element by element.
  std::vector<OpPart> main;
  /// What is done to a result as soon as it is complete.
  std::vector<OpPart> after;
  /// A weight gradient's rows and columns are cut at its input, with the halo on its output's
  /// errors, not the other way round. (A forward pass is cut at its output, an input gradient at
  /// its input.)
  bool cut_input_rows = false;
  /// The operand of a lone product that comes in pieces, while the others stay as they are: where a
  /// tile is used once at its place anyway, it takes less room so.
  std::optional<workloads::TensorId> in_pieces;
};

class NestBuilder {
 public:
  NestBuilder(const workloads::Step& step, const models::MemoryMap& map);

  /// Loops along everything that the main operations run along.
  NestSpec tiled(const NestRequest& request) const;
  /// Loops over the examples alone; every other dimension is whole.
  NestSpec streamed(const std::string& name, const std::vector<OpPart>& ops) const;

  const workloads::Step& step() const { return step_; }

 private:
  NestSpec finish(NestSpec spec, const std::vector<OpPart>& ops, std::size_t before,
                  const std::vector<Projections>& dims, const NestRequest& request) const;
  void set_finish(NestSpec& spec, const std::vector<OpPart>& ops, std::size_t before,
                  const NestRequest& request) const;
  workloads::TensorId largest_map(const OpPart& part) const;
  bool wanted_later(workloads::TensorId tensor, const std::vector<OpPart>& ops) const;

  const workloads::Step& step_;
  const models::MemoryMap& map_;
  std::vector<std::vector<std::size_t>> readers_;  // operations by tensor
};

}  // namespace spillway::sim
