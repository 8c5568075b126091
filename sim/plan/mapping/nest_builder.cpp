#include "sim/plan/mapping/nest_builder.hpp"

#include <algorithm>

#include "models/kernel_cost.hpp"
#include "models/lfsr.hpp"
#include "sim/plan/lifetimes/op_needs.hpp"
#include "sim/plan/limits.hpp"
#include "sim/plan/mapping/operand_maps.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

namespace w = workloads;
using w::Kernel;
using w::Op;
using w::Step;
using w::Tensor;
using w::TensorId;

namespace {

/// The axis along which some operands may stay while the others come in smaller tiles.
std::optional<Axis> kept_along(const w::Contract& contract) {
  if (!contract.kept_along) return std::nullopt;
  return axis_of(contract.axes[*contract.kept_along].kind);
}

/// Its contract says more about loops than the dimensions of its tensors: a loss's classes are
/// never cut.
bool has_own_loops(const w::Contract& contract) {
  return !contract.is_product() && std::ranges::any_of(contract.axes, [](const w::Axis& axis) {
    return axis.kind != w::AxisKind::none && (axis.cut == w::Cut::never || axis.flat);
  });
}

void set_outer(Slot& slot, Axis axis) {
  for (Projection& p : slot.dims) p.outer |= p.axis == axis;
}

}  // namespace

NestBuilder::NestBuilder(const Step& step, const CountedWords& counted)
    : step_(step), counted_(counted), readers_(step.tensors.size()) {
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    for (const TensorId id : op_needs(step, step.ops[i]).reads) readers_[id].push_back(i);
    whole_.emplace_back(step, OpPart(i));
  }
}

const OperandAccess& NestBuilder::access(const OpPart& part) const {
  if (!part.kernel) return whole_[part.op];
  return phases_.try_emplace({part.op, part.kernel->name()}, step_, part).first->second;
}

bool NestBuilder::wanted_later(TensorId id, const std::vector<OpPart>& ops) const {
  const Tensor& tensor = step_.tensor(id);
  if (tensor.lifetime == w::Lifetime::parameter || tensor.lifetime == w::Lifetime::output) {
    return true;
  }
  std::size_t last_writer = 0;
  for (const OpPart& part : ops) {
    const std::vector<TensorId>& out = outputs_of(step_, part);
    if (std::find(out.begin(), out.end(), id) != out.end()) last_writer = part.op;
  }
  return std::any_of(readers_[id].begin(), readers_[id].end(), [&](std::size_t reader) {
    return reader > last_writer && std::none_of(ops.begin(), ops.end(), [&](const OpPart& part) {
             return part.op == reader;
           });
  });
}

/// The tensor whose dimensions an operation on single elements runs along: a map, where it has one;
/// where windows overlap, as in pooling, the result, so that each of its elements is made once.
TensorId NestBuilder::largest_map(const OpPart& part) const {
  std::vector<TensorId> ids = outputs_of(step_, part);
  if (!access(part).contract.has_windows()) {
    const std::vector<TensorId>& in = inputs_of(step_, part);
    ids.insert(ids.end(), in.begin(), in.end());
  }
  const auto rank = [&](TensorId id) {
    const Tensor& tensor = step_.tensor(id);
    const bool map = !tensor.generated && w::has_examples(tensor.kind);
    // Through scores no axis is found for the maps under them, or for errors made of theirs.
    const bool scores = tensor.kind == w::TensorKind::scores ||
                        tensor.kind == w::TensorKind::score_errors ||
                        tensor.kind == w::TensorKind::labels;
    return std::tuple(map && !scores, map, tensor.elements());
  };
  return *std::max_element(ids.begin(), ids.end(),
                           [&](TensorId a, TensorId b) { return rank(a) < rank(b); });
}

namespace {

/// All loops but those along outputs; along inputs, too, unless what is made on demand has to be
/// made once.
void keep_batch_whole(NestSpec& spec, bool inputs) {
  spec.uncut[index(Axis::example)] = true;
  for (const Axis axis : map_axes) spec.uncut[index(axis)] = true;
  if (inputs) spec.uncut[index(Axis::input)] = true;
}

}  // namespace

