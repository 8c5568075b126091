#include "sim/plan/mapping/operand_maps.hpp"

#include <algorithm>

#include "sim/plan/mapping/nest_builder.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

namespace w = workloads;
using w::Access;
using w::AxisId;
using w::AxisKind;
using w::Cut;
using w::Index;
using w::Step;
using w::Tensor;
using w::TensorId;
using Form = Index::Form;

Axis axis_of(AxisKind kind) {
  switch (kind) {
    case AxisKind::group: return Axis::group;
    case AxisKind::example: return Axis::example;
    case AxisKind::depth: return Axis::depth;
    case AxisKind::row: return Axis::row;
    case AxisKind::column: return Axis::column;
    case AxisKind::output: return Axis::output;
    case AxisKind::input: return Axis::input;
    case AxisKind::none: break;
  }
  throw w::ConsistencyError("no loops run along this axis");
}

namespace {

/// The places that windows at places of `p` cover, or (inverse) the windows that touch them.
Projection windows(Projection p, const Index& index, const Access& access, std::int64_t extent,
                   bool inverse) {
  if (!p.axis) return whole(extent);
  p.add({index.terms[0].stride, -index.offset, access.axes[index.terms[1].axis].extent, extent,
         inverse, p.extent});
  p.extent = extent;
  return p;
}

/// The dimension where the axes show so; nothing where one of them is not known.
std::optional<Projection> dimension(const Index& index, const Access& access,
                                    const AxisProjections& axes) {
  if (index.is(Form::whole)) return whole(index.extent);
  const Access::BoundAxis& moving = access.axes[index.moving()];
  const std::optional<Projection>& p = axes[index.moving()];
  if (!p) {
    if (moving.cut == Cut::never) return whole(index.extent);
    return std::nullopt;
  }
  if (index.is(Form::windows)) return windows(*p, index, access, index.extent, false);
  Projection result = *p;
  if (index.is(Form::groups)) {
    result.extent = index.extent;
    result.per_group = moving.extent;
  }
  return result;
}

}  // namespace

OperandAccess::OperandAccess(const Step& step, const OpPart& part)
    : contract(kernel_of(step, part).contract()),
      access(w::access_of(step, contract, inputs_of(step, part), outputs_of(step, part))) {}

AxisProjections axes_of(const OperandAccess& own, const Step& step, const OpPart& part,
                        const std::function<const Projections*(TensorId)>& find) {
  const Access& access = own.access;
  AxisProjections axes(access.axes.size());
  for (const bool inverted : {false, true}) {
    own.for_each(step, part, [&](TensorId id, const Access::Dimensions& dims) {
      const Projections* known = find(id);
      if (known == nullptr) return;
      for (std::size_t d = 0; d < dims.size(); ++d) {
        const Index& index = dims[d];
        if (index.is(Form::whole) || index.is(Form::windows) != inverted) continue;
        std::optional<Projection>& axis = axes[index.moving()];
        // An operand may have given up to follow loops that never change it.
        if (axis && (axis->axis || inverted || !(*known)[d].axis)) continue;
        const std::int64_t extent = access.axes[index.moving()].extent;
        if (inverted) {
          axis = windows((*known)[d], index, access, extent, true);
          continue;
        }
        axis = (*known)[d];
        if (!index.is(Form::groups)) continue;
        const bool in_groups = axis->per_group != 0;
        axis->extent = extent;
        axis->per_group = 0;
        std::optional<Projection>& group = axes[index.terms[0].axis];
        const std::int64_t groups = access.axes[index.terms[0].axis].extent;
        if (!group) group = in_groups ? along(Axis::group, groups) : whole(groups);
      }
    });
  }
  return axes;
}

OperandMaps::OperandMaps(const NestBuilder& builder, NestSpec& spec)
    : builder_(builder), step_(builder.step()), spec_(spec) {}

const Projections* OperandMaps::find(TensorId id) const {
  const auto found = known_.find(id);
  return found == known_.end() ? nullptr : &found->second;
}

Axis OperandMaps::take(AxisKind kind, std::int64_t extent) {
  const Axis axis = axis_of(kind);
  spec_.extent[index(axis)] = extent;
  return axis;
}

void OperandMaps::main(const OpPart& part, const NestRequest& request) {
  const OperandAccess& own = builder_.access(part);
  const Access& access = own.access;
  AxisProjections axes(access.axes.size());
  const auto& candidates = own.contract.cut_at;
  const Access::Dimensions* cut_at = nullptr;
  if (!candidates.empty()) {
    // Beside another product it is cut as that one is, at its last candidate.
    const bool last = request.cut_last || request.main.size() > 1;
    const w::OperandId at = candidates[last ? candidates.size() - 1 : 0];
    cut_at = &(at.output ? access.outputs : access.inputs)[at.at];
    set_places(own, *cut_at, request, axes);
  }
  for (std::size_t a = 0; a < axes.size(); ++a) {
    const Access::BoundAxis& axis = access.axes[a];
    if (axes[a] || axis.kind == AxisKind::none) continue;
    if (axis.cut == Cut::freely) {
      axes[a] = along(take(axis.kind, axis.extent), axis.extent);
    } else {
      axes[a] = whole(axis.extent);
    }
  }
  own.for_each(step_, part, [&](TensorId id, const Access::Dimensions& dims) {
    if (find(id) != nullptr) return;
    Projections result;
    for (std::size_t d = 0; d < dims.size(); ++d) {
      if (d >= step_.tensor(id).shape.size()) continue;
      if (&dims == cut_at && dims[d].is(Form::windows)) {
        result[d] = along(axis_of(access.axes[dims[d].moving()].kind), dims[d].extent);
      } else {
        result[d] = dimension(dims[d], access, axes).value_or(whole(dims[d].extent));
      }
    }
    set(id, result);
  });
  if (candidates.empty()) return;
  for (const OpPart& after : request.after) set_pooled(after, *find(outputs_of(step_, part)[0]));
}

