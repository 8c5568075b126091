#include "sim/plan/fusion/fusion_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace spillway::sim {

using workloads::Lifetime;
using workloads::Step;
using workloads::Tensor;
using workloads::TensorId;

FusionGraph::FusionGraph(const ScheduleTask& task)
    : step_(task.step), builder_(task.step, task.counted()), parts_(parts_of(task.step)) {
  if (!step_.is_chain) {
    step_order();
  } else if (parts_.backward) {
    backward_order();
  } else {
    layer_order();
  }
  parts_of_op_.resize(step_.ops.size());
  for (std::size_t p = 0; p < parts_.parts.size(); ++p) {
    parts_of_op_[parts_.parts[p].op].push_back(p);
  }
  position_.assign(parts_.parts.size(), order_.size());
  for (std::size_t i = 0; i < order_.size(); ++i) position_[order_[i]] = i;
  find_readers();
  add_node(std::vector<bool>(parts_.parts.size()));
  for (const std::size_t part : order_) {
    std::vector<bool> done = done_.back();
    done[part] = true;
    add_node(done);
  }
  for (std::size_t i = 0; i < order_.size(); ++i) {
    add(i, i + 1, request({}, {order_[i]}));
  }
  for (int i = 1; i <= depth(); ++i) forward_edges(i);
  for (int i = 1; i <= depth(); ++i) backward_edges(i);
  if (!step_.is_chain) consumer_edges();
  stream_edges();
  leaving_.resize(done_.size());
  for (std::size_t e = 0; e < edges_.size(); ++e) leaving_[edges_[e].from].push_back(e);
}

bool FusionGraph::wanted(TensorId id, std::size_t node) const {
  const Tensor& tensor = step_.tensor(id);
  if (tensor.lifetime == Lifetime::parameter || tensor.lifetime == Lifetime::output) return true;
  return used(id, node);
}

bool FusionGraph::used(TensorId id, std::size_t node) const {
  return std::any_of(readers_[id].begin(), readers_[id].end(),
                     [&](std::size_t part) { return !done_[node][part]; });
}

bool FusionGraph::first_read(TensorId id, std::size_t from, std::size_t to) const {
  bool any = false;
  for (const std::size_t part : readers_[id]) {
    if (done_[from][part]) return false;
    any = any || done_[to][part];
  }
  return any;
}

bool FusionGraph::written(TensorId id, std::size_t from, std::size_t to) const {
  return std::any_of(writers_[id].begin(), writers_[id].end(),
                     [&](std::size_t part) { return !done_[from][part] && done_[to][part]; });
}

bool FusionGraph::written_before(TensorId id, std::size_t node) const {
  return std::ranges::any_of(writers_[id], [&](std::size_t part) { return done_[node][part]; });
}

bool FusionGraph::used_before(TensorId id, std::size_t node) const {
  return written_before(id, node) ||
         std::ranges::any_of(readers_[id], [&](std::size_t part) { return done_[node][part]; });
}

std::size_t FusionGraph::longest_wait(TensorId id) const {
  std::vector<std::size_t> uses;
  for (const PartList* parts : {&readers_[id], &writers_[id]}) {
    for (const std::size_t part : *parts) uses.push_back(position_[part]);
  }
  std::sort(uses.begin(), uses.end());
  std::size_t longest = 0;
  for (std::size_t i = 1; i < uses.size(); ++i) {
    const std::vector<std::size_t>& readers = readers_[id];
    const std::size_t part = order_[uses[i]];
    if (std::find(readers.begin(), readers.end(), part) == readers.end()) continue;
    longest = std::max(longest, uses[i] - uses[i - 1]);
  }
  return longest;
}

bool FusionGraph::used_within(TensorId id, std::size_t node, std::size_t most) const {
  const std::vector<std::size_t>& readers = readers_[id];
  std::size_t between = 0;
  for (std::size_t i = first_open_[node]; i < order_.size() && between <= most; ++i) {
    if (done_[node][order_[i]]) continue;
    if (std::find(readers.begin(), readers.end(), order_[i]) != readers.end()) return true;
    ++between;
  }
  return false;
}

