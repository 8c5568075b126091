#include "workloads/kernels/access.hpp"

#include <optional>
#include <string>
#include <utility>

#include "workloads/support/error.hpp"

namespace spillway::workloads {

namespace {

using Shapes = std::span<const TensorShape* const>;

class Binding {
 public:
  Binding(const Contract& contract, Shapes inputs, Shapes outputs) : contract_(contract) {
    for (std::size_t i = 0; i < inputs.size(); ++i) note(contract.inputs[i], *inputs[i]);
    for (std::size_t i = 0; i < outputs.size(); ++i) note(contract.outputs[i], *outputs[i]);
    for (std::size_t a = 0; a < contract.axes.size(); ++a) bind(static_cast<AxisId>(a));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      access_.inputs.push_back(dimensions(contract.inputs[i], *inputs[i]));
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      access_.outputs.push_back(dimensions(contract.outputs[i], *outputs[i]));
    }
  }
  Access access() && { return std::move(access_); }

 private:
  /// The dimensions that a flat axis stands for in a tensor, if the operand has one.
  struct Flat {
    AxisId axis;
    std::size_t first, count;
  };
  std::optional<Flat> flat_of(const Operand& operand, const TensorShape& shape) const {
    const std::size_t rank = shape.size(), mapped = operand.map.size();
    for (std::size_t d = 0; d < mapped; ++d) {
      const Index& index = operand.map[d];
      if (!index.is(Index::Form::axis) || !contract_.axes[index.moving()].flat) continue;
      if (rank < mapped) refuse(operand);
      return Flat{index.moving(), d, rank - mapped + 1};
    }
    if (rank > mapped) refuse(operand);
    return std::nullopt;
  }
  [[noreturn]] static void refuse(const Operand& operand) {
    throw ConsistencyError("a tensor does not have the dimensions of the operand " +
                           std::string(operand.name));
  }

  void note(const Operand& operand, const TensorShape& shape) {
    const auto flat = flat_of(operand, shape);
    if (!flat) return;
    const auto begin = shape.begin() + static_cast<std::ptrdiff_t>(flat->first);
    const TensorShape part(begin, begin + static_cast<std::ptrdiff_t>(flat->count));
    Dimensions& known = flat_[flat->axis];
    if (known.shape.empty()) known.shape = part;
    known.alike = known.alike && known.shape == part;
  }

  void bind(AxisId id) {
    const Axis& axis = contract_.axes[id];
    first_[id] = static_cast<AxisId>(access_.axes.size());
    if (!axis.flat || !flat_[id].alike || flat_[id].shape.empty()) {
      access_.axes.push_back(
          {id, axis.kind, axis.extent, axis.flat ? Cut::never : axis.cut, axis.side});
      return;
    }
    constexpr std::array kinds{AxisKind::row, AxisKind::column};
    for (std::size_t d = 0; d < flat_[id].shape.size(); ++d) {
      const bool first = d == 0;
      const AxisKind kind = first || axis.kind == AxisKind::none || d > kinds.size()
                                ? (first ? axis.kind : AxisKind::none)
                                : kinds[d - 1];
      access_.axes.push_back(
          {id, kind, flat_[id].shape[d], first ? axis.cut : axis.rest, axis.side});
    }
  }

  Access::Dimensions dimensions(const Operand& operand, const TensorShape& shape) const {
    Access::Dimensions result{};
    const auto flat = flat_of(operand, shape);
    std::size_t at = 0;
    for (const Index& index : operand.map) {
      if (at >= shape.size()) break;  // of extent 1 in all that have fewer dimensions
      if (!flat || index.terms[0].axis != flat->axis || !index.is(Index::Form::axis)) {
        result[at] = index;
        for (Index::Term& term : result[at].terms) term.axis = first_[term.axis];
        ++at;
        continue;
      }
      for (std::size_t d = 0; d < flat->count; ++d, ++at) {
        if (!flat_[flat->axis].alike) {
          result[at] = Contract::whole(shape[at]);
          continue;
        }
        const auto axis = static_cast<AxisId>(first_[flat->axis] + d);
        result[at] = {Index::Form::axis, shape[at], 0, {{{axis, 1}, {}}}};
      }
    }
    for (std::size_t d = 0; d < shape.size(); ++d) {
      if (result[d].extent != shape[d]) refuse(operand);
    }
    return result;
  }

  struct Dimensions {
    TensorShape shape;
    bool alike = true;
  };
  const Contract& contract_;
  Access access_;
  std::array<Dimensions, 10> flat_;  // by axis of the contract
  std::array<AxisId, 10> first_{};   // number of its first bound axis
};

}  // namespace

Access access_of(const Contract& contract, Shapes inputs, Shapes outputs) {
  return Binding(contract, inputs, outputs).access();
}

}  // namespace spillway::workloads