void OperandMaps::set_places(const OperandAccess& own, const Access::Dimensions& cut_at,
                             const NestRequest& request, AxisProjections& axes) {
  for (const Index& index : cut_at) {
    if (!index.is(Form::windows)) continue;
    const AxisId place = index.terms[0].axis;
    const Access::BoundAxis& axis = own.access.axes[place];
    const Projection loops = along(take(axis.kind, index.extent), index.extent);
    axes[place] = windows(loops, index, own.access, axis.extent, true);
  }
  for (const OpPart& part : request.after) pool_places(part, own, cut_at, axes);
}

void OperandMaps::pool_places(const OpPart& part, const OperandAccess& own,
                              const Access::Dimensions& result, AxisProjections& axes) {
  const OperandAccess& pool = builder_.access(part);
  if (!pool.contract.has_windows()) return;
  pool.for_each(step_, part, [&](TensorId, const Access::Dimensions& dims) {
    for (std::size_t d = 0; d < dims.size(); ++d) {
      if (!dims[d].is(Form::windows) || !result[d].is(Form::axis)) continue;
      const Access::BoundAxis& pooled = pool.access.axes[dims[d].terms[0].axis];
      const AxisId place = result[d].moving();
      const Projection loops =
          along(take(own.access.axes[place].kind, pooled.extent), pooled.extent);
      axes[place] = windows(loops, dims[d], pool.access, dims[d].extent, false);
    }
  });
}

void OperandMaps::set_pooled(const OpPart& part, const Projections& result) {
  const OperandAccess& pool = builder_.access(part);
  if (!pool.contract.has_windows()) return;
  for (std::size_t o = 0; o < outputs_of(step_, part).size(); ++o) {
    Projections dims;
    for (std::size_t d = 0; d < dims.size(); ++d) {
      const Index& index = pool.access.outputs[o][d];
      const AxisKind kind = pool.access.axes[index.moving()].kind;
      const bool place = kind != AxisKind::none && is_of_map(axis_of(kind));
      dims[d] = place ? along(axis_of(kind), index.extent) : result[d];
    }
    set(outputs_of(step_, part)[o], dims);
  }
}

void OperandMaps::follow(TensorId id) {
  const Tensor& tensor = step_.tensor(id);
  Projections dims;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) dims[d] = whole(tensor.shape[d]);
  const auto along_axis = [&](std::size_t d, AxisKind kind) {
    if (d < tensor.shape.size()) dims[d] = along(take(kind, tensor.shape[d]), tensor.shape[d]);
  };
  if (w::has_examples(tensor.kind)) {
    along_axis(0, AxisKind::example);
    along_axis(1, AxisKind::output);
    const std::size_t rows = tensor.shape.size() > 4 ? 3 : 2;
    if (rows == 3) along_axis(2, AxisKind::depth);
    along_axis(rows, AxisKind::row);
    along_axis(rows + 1, AxisKind::column);
  } else if (tensor.shape.size() > 1 || tensor.shape[0] > 2) {
    const bool channels_second = tensor.kind == w::TensorKind::norm_parameters ||
                                 tensor.kind == w::TensorKind::norm_gradients ||
                                 tensor.kind == w::TensorKind::norm_statistics;
    along_axis(channels_second ? 1 : 0, AxisKind::output);
    if (!channels_second) along_axis(1, AxisKind::input);
  }
  set(id, dims);
}

void OperandMaps::complete(const std::vector<OpPart>& ops) {
  const auto pass = [&](bool rest) {
    bool found = false;
    for (const OpPart& part : ops) {
      found = hand_on(part, rest) || found;
      if (rest && found) return true;
    }
    for (auto part = ops.rbegin(); part != ops.rend(); ++part)
      found = hand_on(*part, rest) || found;
    return found;
  };
  while (pass(false) || pass(true)) {
  }
  for (const OpPart& part : ops) {
    for (const auto* ids : {&inputs_of(step_, part), &outputs_of(step_, part)}) {
      for (const TensorId id : *ids) {
        if (find(id) == nullptr) {
          throw w::ConsistencyError("nest " + spec_.name + " finds no axes for " +
                                    step_.tensor(id).name);
        }
      }
    }
  }
}

bool OperandMaps::hand_on(const OpPart& part, bool rest) {
  const OperandAccess& own = builder_.access(part);
  AxisProjections axes = axes_of(own, step_, part, [&](TensorId id) { return find(id); });
  if (rest) {
    if (std::ranges::none_of(axes, [](const auto& axis) { return axis.has_value(); })) return false;
    for (std::size_t a = 0; a < axes.size(); ++a) {
      if (!axes[a]) axes[a] = whole(own.access.axes[a].extent);
    }
  }
  bool found = false;
  own.for_each(step_, part, [&](TensorId id, const Access::Dimensions& dims) {
    if (find(id) != nullptr) return;
    Projections result;
    for (std::size_t d = 0; d < step_.tensor(id).shape.size(); ++d) {
      const auto known = dimension(dims[d], own.access, axes);
      if (!known) return;
      result[d] = *known;
    }
    set(id, result);
    found = true;
  });
  return found;
}

}  // namespace spillway::sim