NestSpec NestBuilder::tiled(const NestRequest& request) const {
  NestSpec spec;
  spec.name = request.name;
  OperandMaps mapping(*this, spec);
  for (const OpPart& part : request.main) mapping.main(part, request);
  if (!request.main.empty() && !request.in_pieces) {
    spec.split = kept_along(access(request.main.back()).contract);
  }
  for (const Axis axis : map_axes) {
    spec.uncut[index(axis)] = request.main.size() > 1;
  }
  if (request.whole_batch) keep_batch_whole(spec, !request.before.empty());
  std::vector<OpPart> ops = request.before;
  ops.insert(ops.end(), request.main.begin(), request.main.end());
  ops.insert(ops.end(), request.after.begin(), request.after.end());
  if (request.main.empty() && has_own_loops(access(ops.back()).contract)) {
    mapping.main(ops.back(), request);
  } else if (request.main.empty()) {
    mapping.follow(largest_map(ops.back()));
  }
  mapping.complete(ops);
  std::vector<Projections> dims(step_.tensors.size());
  for (const OpPart& part : ops) {
    for (const auto* ids : {&inputs_of(step_, part), &outputs_of(step_, part)}) {
      for (const TensorId id : *ids) dims[id] = *mapping.find(id);
    }
  }
  return finish(std::move(spec), ops, request.before.size(), dims, request);
}

NestSpec NestBuilder::streamed(const std::string& name, const std::vector<OpPart>& ops) const {
  NestSpec spec;
  spec.name = name;
  spec.extent[index(Axis::example)] = step_.batch;
  std::vector<Projections> dims(step_.tensors.size());
  for (const Tensor& tensor : step_.tensors) {
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
      dims[tensor.id][d] = d == 0 && w::has_examples(tensor.kind)
                               ? along(Axis::example, tensor.shape[d])
                               : whole(tensor.shape[d]);
    }
  }
  return finish(std::move(spec), ops, 0, dims, {});
}

/// Operations on a product's result go through it a few channels at a time, so that they need
/// no second tile of that size.
void NestBuilder::set_epilogue(NestSpec& spec, const std::vector<OpPart>& ops, std::size_t before,
                               const NestRequest& request) const {
  if (request.main.empty() || spec.extent[index(Axis::group)] > 1) return;
  const std::size_t first = before + request.main.size();
  const Slot& result = spec.slots[spec.ops[before].outputs.front().slot];
  if (!result.dims[1].axis || !w::has_examples(step_.tensor(result.tensor).kind)) return;
  NestSpec::Epilogue epilogue{*result.dims[1].axis, first, first};
  const auto is_map = [&](const Slot& slot) {
    return w::has_examples(step_.tensor(slot.tensor).kind) && slot.dims[1].axis == epilogue.axis &&
           slot.source != Slot::Source::streamed;
  };
  const auto takes_maps = [&](const NestOp& op) {
    return std::any_of(op.inputs.begin(), op.inputs.end(), [&](const NestOp::Operand& operand) {
      return is_map(spec.slots[operand.slot]);
    });
  };
  while (epilogue.last < ops.size() && takes_maps(spec.ops[epilogue.last])) ++epilogue.last;
  if (epilogue.first == epilogue.last) return;
  spec.epilogue = epilogue;
  for (std::size_t s = 0; s < spec.slots.size(); ++s) {
    if (!is_map(spec.slots[s])) continue;
    bool inside = true;
    for (std::size_t i = 0; i < spec.ops.size(); ++i) {
      if (spec.ops[i].uses(s) && (i < epilogue.first || i >= epilogue.last)) inside = false;
    }
    spec.slots[s].in_epilogue = inside;
  }
}