bool FusionGraph::may_go_together(int i, int j) const {
  constexpr int few = limits.small_group;
  const int length = j - i + 1;
  if (!is_deep() || length <= few) return true;
  // 16, 24, 32, 48 … layers, from every fourth of their length on, or up to the last layer.
  for (int longer = 2 * few; longer <= length; longer *= 2) {
    if (length != longer && length != longer + longer / 2) continue;
    return (i - 1) % (longer / 4) == 0 || j == depth();
  }
  return false;
}

std::optional<FusionGraph::Recomputation> FusionGraph::recomputation(int i, int j) const {
  if (!parts_.backward) return std::nullopt;
  std::vector<std::size_t> first, both;
  for (int l = i; l <= j; ++l) {
    for (const std::size_t p : forward_of(l)) first.push_back(parts_.parts[p].op);
  }
  const std::size_t from = before(backward_of(j).front()), to = after_backward(i);
  both = first;
  for (std::size_t k = from; k < to; ++k) both.push_back(parts_.parts[order_[k]].op);
  for (const std::size_t op : first) {
    if (!builder_.access(OpPart(op)).contract.repeatable) return std::nullopt;
  }
  Recomputation result{stream(name("forward, storing the last of", i, j), sorted(first)),
                       stream(name("forward again and backward", j, i), sorted(both))};
  const TensorId output = step_.ops[parts_.parts[layer(j).forward.back()].op].outputs.front();
  for (Slot& slot : result.forward.slots) slot.wanted = slot.tensor == output;
  set_wanted(result.backward, to);
  return result;
}

void FusionGraph::backward_order() {
  for (int i = 1; i <= depth(); ++i) append(order_, forward_of(i));
  const LayerParts& top = layer(depth());
  append(order_, joined({top.score, top.loss, top.error, top.masks}));
  for (int i = depth(); i >= 1; --i) {
    const LayerParts& l = layer(i);
    if (i < depth() && !l.error.empty()) append(order_, joined({l.error, l.masks}));
    append(order_, joined({l.pool, l.norm, l.input_gradient}));
    if (i > 1 && layer(i - 1).error.empty()) append(order_, layer(i - 1).masks);
    append(order_, learning_of(i));
  }
}

void FusionGraph::step_order() {
  for (std::size_t p = 0; p < parts_.parts.size(); ++p) order_.push_back(p);
}

void FusionGraph::find_readers() {
  readers_.resize(step_.tensors.size());
  writers_.resize(step_.tensors.size());
  for (std::size_t p = 0; p < parts_.parts.size(); ++p) {
    for (const TensorId id : outputs_of(step_, parts_.parts[p])) writers_[id].push_back(p);
    for (const TensorId id : inputs_of(step_, parts_.parts[p])) {
      readers_[id].push_back(p);
      if (!step_.tensor(id).generated) continue;
      readers_[step_.tensor(id).generated->seed].push_back(p);
      if (step_.tensor(id).generated->sign_seed) {
        readers_[*step_.tensor(id).generated->sign_seed].push_back(p);
      }
    }
  }
}

std::size_t FusionGraph::add_node(const std::vector<bool>& done) {
  const std::size_t node = done_.size();
  done_.push_back(done);
  numbers_.emplace(done, node);
  std::size_t open = 0;
  while (open < order_.size() && done[order_[open]]) ++open;
  first_open_.push_back(open);
  rank_.push_back(static_cast<std::size_t>(std::count(done.begin(), done.end(), true)));
  const auto later =
      std::upper_bound(sorted_.begin(), sorted_.end(), rank_[node],
                       [&](std::size_t rank, std::size_t other) { return rank < rank_[other]; });
  sorted_.insert(later, node);
  return node;
}

std::size_t FusionGraph::beside(std::size_t from, const PartList& also) {
  std::vector<bool> done = done_[from];
  for (const std::size_t part : also) done[part] = true;
  const auto known = numbers_.find(done);
  return known != numbers_.end() ? known->second : add_node(done);
}

