// How each tensor of some operations follows the axes that they run along together.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "sim/plan/mapping/nest.hpp"
#include "sim/plan/operations/phases.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

class NestBuilder;
struct NestRequest;

/// The dimensions of each operand of an operation, by axes of its own.
struct OperandAccess {
  workloads::Contract contract;
  workloads::Access access;

  OperandAccess(const workloads::Step& step, const OpPart& part);
  /// Visits the tensor and the dimensions of each operand, the inputs first.
  template <class Visit>
  void for_each(const workloads::Step& step, const OpPart& part, Visit visit) const {
    const auto& in = inputs_of(step, part);
    const auto& out = outputs_of(step, part);
    for (std::size_t i = 0; i < in.size(); ++i) visit(in[i], access.inputs[i]);
    for (std::size_t o = 0; o < out.size(); ++o) visit(out[o], access.outputs[o]);
  }
};

/// The loops that run along axes of a kind.
Axis axis_of(workloads::AxisKind kind);

/// How the axes of an operation show in the loops of a nest, as far as that is known.
using AxisProjections = std::vector<std::optional<Projection>>;

/// How each tensor of a nest follows its axes; found for the main operations and handed on from
/// operand to operand.
class OperandMaps {
 public:
  OperandMaps(const NestBuilder& builder, NestSpec& spec);

  const Projections* find(workloads::TensorId id) const;

  /// Loops along the axes of an operation, which is one of the request's main ones or alone.
  void main(const OpPart& part, const NestRequest& request);

  /// Without a main operation: along the dimensions of a tensor as they are.
  void follow(workloads::TensorId id);

  /// Hand the known projections on until no new one is found.
  void complete(const std::vector<OpPart>& ops);

 private:
  void set(workloads::TensorId id, const Projections& dims) { known_.emplace(id, dims); }
  Axis take(workloads::AxisKind kind, std::int64_t extent);

  /// The loops of a main operation's places: along the operand that it is cut at, or along the
  /// maps pooled out of its result.
  void set_places(const OperandAccess& own, const workloads::Access::Dimensions& cut_at,
                  const NestRequest& request, AxisProjections& axes);
  void pool_places(const OpPart& part, const OperandAccess& own,
                   const workloads::Access::Dimensions& result, AxisProjections& axes);
  /// Maps pooled out of a result of these dimensions: along the loops as they are.
  void set_pooled(const OpPart& part, const Projections& result);

  /// Operands of which all axes are known; with `rest` whole where they are not, if any is known.
  bool hand_on(const OpPart& part, bool rest);

  const NestBuilder& builder_;
  const workloads::Step& step_;
  NestSpec& spec_;
  std::map<workloads::TensorId, Projections> known_;
};

/// Projections of an operation's axes, as the dimensions of its operands give them.
AxisProjections axes_of(const OperandAccess& own, const workloads::Step& step, const OpPart& part,
                        const std::function<const Projections*(workloads::TensorId)>& find);

}  // namespace spillway::sim