namespace {

/// Places next to each other have elements of the dimension in common.
bool overlaps(const Projection& p) {
  return std::any_of(p.stage.begin(), p.stage.begin() + p.stages, [](const Projection::Stage& s) {
    return s.kernel > (s.inverse ? 1 : s.stride);
  });
}
/// A place of an axis has none of the dimension.
bool leaves_out(const Projection& p, std::int64_t extent) {
  for (std::int64_t place = 0; place < extent; ++place) {
    if (p.apply({place, place + 1}).size() == 0) return true;
  }
  return false;
}

/// Inner loops along the axes of one operand of a lone product; the others keep to the outer ones.
void set_pieces(NestSpec& spec, std::size_t slot) {
  const auto one_by_one = [&](Axis axis) {
    for (std::size_t s = 0; s < spec.slots.size(); ++s) {
      for (const Projection& p : spec.slots[s].dims) {
        if (p.axis != axis) continue;
        if ((s == slot && overlaps(p)) || leaves_out(p, spec.extent[index(axis)])) return false;
      }
    }
    return true;
  };
  // An operand that takes part once for each output is not refetched by loops inside of its own.
  for (const Axis axis :
       {Axis::output, Axis::input, Axis::example, Axis::depth, Axis::row, Axis::column}) {
    const Projections& dims = spec.slots[slot].dims;
    const std::int64_t extent = spec.extent[index(axis)];
    if (extent == 1 || std::none_of(dims.begin(), dims.end(),
                                    [&](const Projection& p) { return p.axis == axis; })) {
      continue;
    }
    // On large maps the words that pieces have in common cost more than their room is worth.
    if (one_by_one(axis)) {
      spec.pieces.push_back({axis, true});
    } else if (extent <= limits.small_map) {
      spec.pieces.push_back({axis, false});
    }
  }
  const NestOp& product = spec.ops.front();
  for (const auto* operands : {&product.inputs, &product.outputs}) {
    for (const NestOp::Operand& operand : *operands) {
      if (operand.once || operand.slot == slot) continue;
      for (const NestSpec::Pieces& along : spec.pieces) {
        set_outer(spec.slots[operand.slot], along.axis);
      }
    }
  }
}

/// Axes that an operation takes in one go stay uncut.
void keep_uncut(NestSpec& spec, const Step& step, const OpPart& part, const OperandAccess& own,
                const std::vector<Projections>& dims) {
  const auto never = [](const w::Access::BoundAxis& axis) {
    return axis.cut == w::Cut::never && axis.kind != w::AxisKind::none;
  };
  if (std::ranges::none_of(own.access.axes, never)) return;
  const AxisProjections axes = axes_of(own, step, part, [&](TensorId id) { return &dims[id]; });
  for (std::size_t a = 0; a < axes.size(); ++a) {
    if (!never(own.access.axes[a]) || !axes[a] || !axes[a]->axis) continue;
    spec.uncut[index(*axes[a]->axis)] = true;
  }
}

/// The product's sides, by the loops that its axes show in.
std::optional<ArrayProduct> product_of(const Step& step, const OpPart& part,
                                       const OperandAccess& own,
                                       const std::vector<Projections>& dims) {
  if (!own.contract.is_product()) return std::nullopt;
  const std::optional<models::Gemm> whole = models::kernel_cost(own.contract).gemm;
  ArrayProduct product{*whole, {}, {}};
  const AxisProjections axes = axes_of(own, step, part, [&](TensorId id) { return &dims[id]; });
  for (std::size_t a = 0; a < axes.size(); ++a) {
    if (!axes[a] || !axes[a]->axis) continue;
    const std::size_t loop = index(*axes[a]->axis);
    auto& side = product.side[loop];
    if (own.access.axes[a].side != w::Side::none) product.projection[loop] = *axes[a];
    switch (own.access.axes[a].side) {
      case w::Side::m: side = &models::Gemm::m; break;
      case w::Side::n: side = &models::Gemm::n; break;
      case w::Side::k: side = &models::Gemm::k; break;
      case w::Side::count: side = &models::Gemm::count; break;
      case w::Side::none: break;
    }
    if (axes[a]->per_group != 0) {
      const auto groups = axes[a]->extent / axes[a]->per_group;
      product.side[index(Axis::group)] = &models::Gemm::count;
      product.projection[index(Axis::group)] = along(Axis::group, groups);
    }
  }
  return product;
}

/// All windows cover the whole dimension, or none covers any of it.
bool always_whole(const Projection& p, std::int64_t extent) {
  if (p.apply({0, extent}).size() == 0) return true;
  for (std::int64_t place = 0; place < extent; ++place) {
    if (p.apply({place, place + 1}).size() != p.extent) return false;
  }
  return true;
}

/// Operations that run on demand do so for the slot that the main operations take from them.
void set_on_demand(NestSpec& spec, std::size_t before) {
  for (std::size_t i = before; i-- > 0;) {
    const std::size_t output = spec.ops[i].outputs[0].slot;
    spec.ops[i].on_demand = output;
    for (std::size_t later = i + 1; later < before; ++later) {
      const NestOp& user = spec.ops[later];
      if (user.takes(output)) spec.ops[i].on_demand = user.on_demand;
    }
  }
}

/// An update goes by rows through the operands that it alone uses, where its gradient has other
/// users.
void set_row_parts(NestSpec& spec, NestOp& op) {
  const auto users = [&](std::size_t slot) {
    return std::count_if(spec.ops.begin(), spec.ops.end(),
                         [&](const NestOp& other) { return other.uses(slot); });
  };
  if (users(op.inputs[1].slot) <= 1) return;
  for (const NestOp::Operand& operand : op.inputs) {
    if (users(operand.slot) == 1) spec.slots[operand.slot].in_parts = op.in_parts = true;
  }
}

/// Weights and their gradients stay while maps come in smaller tiles.
void keep_to_outer_loops(NestSpec& spec, NestOp& op, const w::Contract& contract) {
  op.outer = contract.by_rows;
  for (std::size_t o = 0; o < op.inputs.size(); ++o) {
    if (!contract.by_rows && !contract.inputs[o].kept) continue;
    set_outer(spec.slots[op.inputs[o].slot], *spec.split);
  }
  for (std::size_t o = 0; o < op.outputs.size(); ++o) {
    if (!contract.by_rows && !contract.outputs[o].kept) continue;
    set_outer(spec.slots[op.outputs[o].slot], *spec.split);
  }
}

/// Windows that all cover a whole dimension, wherever they are, do not move along it; those that
/// all lie on padding might as well.
void drop_axes_without_moves(NestSpec& spec) {
  for (Slot& slot : spec.slots) {
    if (slot.changed) continue;
    for (Projection& p : slot.dims) {
      if (p.axis && p.stages > 0 && always_whole(p, spec.extent[index(*p.axis)])) p.axis.reset();
    }
  }
}

/// The operation runs along the axes of all its operands.
void set_runs(const NestSpec& spec, NestOp& op) {
  for (const auto* operands : {&op.inputs, &op.outputs}) {
    for (const NestOp::Operand& operand : *operands) {
      for (const Projection& p : spec.slots[operand.slot].dims) {
        if (p.axis) op.runs[index(*p.axis)] = true;
        if (p.axis && p.per_group != 0) op.runs[index(Axis::group)] = true;
      }
    }
  }
}

/// Operands that take part once are those of the contract.
void set_once(NestOp& op, const w::Contract& contract) {
  for (std::size_t o = 0; o < op.inputs.size(); ++o) op.inputs[o].once = contract.inputs[o].once;
  for (std::size_t o = 0; o < op.outputs.size(); ++o) {
    op.outputs[o].once = contract.outputs[o].once;
  }
}

}  // namespace