NestRequest FusionGraph::request(const PartList& before, const PartList& main,
                                 const PartList& after) {
  NestRequest result;
  for (const std::size_t p : before) result.before.push_back(parts_.parts[p]);
  for (const std::size_t p : main) {
    (is_product(p) ? result.main : result.after).push_back(parts_.parts[p]);
  }
  for (const std::size_t p : after) result.after.push_back(parts_.parts[p]);
  const OpPart& named = main.empty() ? parts_.parts[after.front()] : parts_.parts[main.front()];
  result.name = operation_name(step_, named.op);
  return result;
}

NestRequest FusionGraph::by_channels(NestRequest request) {
  request.whole_batch = true;
  return request;
}

void FusionGraph::set_wanted(NestSpec& spec, std::size_t to) const {
  for (std::size_t s = 0; s < spec.slots.size(); ++s) {
    Slot& slot = spec.slots[s];
    slot.wanted = slot.changed && slot.source != Slot::Source::recomputed &&
                  wanted(slot.tensor, to) && made_for_good(spec, s, to);
  }
}

bool FusionGraph::made_for_good(const NestSpec& spec, std::size_t slot, std::size_t to) const {
  return std::any_of(spec.ops.begin(), spec.ops.end(),
                     [&](const NestOp& op) { return op.makes(slot) && is_done(op, to); });
}

bool FusionGraph::is_done(const NestOp& op, std::size_t node) const {
  for (const std::size_t p : parts_of_op_[op.op]) {
    const OpPart& part = parts_.parts[p];
    if (!done_[node][p]) continue;
    // A whole operation is done when its phases are; a phase when that one is.
    if (!op.kernel || !part.kernel || op.kernel->same_kind(*part.kernel)) return true;
  }
  return false;
}

void FusionGraph::add(std::size_t from, std::size_t to, NestChoice choice) {
  for (NestSpec& spec : choice) set_wanted(spec, to);
  std::erase_if(choice, [](NestSpec& spec) { return !makes_what_is_wanted(spec); });
  if (choice.empty()) return;
  edges_.push_back({from, to, std::move(choice)});
}

bool FusionGraph::makes_what_is_wanted(NestSpec& spec) {
  for (const Slot& slot : spec.slots) {
    if (!slot.changed || !slot.wanted || slot.source != Slot::Source::made) continue;
    for (const Projection& p : slot.dims) {
      if (!p.axis || is_even_scale(p)) continue;
      if (p.apply({0, spec.extent[index(*p.axis)]}) != Range{0, p.extent}) return false;
      spec.uncut[index(*p.axis)] = true;
    }
  }
  return true;
}

void FusionGraph::forward_edges(int i) {
  const LayerParts& l = layer(i);
  PartList all = l.forward;
  append(all, l.score);
  // Where the same dropped images are used again for the gradient they are stored.
  const PartList input = parts_.backward ? l.input : PartList{};
  const std::size_t first = before(joined({input, l.forward}).front());
  // Batch-norm cuts the chain: its statistics have to be complete first.
  std::size_t applied = all.size();
  for (std::size_t k = 0; k < all.size(); ++k) {
    const workloads::Contract& contract = builder_.access(parts_.parts[all[k]]).contract;
    if (std::ranges::any_of(contract.inputs, &workloads::Operand::complete)) applied = k;
  }
  for (std::size_t end = 1; end <= std::min(applied, all.size()); ++end) {
    if (end == 1 && input.empty()) continue;
    const PartList after(all.begin() + 1, all.begin() + static_cast<std::ptrdiff_t>(end));
    add(first, before(all[end - 1]) + 1, request(input, {all[0]}, after));
  }
  // A few channels of the whole mini-batch go on, as their statistics are complete.
  for (const std::size_t end : {l.forward.size(), all.size()}) {
    if (end <= applied) break;
    const PartList after(all.begin() + 1, all.begin() + static_cast<std::ptrdiff_t>(end));
    add(first, before(all[end - 1]) + 1, by_channels(request(input, {all[0]}, after)));
    if (l.score.empty()) break;
  }
  for (std::size_t end = applied + 2; end <= all.size(); ++end) {
    const PartList chain(all.begin() + static_cast<std::ptrdiff_t>(applied),
                         all.begin() + static_cast<std::ptrdiff_t>(end));
    add(before(chain.front()), before(chain.back()) + 1, request({}, {}, chain));
  }
}

