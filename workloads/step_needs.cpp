#include "workloads/step_needs.hpp"

#include <algorithm>
#include <vector>

#include "workloads/kernels/access.hpp"

namespace spillway::workloads {

namespace {

/// By row and column whether a place of a map is meant; flat examples have one place.
using Places = std::vector<bool>;

std::size_t places_of(const Tensor& tensor) {
  if (tensor.shape.size() < 4) return 1;
  return static_cast<std::size_t>(tensor.shape[2] * tensor.shape[3]);
}

/// Where along a dimension an operation is at a value of an axis, clipped to it.
Range reached(const Index& index, std::int64_t at, const Access& access) {
  if (index.is(Index::Form::axis)) return {at, at + 1};
  const std::int64_t first = at * index.terms[0].stride + index.offset;
  return {std::max<std::int64_t>(first, 0),
          std::min(first + access.axes[index.terms[1].axis].extent, index.extent)};
}

/// The places of `to` that an operation uses at the places of `from`, each of which it indexes by
/// axes as they are. All of them where it does not say.
Places used_at(const Access& access, const Access::Dimensions& from, const Access::Dimensions& to,
               const Places& places, std::size_t size) {
  const auto moves = [&](std::size_t d) {
    return from[d].is(Index::Form::axis) &&
           (to[d].is(Index::Form::axis) || to[d].is(Index::Form::windows)) &&
           from[d].moving() == to[d].terms[0].axis;
  };
  if (places.size() == 1 && size == 1) return places;
  if (!moves(2) || !moves(3)) return Places(size, true);
  Places result(size);
  for (std::int64_t row = 0; row < from[2].extent; ++row) {
    for (std::int64_t column = 0; column < from[3].extent; ++column) {
      if (!places[static_cast<std::size_t>(row * from[3].extent + column)]) continue;
      const Range rows = reached(to[2], row, access), columns = reached(to[3], column, access);
      for (std::int64_t y = rows.begin; y < rows.end; ++y) {
        for (std::int64_t x = columns.begin; x < columns.end; ++x) {
          result[static_cast<std::size_t>(y * to[3].extent + x)] = true;
        }
      }
    }
  }
  return result;
}

class Needs {
 public:
  explicit Needs(const Step& step) : step_(step) {
    for (const Tensor& tensor : step.tensors) {
      errors_.emplace_back(places_of(tensor), true);
      needed_.emplace_back(places_of(tensor), false);
    }
    std::vector<Places> read;  // where errors may differ from zero that an operation reads
    for (const Op& op : step.ops) {
      read.push_back(errors_[op.inputs[0]]);
      spread_errors(op);
    }
    for (std::size_t i = step.ops.size(); i-- > 0;) need_inputs(step.ops[i], read[i]);
  }
  const Places& of(TensorId id) const { return needed_[id]; }

 private:
  void spread_errors(const Op& op) {
    const Contract contract = op.kernel.contract();
    const Access access = access_of(step_, contract, op.inputs, op.outputs);
    for (std::size_t o = 0; o < op.outputs.size(); ++o) {
      const TensorId id = op.outputs[o];
      if (contract.zero_with) {
        const std::size_t in = *contract.zero_with;
        errors_[id] = used_at(access, access.inputs[in], access.outputs[o], errors_[op.inputs[in]],
                              errors_[id].size());
      } else {
        errors_[id].assign(errors_[id].size(), true);
      }
    }
  }

  void need(TensorId id, const Places& places) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i]) needed_[id][i] = true;
    }
  }

  /// `errors`: where those that it reads may differ from zero.
  void need_inputs(const Op& op, const Places& errors) {
    const Contract contract = op.kernel.contract();
    const Access access = access_of(step_, contract, op.inputs, op.outputs);
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
      const TensorId id = op.inputs[i];
      const std::size_t size = needed_[id].size();
      if (contract.zero_with && i != *contract.zero_with) {
        need(id,
             used_at(access, access.inputs[*contract.zero_with], access.inputs[i], errors, size));
        continue;
      }
      for (std::size_t o = 0; o < op.outputs.size(); ++o) {
        need(id,
             used_at(access, access.outputs[o], access.inputs[i], needed_of(op.outputs[o]), size));
      }
    }
  }
  Places needed_of(TensorId id) const {
    const Lifetime lifetime = step_.tensor(id).lifetime;
    const bool kept = lifetime == Lifetime::parameter || lifetime == Lifetime::output;
    return kept ? Places(needed_[id].size(), true) : needed_[id];
  }

  const Step& step_;
  std::vector<Places> errors_, needed_;  // by tensor
};

}  // namespace

std::uint64_t values_needed(const Step& step, TensorId map) {
  const Needs needs(step);
  const Places& needed = needs.of(map);
  const auto places = static_cast<std::uint64_t>(std::ranges::count(needed, true));
  return step.tensor(map).elements() / needed.size() * places;
}

}  // namespace spillway::workloads