std::size_t NestBuilder::slot_for(NestSpec& spec, TensorId id, const Projections& dims,
                                  Slot::Source source) const {
  const std::size_t found = spec.slot_of(id);
  if (found < spec.slots.size()) return found;
  const Tensor& tensor = step_.tensor(id);
  Slot slot;
  slot.tensor = id;
  slot.dims = dims;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) slot.dims[d].extent = tensor.shape[d];
  slot.element = tensor.element;
  slot.counted = counted_.counts(id);
  slot.source = tensor.generated ? Slot::Source::streamed : source;
  if (tensor.generated) slot.per_clock = models::elements_per_clock(tensor.generated->values);
  spec.slots.push_back(slot);
  return found;
}

void NestBuilder::add_op(NestSpec& spec, const std::vector<OpPart>& ops, std::size_t i,
                         bool on_demand, const std::vector<Projections>& dims,
                         const NestRequest& request) const {
  using Source = Slot::Source;
  const OpPart& part = ops[i];
  NestOp op;
  op.op = part.op;
  op.kernel = part.kernel;
  for (const TensorId id : inputs_of(step_, part)) {
    op.inputs.push_back({slot_for(spec, id, dims[id], Source::outside)});
    if (!step_.tensor(id).generated) continue;
    const w::Generated& made = *step_.tensor(id).generated;
    op.seeds.push_back(slot_for(spec, made.seed, dims[made.seed], Source::outside));
    if (!made.sign_seed) continue;
    op.seeds.push_back(slot_for(spec, *made.sign_seed, dims[*made.sign_seed], Source::outside));
  }
  for (const TensorId id : outputs_of(step_, part)) {
    const bool again = on_demand && !(request.whole_batch && wanted_later(id, ops));
    op.outputs.push_back({slot_for(spec, id, dims[id], again ? Source::recomputed : Source::made)});
    Slot& slot = spec.slots[op.outputs.back().slot];
    slot.changed = true;
    slot.on_demand |= on_demand;
    slot.wanted = slot.source != Source::recomputed && wanted_later(id, ops);
  }
  const OperandAccess& own = access(part);
  set_runs(spec, op);
  set_once(op, own.contract);
  op.product = product_of(step_, part, own, dims);
  op.elements = own.contract.elementwise;
  keep_uncut(spec, step_, part, own, dims);
  spec.ops.push_back(std::move(op));
}

NestSpec NestBuilder::finish(NestSpec spec, const std::vector<OpPart>& ops, std::size_t before,
                             const std::vector<Projections>& dims,
                             const NestRequest& request) const {
  for (std::size_t i = 0; i < ops.size(); ++i) add_op(spec, ops, i, i < before, dims, request);
  set_on_demand(spec, before);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const w::Contract& contract = access(ops[i]).contract;
    if (contract.by_rows) set_row_parts(spec, spec.ops[i]);
    const bool product = i >= before && i < before + request.main.size();
    if (spec.split && (contract.by_rows || product)) {
      keep_to_outer_loops(spec, spec.ops[i], contract);
    }
  }
  if (request.in_pieces) set_pieces(spec, spec.slot_of(*request.in_pieces));
  set_epilogue(spec, ops, before, request);
  drop_axes_without_moves(spec);
  return spec;
}

}  // namespace spillway::sim