void FusionGraph::backward_edges(int i) {
  const LayerParts& l = layer(i);
  const bool given = l.error.empty();  // the layer above has made the error of the output
  const PartList chain = given ? l.pool : joined({l.error, l.masks, l.pool});
  const PartList masks_below =
      i > 1 && layer(i - 1).error.empty() ? layer(i - 1).masks : PartList{};
  std::size_t from = std::numeric_limits<std::size_t>::max();
  for (const PartList* list : {&chain, &l.norm, &l.input_gradient, &l.weight_gradient}) {
    if (!list->empty() && from == std::numeric_limits<std::size_t>::max()) {
      from = before(list->front());
    }
  }
  if (!l.norm.empty()) {
    const std::size_t sums = beside(from, {l.norm[0]});
    const std::size_t normed = before(l.norm[1]) + 1;
    const PartList whole = joined({chain, l.norm});
    add(from, normed, by_channels(request({}, {}, whole)));
    const PartList after = joined({masks_below, l.updates});
    if (!l.weight_gradient.empty()) {
      const std::size_t to = before((l.updates.empty() ? l.weight_gradient : l.updates).back()) + 1;
      add(from, to,
          by_channels(request(joined({whole, l.input_recomputed}),
                              joined({l.input_gradient, l.weight_gradient}), after)));
    }
    add(from, sums, request({}, {}, joined({chain, {l.norm[0]}})));
    add(sums, normed, request({}, {}, joined({chain, {l.norm[1]}})));
    products(i, sums, joined({chain, {l.norm[1]}}), masks_below);
    products(i, normed, {}, masks_below);
    return;
  }
  if (!l.weight_gradient.empty() || !l.input_gradient.empty()) {
    products(i, from, chain, masks_below);
    if (!chain.empty()) products(i, before(chain.back()) + 1, {}, masks_below);
  }
  if (!l.classifier_gradient.empty()) {
    add(before(l.classifier_gradient[0]),
        before(
            (l.classifier_updates.empty() ? l.classifier_gradient : l.classifier_updates).back()) +
            1,
        request({}, l.classifier_gradient, l.classifier_updates));
  }
}

void FusionGraph::products(int i, std::size_t from, const PartList& source,
                           const PartList& masks_below) {
  const LayerParts& l = layer(i);
  const PartList& update = l.updates;
  std::size_t at = from;
  if (!l.input_gradient.empty()) {
    const PartList done = joined({l.input_gradient, masks_below});
    at = l.weight_gradient.empty() ? before(done.back()) + 1 : beside(from, done);
    add(from, at, request(source, l.input_gradient, masks_below));
  }
  if (l.weight_gradient.empty()) return;
  const std::size_t to = before((update.empty() ? l.weight_gradient : update).back()) + 1;
  const PartList inputs = joined({source, l.input_recomputed});
  add(at, to, request(inputs, l.weight_gradient, update));
  if (!l.input_gradient.empty()) {
    add(from, to,
        request(source, joined({l.input_gradient, l.weight_gradient}),
                joined({masks_below, update})));
  }
}

bool FusionGraph::may_follow(const PartList& nest, std::size_t part) const {
  const OpPart& next = parts_.parts[part];
  const OperandAccess& access = builder_.access(next);
  const workloads::Contract& contract = access.contract;
  if (is_product(part) || step_.ops[next.op].phase == workloads::Phase::loss) return false;
  if (std::ranges::any_of(contract.inputs, &workloads::Operand::complete)) return false;
  // Pooling only at the end of its own layer: the windows of another tell nothing of what is
  // beside.
  const workloads::Op &first = step_.ops[parts_.parts[nest.front()].op], &op = step_.ops[next.op];
  if (contract.has_windows() &&
      (op.phase != workloads::Phase::forward || op.layer != first.layer)) {
    return false;
  }
  const auto is_made = [&](TensorId id) {
    return std::ranges::any_of(nest, [&](std::size_t before) {
      return std::ranges::count(outputs_of(step_, parts_.parts[before]), id) > 0;
    });
  };
  // A tensor has one tile in a nest: a residual that a convolution reads with its windows cannot be
  // added to the result there, too.
  const bool alike = std::ranges::none_of(nest, [&](std::size_t before) {
    return is_product(before) || builder_.access(parts_.parts[before]).contract.has_windows();
  });
  const auto is_read = [&](TensorId id) {
    return std::ranges::any_of(nest, [&](std::size_t before) {
      return std::ranges::count(inputs_of(step_, parts_.parts[before]), id) > 0;
    });
  };
  bool follows = false;
  const std::vector<TensorId>& reads = inputs_of(step_, next);
  for (std::size_t i = 0; i < reads.size(); ++i) {
    if (!is_made(reads[i])) {
      if (!alike && is_read(reads[i])) return false;
      continue;
    }
    follows = true;
    // All of a dimension at once, as a concatenation takes channels.
    for (const workloads::Index& index : access.access.inputs[i]) {
      if (index.is(workloads::Index::Form::whole) && index.extent > 1) return false;
    }
  }
  return follows;
}

void FusionGraph::consumer_edges() {
  for (std::size_t i = 0; i < order_.size(); ++i) {
    PartList nest{order_[i]};
    const bool product = is_product(order_[i]);
    if (!product && builder_.access(parts_.parts[order_[i]]).contract.has_windows()) continue;
    for (std::size_t next = i + 1; next < order_.size() && may_follow(nest, order_[next]); ++next) {
      nest.push_back(order_[next]);
      const PartList after(nest.begin() + 1, nest.end());
      add(i, next + 1, product ? request({}, {nest.front()}, after) : request({}, {}, nest));
    }
  }
}

PartList FusionGraph::learning_of(int i) const {
  const LayerParts& l = layer(i);
  return joined({l.input_recomputed, l.weight_gradient, l.updates, l.norm_updates,
                 l.classifier_gradient, l.classifier_updates, l.seeds});
}

PartList FusionGraph::all_of(int i) const {
  const LayerParts& l = layer(i);
  return joined(
      {l.input, l.forward, l.score, l.loss, l.error, l.masks, l.pool, l.norm, learning_of(i)});
}

PartList FusionGraph::backward_of(int i) const {
  const LayerParts& l = layer(i);
  return joined({l.error, l.error.empty() ? PartList{} : l.masks, l.pool, l.norm, l.input_gradient,
                 learning_of(i)});
}

std::string FusionGraph::name(const char* what, int i, int j) const {
  const std::string& first = step_.layer_names[static_cast<std::size_t>(i)];
  const std::string& last = step_.layer_names[static_cast<std::size_t>(j)];
  return fmt::format("{} {}", what, i == j ? first : first + " to " + last);
}

std::vector<std::size_t> FusionGraph::sorted(std::vector<std::size_t> ops) {
  std::sort(ops.begin(), ops.end());
  ops.erase(std::unique(ops.begin(), ops.end()), ops.end());
  return ops;
}

void FusionGraph::stream_edges() {
  const auto add_stream = [&](const PartList& first, const PartList& last,
                              const std::string& what) {
    if (first.empty() || last.empty()) return;
    const std::size_t from = before(first.front()), to = before(last.back()) + 1;
    std::vector<std::size_t> ops;
    for (std::size_t k = from; k < to; ++k) ops.push_back(parts_.parts[order_[k]].op);
    add(from, to, NestChoice{stream(what, sorted(std::move(ops)))});
  };
  for (int i = 1; i <= depth(); ++i) {
    for (int j = i; j <= depth(); ++j) {
      if (!may_go_together(i, j)) continue;
      if (!parts_.backward) {
        add_stream(all_of(i), all_of(j), name("layers", i, j));
        continue;
      }
      add_stream(forward_of(i), forward_of(j), name("forward", i, j));
      add_stream(backward_of(j), backward_of(i), name("backward", j, i));
    }
    if (parts_.backward && (i == 1 || may_go_together(i, depth()))) {
      add_stream(forward_of(i), backward_of(i), name("forward and backward", i, depth()));
    }
  }
}

NestSpec FusionGraph::stream(const std::string& name, const std::vector<std::size_t>& ops) const {
  return builder_.streamed(name, {ops.begin(), ops.end()});
}

}  // namespace spillway::sim
