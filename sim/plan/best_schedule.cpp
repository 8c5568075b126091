// The search behind policy `best`. A step's parts stand in one order; an edge leads from one place
// in it to a later one, by nests that do what lies between. The cheapest path is found by dynamic
// programming, where a state is a place and what stands in the buffer there: whole tensors, and no
// more than one in part.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <map>
#include <unordered_map>

#include "sim/plan/loops_by_room.hpp"
#include "sim/plan/nest_builder.hpp"
#include "sim/plan/nest_search.hpp"
#include "sim/plan/phases.hpp"
#include "sim/plan/policies.hpp"
#include "sim/plan/step_parts.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

using workloads::Lifetime;
using workloads::Step;
using workloads::Tensor;
using workloads::TensorId;

namespace {

constexpr std::uint64_t unreachable = std::numeric_limits<std::uint64_t>::max() / 4;

void append(PartList& list, const PartList& more) {
  list.insert(list.end(), more.begin(), more.end());
}

PartList joined(std::initializer_list<PartList> lists) {
  PartList result;
  for (const PartList& list : lists) append(result, list);
  return result;
}

struct Edge {
  std::size_t from, to;  ///< nodes
  NestChoice choice;     ///< any one of them does it
};

/// A few values in order.
template <class Value, std::size_t most>
class FewSorted {
 public:
  std::size_t size() const { return size_; }
  const Value* begin() const { return values_.data(); }
  const Value* end() const { return values_.data() + size_; }
  void insert(const Value& value) {
    std::size_t at = size_++;
    for (; at > 0 && values_[at - 1] > value; --at) values_.at(at) = values_[at - 1];
    values_.at(at) = value;
  }
  auto operator<=>(const FewSorted&) const = default;

 private:
  std::array<Value, most> values_{};
  std::size_t size_ = 0;
};

/// A tensor in the buffer at a node, or the first part of it.
struct Held {
  TensorId tensor = 0;
  std::int64_t count = 0;  ///< elements of its first dimension
  bool dirty = false;      ///< memory does not have its value
  auto operator<=>(const Held&) const = default;
};

constexpr std::size_t most_held = 4;

class HeldSet : public FewSorted<Held, most_held> {
 public:
  bool has(TensorId id) const {
    return std::any_of(begin(), end(), [&](const Held& h) { return h.tensor == id; });
  }
  std::size_t hash() const {
    std::size_t result = size();
    for (const Held& h : *this) {
      result = result * 1'000'003 + (h.tensor << 1 | (h.dirty ? 1U : 0U));
      result = result * 1'000'003 + static_cast<std::size_t>(h.count);
    }
    return result;
  }
};

/// What stands of a slot's tensor.
struct Pin {
  std::size_t slot = 0;
  std::int64_t count = 0;  ///< elements of its first dimension
  auto operator<=>(const Pin&) const = default;
};

/// Slots of a nest whose tensors stand in the buffer: held before it, or after it, or both.
class Pins : public FewSorted<Pin, 2 * most_held> {
 public:
  Standing standing(std::size_t slots) const {
    Standing result(slots);
    for (const Pin& pin : *this) result[pin.slot] = pin.count;
    return result;
  }
  std::size_t hash() const {
    std::size_t result = size();
    for (const Pin& pin : *this) {
      result = (result * 1'000'003 + pin.slot) * 1'000'003 + static_cast<std::size_t>(pin.count);
    }
    return result;
  }
};

/// By tensor, parts of it that may stand in the buffer: elements of its first dimension.
using Counts = std::map<TensorId, std::vector<std::int64_t>>;

/// What parts of a dimension are multiples of: such that tiles of many sizes make them up.
std::int64_t part_unit(std::int64_t extent) {
  const std::vector<std::int64_t> sizes = tile_sizes(extent);
  const auto divisors = [&](std::int64_t of) {
    return std::count_if(sizes.begin(), sizes.end(),
                         [&](std::int64_t size) { return of % size == 0; });
  };
  std::int64_t unit = std::max<std::int64_t>(1, extent / 8);
  for (std::int64_t larger = unit + 1; larger <= extent / 4; ++larger) {
    if (divisors(larger) > divisors(unit)) unit = larger;
  }
  return unit;
}

/// All places of a step's parts and all ways between them.
class Graph {
 public:
  explicit Graph(const ScheduleTask& task)
      : step_(task.step), builder_(task.step, task.map), parts_(parts_of(task.step)) {
    if (parts_.backward) {
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
    stream_edges();
    leaving_.resize(done_.size());
    for (std::size_t e = 0; e < edges_.size(); ++e) leaving_[edges_[e].from].push_back(e);
  }

  const std::vector<Edge>& edges() const { return edges_; }
  /// Edges from a node.
  const std::vector<std::size_t>& leaving(std::size_t node) const { return leaving_[node]; }
  /// Every edge leads to a node with a larger rank.
  const std::vector<std::size_t>& nodes_in_order() const { return sorted_; }
  std::size_t first() const { return 0; }
  std::size_t last() const { return order_.size(); }

  /// The tensor's value is used after a node.
  bool wanted(TensorId id, std::size_t node) const {
    const Tensor& tensor = step_.tensor(id);
    if (tensor.lifetime == Lifetime::parameter || tensor.lifetime == Lifetime::output) return true;
    return used(id, node);
  }
  /// Some part reads the tensor after a node.
  bool used(TensorId id, std::size_t node) const {
    return std::any_of(readers_[id].begin(), readers_[id].end(),
                       [&](std::size_t part) { return !done_[node][part]; });
  }
  /// A tensor's first readers lie between two nodes; parts that write it.
  bool first_read(TensorId id, std::size_t from, std::size_t to) const {
    bool any = false;
    for (const std::size_t part : readers_[id]) {
      if (done_[from][part]) return false;
      any = any || done_[to][part];
    }
    return any;
  }
  bool written(TensorId id, std::size_t from, std::size_t to) const {
    return std::any_of(writers_[id].begin(), writers_[id].end(),
                       [&](std::size_t part) { return !done_[from][part] && done_[to][part]; });
  }
  bool stored_last(TensorId id) const {
    return step_.tensor(id).lifetime == Lifetime::parameter && !writers_[id].empty();
  }
  /// The next reader comes after no more than `most` other parts in the order of the path.
  bool used_within(TensorId id, std::size_t node, std::size_t most) const {
    const std::vector<std::size_t>& readers = readers_[id];
    std::size_t between = 0;
    for (std::size_t i = first_open_[node]; i < order_.size() && between <= most; ++i) {
      if (done_[node][order_[i]]) continue;
      if (std::find(readers.begin(), readers.end(), order_[i]) != readers.end()) return true;
      ++between;
    }
    return false;
  }

  int depth() const { return static_cast<int>(parts_.layers.size()); }

  /// Deeper networks are searched less widely at each layer.
  bool is_deep() const { return depth() > 20; }

  /// Layers i to j are tried as one group. In a deep network those are all groups of a few layers,
  /// and of the longer ones such that one of about their length and place is among them: then their
  /// number and size grow with the depth, not with its third power.
  bool may_go_together(int i, int j) const {
    constexpr int few = 8;
    const int length = j - i + 1;
    if (!is_deep() || length <= few) return true;
    // 16, 24, 32, 48 … layers, from every fourth of their length on, or up to the last layer.
    for (int longer = 2 * few; longer <= length; longer *= 2) {
      if (length != longer && length != longer + longer / 2) continue;
      return (i - 1) % (longer / 4) == 0 || j == depth();
    }
    return false;
  }

  /// Layers that are not kept: a forward pass that stores the last one's output alone, and a
  /// backward pass that makes the others again.
  struct Again {
    NestSpec forward, backward;
  };
  std::optional<Again> again(int i, int j) const {
    if (!parts_.backward) return std::nullopt;
    std::vector<std::size_t> first, both;
    for (int l = i; l <= j; ++l) {
      for (const std::size_t p : forward_of(l)) first.push_back(parts_.parts[p].op);
    }
    const std::size_t from = before(backward_of(j).front()), to = after_backward(i);
    both = first;
    for (std::size_t k = from; k < to; ++k) both.push_back(parts_.parts[order_[k]].op);
    for (const std::size_t op : both) {
      if (std::holds_alternative<workloads::BatchNorm>(step_.ops[op].kernel)) return std::nullopt;
    }
    Again result{stream(name("forward, storing the last of", i, j), sorted(first)),
                 stream(name("forward again and backward", j, i), sorted(both))};
    const TensorId output = step_.ops[parts_.parts[layer(j).forward.back()].op].outputs.front();
    for (Slot& slot : result.forward.slots) slot.wanted = slot.tensor == output;
    set_wanted(result.backward, to);
    return result;
  }
  /// Nodes between which lie all parts of the layers above a layer.
  std::size_t above(int i) const { return before(forward_of(i).back()) + 1; }
  std::size_t below(int i) const { return before(backward_of(i).front()); }
  bool has_backward(int i) const { return parts_.backward && !backward_of(i).empty(); }

 private:
  const LayerParts& layer(int i) const { return parts_.layers[static_cast<std::size_t>(i - 1)]; }

  void layer_order() {
    for (int i = 1; i <= depth(); ++i) append(order_, all_of(i));
  }
  void backward_order() {
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

  void find_readers() {
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

  std::size_t add_node(const std::vector<bool>& done) {
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

  /// The node at which exactly so much is done: before the first of these parts in the order.
  std::size_t before(std::size_t part) const { return position_[part]; }
  /// A node off the order, where besides all before `from` these parts are done.
  std::size_t beside(std::size_t from, const PartList& also) {
    std::vector<bool> done = done_[from];
    for (const std::size_t part : also) done[part] = true;
    const auto known = numbers_.find(done);
    return known != numbers_.end() ? known->second : add_node(done);
  }

  NestRequest request(const PartList& before, const PartList& main, const PartList& after = {}) {
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
  bool is_product(std::size_t p) const {
    return sim::is_product(kernel_of(step_, parts_.parts[p]));
  }

  void add(std::size_t from, std::size_t to, const NestRequest& request) {
    add(from, to, choice_of(builder_, request));
  }
  void set_wanted(NestSpec& spec, std::size_t to) const {
    for (std::size_t s = 0; s < spec.slots.size(); ++s) {
      Slot& slot = spec.slots[s];
      slot.wanted = slot.changed && slot.source != Slot::Source::remade &&
                    wanted(slot.tensor, to) && made_for_good(spec, s, to);
    }
  }
  /// Some part that makes the slot's tensor here is done with: others will make it again.
  bool made_for_good(const NestSpec& spec, std::size_t slot, std::size_t to) const {
    return std::any_of(spec.ops.begin(), spec.ops.end(),
                       [&](const NestOp& op) { return op.makes(slot) && is_done(op, to); });
  }
  bool is_done(const NestOp& op, std::size_t node) const {
    for (const std::size_t p : parts_of_op_[op.op]) {
      const OpPart& part = parts_.parts[p];
      if (!done_[node][p]) continue;
      // A whole operation is done when its phases are; a phase when that one is.
      if (!op.kernel || !part.kernel || op.kernel->index() == part.kernel->index()) return true;
    }
    return false;
  }
  void add(std::size_t from, std::size_t to, NestChoice choice) {
    for (NestSpec& spec : choice) set_wanted(spec, to);
    edges_.push_back({from, to, std::move(choice)});
  }

  /// A product with what follows it, or what follows batch-norm's statistics, as far as it goes.
  void forward_edges(int i) {
    const LayerParts& l = layer(i);
    PartList all = l.forward;
    append(all, l.score);
    // Where the same dropped images are used again for the gradient they are stored.
    const PartList input = parts_.backward ? l.input : PartList{};
    const std::size_t first = before(joined({input, l.forward}).front());
    // Batch-norm cuts the chain: its statistics have to be complete first.
    std::size_t applied = all.size();
    for (std::size_t k = 0; k < all.size(); ++k) {
      const OpPart& part = parts_.parts[all[k]];
      if (part.kernel && std::holds_alternative<workloads::NormApply>(*part.kernel)) applied = k;
    }
    for (std::size_t end = 1; end <= std::min(applied, all.size()); ++end) {
      if (end == 1 && input.empty()) continue;
      const PartList after(all.begin() + 1, all.begin() + static_cast<std::ptrdiff_t>(end));
      add(first, before(all[end - 1]) + 1, request(input, {all[0]}, after));
    }
    for (std::size_t end = applied + 2; end <= all.size(); ++end) {
      const PartList chain(all.begin() + static_cast<std::ptrdiff_t>(applied),
                           all.begin() + static_cast<std::ptrdiff_t>(end));
      add(before(chain.front()), before(chain.back()) + 1, request({}, {}, chain));
    }
  }

  void backward_edges(int i) {
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
          before((l.classifier_updates.empty() ? l.classifier_gradient : l.classifier_updates)
                     .back()) +
              1,
          request({}, l.classifier_gradient, l.classifier_updates));
    }
  }

  /// The two products of a layer's backward pass, where `source` makes its error,
  /// again in each nest that needs it.
  void products(int i, std::size_t from, const PartList& source, const PartList& masks_below) {
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
    const PartList inputs = joined({source, l.input_again});
    add(at, to, request(inputs, l.weight_gradient, update));
    if (!l.input_gradient.empty()) {
      add(from, to,
          request(source, joined({l.input_gradient, l.weight_gradient}),
                  joined({masks_below, update})));
    }
  }

  /// What ends a layer's part of the step.
  PartList learning_of(int i) const {
    const LayerParts& l = layer(i);
    return joined({l.input_again, l.weight_gradient, l.updates, l.norm_updates,
                   l.classifier_gradient, l.classifier_updates, l.seeds});
  }
  PartList all_of(int i) const {
    const LayerParts& l = layer(i);
    return joined(
        {l.input, l.forward, l.score, l.loss, l.error, l.masks, l.pool, l.norm, learning_of(i)});
  }
  PartList forward_of(int i) const { return joined({layer(i).input, layer(i).forward}); }
  PartList backward_of(int i) const {
    const LayerParts& l = layer(i);
    return joined({l.error, l.error.empty() ? PartList{} : l.masks, l.pool, l.norm,
                   l.input_gradient, learning_of(i)});
  }
  std::size_t after_backward(int i) const { return before(backward_of(i).back()) + 1; }

  std::string name(const char* what, int i, int j) const {
    const std::string& first = step_.layer_names[static_cast<std::size_t>(i)];
    const std::string& last = step_.layer_names[static_cast<std::size_t>(j)];
    return fmt::format("{} {}", what, i == j ? first : first + " to " + last);
  }
  static std::vector<std::size_t> sorted(std::vector<std::size_t> ops) {
    std::sort(ops.begin(), ops.end());
    ops.erase(std::unique(ops.begin(), ops.end()), ops.end());
    return ops;
  }

  /// Layers together, a few examples at a time, their parameters and gradients in the buffer.
  void stream_edges() {
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

  NestSpec stream(const std::string& name, const std::vector<std::size_t>& ops) const {
    std::vector<OpPart> whole;
    bool norm = false;
    for (const std::size_t op : ops) {
      whole.emplace_back(op);
      norm |= std::holds_alternative<workloads::BatchNorm>(step_.ops[op].kernel) ||
              std::holds_alternative<workloads::BatchNormError>(step_.ops[op].kernel);
    }
    NestSpec spec = builder_.streamed(name, whole);
    spec.whole_batch = norm;
    return spec;
  }

  const Step& step_;
  NestBuilder builder_;
  StepParts parts_;
  PartList order_;
  std::vector<std::vector<std::size_t>> parts_of_op_;
  std::vector<std::size_t> position_;                           // in the order, by part
  std::vector<std::vector<bool>> done_;                         // parts, by node
  std::unordered_map<std::vector<bool>, std::size_t> numbers_;  // nodes, by what is done
  std::vector<std::size_t> first_open_;  // in the order, what is not done, by node
  std::vector<std::size_t> rank_;        // how many parts are done, by node
  std::vector<std::size_t> sorted_;
  std::vector<std::vector<std::size_t>> readers_, writers_;  // parts, by tensor
  std::vector<Edge> edges_;
  std::vector<std::vector<std::size_t>> leaving_;  // edges, by node
};

/// The best loops of the graph's nests, each searched once.
class KnownLoops {
 public:
  KnownLoops(const Graph& graph, const models::ComputeArray& array)
      : array_(array), edges_(graph.edges().size()) {
    for (std::size_t e = 0; e < edges_.size(); ++e) {
      for (const NestSpec& spec : graph.edges()[e].choice) edges_[e].nests.emplace_back(spec);
    }
  }
  /// What is known of an edge's nests where so much stands, by choice.
  using Loops = std::vector<LoopsByRoom>;
  Loops& loops(std::size_t edge, const Pins& pins) {
    const auto known = edges_[edge].found.try_emplace(pins).first;
    known->second.resize(edges_[edge].nests.size());
    return known->second;
  }
  /// Loops of fewer words than `below`, if there are some and no other choice has as good ones;
  /// else none, or loops of no fewer.
  const FoundNest* find(std::size_t edge, std::size_t choice, const Pins& pins, Loops& known,
                        std::uint64_t words,
                        std::uint64_t below = std::numeric_limits<std::uint64_t>::max()) {
    // All specs of a choice have the same slots: only better loops than those known are of use.
    for (std::size_t other = 0; other < choice; ++other) {
      const FoundNest* found = known[other].in(words);
      if (found != nullptr) below = std::min(below, found->dram_words);
    }
    return search(edge, choice, pins, known[choice], words, below);
  }
  /// The found loops, or others that move as few words in less time.
  const FoundNest& quickest(std::size_t edge, std::size_t choice, const Pins& pins,
                            std::uint64_t words) {
    Nest& nest = edges_[edge].nests[choice];
    const auto known = nest.quickest.find({pins, words});
    if (known != nest.quickest.end()) return known->second;
    const FoundNest& found = *find(edge, choice, pins, loops(edge, pins), words);
    return nest.quickest
        .emplace(Key{pins, words}, nest.search().quickest(
                                       found, pins.standing(nest.spec.slots.size()), words, array_))
        .first->second;
  }

 private:
  struct Key {
    Pins pins;
    std::uint64_t words = 0;
    bool operator==(const Key&) const = default;
  };
  struct PinsHash {
    std::size_t operator()(const Pins& pins) const { return pins.hash(); }
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return key.pins.hash() * 1'000'003 + static_cast<std::size_t>(key.words);
    }
  };
  struct Nest {
    explicit Nest(const NestSpec& of) : spec(of) {}
    LoopSearch& search() {
      if (!tables) tables.emplace(spec);
      return *tables;
    }
    const NestSpec& spec;
    std::optional<LoopSearch> tables;
    std::unordered_map<Key, FoundNest, Hash> quickest;
  };
  struct OfEdge {
    std::vector<Nest> nests;  // by choice
    std::unordered_map<Pins, Loops, PinsHash> found;
  };

  const FoundNest* search(std::size_t edge, std::size_t choice, const Pins& pins,
                          LoopsByRoom& rooms, std::uint64_t words, std::uint64_t below) {
    if (rooms.is_known(words, below)) return rooms.in(words);
    Nest& nest = edges_[edge].nests[choice];
    const Standing standing = pins.standing(nest.spec.slots.size());
    // With all of a tensor standing in as much room no more words move, but for the rest of it.
    std::uint64_t least = 0;
    Pins whole;
    for (const Pin& pin : pins) whole.insert({pin.slot, nest.spec.slots[pin.slot].dims[0].extent});
    if (whole != pins) {
      const std::uint64_t rest = nest.search().least(standing) -
                                 nest.search().least(whole.standing(nest.spec.slots.size()));
      if (rest >= below) return nullptr;
      LoopsByRoom& with_whole = loops(edge, whole)[choice];
      const FoundNest* found = search(edge, choice, whole, with_whole, words, below - rest);
      if (found == nullptr || found->dram_words + rest >= below) return nullptr;
      if (with_whole.is_known(words, found->dram_words)) least = found->dram_words + rest;
    }
    const FoundNest* known = rooms.in(words);
    return rooms.add(
        words, below,
        nest.search().find(standing, words,
                           known != nullptr ? std::min(below, known->dram_words) : below, least));
  }

  const models::ComputeArray& array_;
  std::vector<OfEdge> edges_;
};

/// Words that a tensor takes in DRAM, and that all of a step's take.
std::uint64_t words_in_dram(const ScheduleTask& task, const Tensor& tensor) {
  const bool there = task.map[tensor.id].port == models::Port::dram && !tensor.generated;
  return there ? words_of(tensor.bytes()).count() : 0;
}
std::uint64_t words_in_dram(const ScheduleTask& task) {
  std::uint64_t sum = 0;
  for (const Tensor& tensor : task.step.tensors) sum += words_in_dram(task, tensor);
  return sum;
}

/// The cheapest path in a buffer of so many words.
class PathSearch {
 public:
  /// Of tensors in `parts` a part may stay in the buffer from one nest to the next, of all others
  /// the whole; without `parts` nothing does.
  PathSearch(const ScheduleTask& task, const Graph& graph, KnownLoops& known, std::uint64_t words,
             const std::optional<Counts>& parts)
      : task_(task), step_(task.step), graph_(graph), known_(known), words_(words) {
    for (const Tensor& tensor : step_.tensors) size_.push_back(words_of(tensor.bytes()).count());
    part_counts_.resize(size_.size());
    for (const auto& [id, counts] : parts.value_or(Counts{})) {
      for (const std::int64_t count : counts) {
        if (size_of(id, count) <= words) part_counts_[id].push_back(count);
      }
    }
    // Tensors so small are not worth a choice.
    const std::uint64_t negligible = words_in_dram(task) / 10'000;
    may_stand_.resize(graph.edges().size());
    if (!parts) return;
    with_parts_ = !parts->empty();
    for (std::size_t e = 0; e < may_stand_.size(); ++e) find_may_stand(e, negligible);
  }

  struct Found {
    Schedule schedule;
    std::uint64_t cost = 0;
  };
  /// The cheapest way from one node to another, with nothing held at both, if it costs less than
  /// `limit`.
  std::optional<Found> run(std::size_t from, std::size_t to, std::uint64_t limit = unreachable) {
    by_node_.assign(graph_.nodes_in_order().size(), {});
    limit_ = limit;
    ahead_ = words_ahead(to);
    by_node_[from].by_held[{}].cost = 0;
    for (const std::size_t node : graph_.nodes_in_order()) {
      States& states = by_node_[node];
      if (states.by_held.empty()) continue;
      States followed;
      for (const HeldSet& set : most_promising(node)) {
        followed.by_held.emplace(set, states.by_held.at(set));
        for (const std::size_t e : graph_.leaving(node)) follow(states.by_held.at(set), set, e);
      }
      if (node != to) states = std::move(followed);
    }
    const auto end = by_node_[to].by_held.find({});
    if (end == by_node_[to].by_held.end()) return std::nullopt;
    return Found{trace_back(from, to), end->second.cost};
  }

 private:
  struct Reached {
    std::uint64_t cost = unreachable;
    // How it is reached, in reverse.
    HeldSet before;
    std::size_t edge = 0, choice = 0;
  };
  struct Hash {
    std::size_t operator()(const HeldSet& held) const { return held.hash(); }
  };

  /// That are followed from a node: fewer where parts may be held, as there are more much alike,
  /// and in deep networks.
  static constexpr std::size_t most_states = 1000, most_with_parts = 600, most_if_deep = 300;

  /// Ways to hold tensors at a node, of which only the most promising are followed: those that cost
  /// the least, once what is held is worth as much as bringing it in.
  struct States {
    std::unordered_map<HeldSet, Reached, Hash> by_held;
    /// What is worth more than this is not followed.
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
  };
  std::size_t beam() const {
    if (graph_.is_deep()) return most_if_deep;
    return with_parts_ ? most_with_parts : most_states;
  }
  std::int64_t worth(const HeldSet& held, std::uint64_t cost) const {
    auto result = static_cast<std::int64_t>(cost);
    for (const Held& h : held) result -= static_cast<std::int64_t>(size_of(h.tensor, h.count));
    return result;
  }

  std::vector<HeldSet> most_promising(std::size_t node) const {
    struct State {
      std::int64_t cost = 0;
      HeldSet held;
      auto operator<=>(const State&) const = default;
    };
    std::vector<State> states;
    for (const auto& [held, reached] : by_node_[node].by_held) {
      states.emplace_back(worth(held, reached.cost), held);
    }
    std::sort(states.begin(), states.end());
    states.resize(std::min(states.size(), beam()));
    std::vector<HeldSet> result;
    for (const State& state : states) result.push_back(state.held);
    return result;
  }

  /// Forgets what can no longer be among the most promising, once there is much of it.
  void thin_out(States& states) const {
    if (states.by_held.size() < 4 * beam()) return;
    std::vector<std::int64_t> costs;
    for (const auto& [held, reached] : states.by_held) costs.push_back(worth(held, reached.cost));
    const auto last = costs.begin() + static_cast<std::ptrdiff_t>(beam() - 1);
    std::nth_element(costs.begin(), last, costs.end());
    states.most = *last;
    std::erase_if(states.by_held, [&](const auto& state) {
      return worth(state.first, state.second.cost) > states.most;
    });
  }

  std::uint64_t size_of(TensorId id) const { return size_[id]; }
  std::int64_t all_of(TensorId id) const { return step_.tensor(id).shape[0]; }
  /// Of so many elements of the first dimension.
  std::uint64_t size_of(TensorId id, std::int64_t count) const {
    if (count == all_of(id)) return size_of(id);
    return size_of(id) / static_cast<std::uint64_t>(all_of(id)) * static_cast<std::uint64_t>(count);
  }
  bool on_dram(TensorId id) const { return task_.map[id].port == models::Port::dram; }

  static constexpr std::size_t most_choices = 10;
  static constexpr std::size_t far = 14;  ///< parts that a tensor may be kept for nothing

  /// Tensors that an edge uses and that may stay in the buffer after it. The small ones come first,
  /// so that a larger buffer adds choices and takes none away.
  void find_may_stand(std::size_t e, std::uint64_t negligible) {
    const Edge& edge = graph_.edges()[e];
    std::vector<TensorId>& result = may_stand_[e];
    for (const NestSpec& spec : edge.choice) {
      for (const Slot& slot : spec.slots) {
        const TensorId id = slot.tensor;
        if (slot.source == Slot::Source::streamed || slot.source == Slot::Source::remade) continue;
        if (!on_dram(id) || size_of(id) < negligible) continue;
        if (size_of(id) > words_ && part_counts(slot).empty()) continue;
        if (!graph_.used_within(id, edge.to, far)) continue;
        if (std::find(result.begin(), result.end(), id) == result.end()) result.push_back(id);
      }
    }
    std::stable_sort(result.begin(), result.end(),
                     [&](TensorId a, TensorId b) { return size_of(a) < size_of(b); });
  }

  /// Parts of a slot's tensor that may stand in the buffer; such of less than a word for each
  /// element may not.
  std::vector<std::int64_t> part_counts(const Slot& slot) const {
    return can_stand_in_part(slot) ? part_counts_[slot.tensor] : std::vector<std::int64_t>{};
  }

  /// A tensor that may stand in the buffer after an edge.
  struct Option {
    TensorId tensor = 0;
    std::int64_t count = 0;
    std::size_t slot = 0;   ///< of the nest; slots.size(): it is not used there
    bool dirty = false;     ///< afterwards
    std::uint64_t own = 0;  ///< words that it moves itself: loaded if taken, stored if it leaves
  };

  /// All ways to hold tensors on an edge.
  void follow(const Reached& reached, const HeldSet& held, std::size_t e) {
    const Edge& edge = graph_.edges()[e];
    if (reached.cost + ahead_[edge.to] >= limit_) return;
    std::vector<TensorId> candidates;
    for (const TensorId id : may_stand_[e]) {
      if (!held.has(id)) candidates.push_back(id);
    }
    // Of those held before, what nobody uses any more goes; each of the others may go or stay.
    std::vector<Held> may_stay, go;
    std::uint64_t standing = 0;
    for (const Held& h : held) {
      (graph_.used(h.tensor, edge.to) ? may_stay : go).push_back(h);
      standing += size_of(h.tensor, h.count);
    }
    if (standing >= words_) return;
    if (candidates.size() + may_stay.size() > most_choices) {
      candidates.resize(most_choices - may_stay.size());
    }
    for (std::size_t c = 0; c < edge.choice.size(); ++c) {
      const NestSpec& spec = edge.choice[c];
      Pins pins;
      bool possible = true;
      std::uint64_t own = 0;
      const auto held_option = [&](const Held& h) {
        Option option{h.tensor, h.count, spec.slot_of(h.tensor), h.dirty, 0};
        if (option.slot < spec.slots.size()) {
          const Slot& slot = spec.slots[option.slot];
          possible = possible && can_stand(slot, h.count);
          option.dirty = option.dirty || slot.changed;
          pins.insert({option.slot, h.count});
        }
        if (option.dirty && graph_.wanted(h.tensor, edge.to)) {
          option.own = size_of(h.tensor, h.count);
        }
        return option;
      };
      for (const Held& h : go) own += held_option(h).own;
      std::vector<Option> take, stay;
      for (const Held& h : may_stay) stay.push_back(held_option(h));
      if (!possible) continue;
      for (const TensorId id : candidates) {
        const std::size_t s = spec.slot_of(id);
        if (s == spec.slots.size()) continue;
        const Slot& slot = spec.slots[s];
        std::vector<std::int64_t> counts = part_counts(slot);
        if (can_stand(slot, all_of(id))) counts.push_back(all_of(id));
        for (const std::int64_t count : counts) {
          const bool outside = slot.source == Slot::Source::outside;
          take.push_back({id, count, s, slot.changed, outside ? size_of(id, count) : 0});
        }
      }
      Try all{reached, held, e, c, take, stay};
      choose_taken(all, 0, {own, standing, {}, pins});
    }
  }

  bool can_stand(const Slot& slot, std::int64_t count) const {
    return count < all_of(slot.tensor) ? can_stand_in_part(slot) : sim::can_stand(slot);
  }
  bool in_part(const Option& option) const { return option.count < all_of(option.tensor); }

  /// What choices are made among.
  struct Try {
    const Reached& reached;
    const HeldSet& held;
    std::size_t edge, choice;
    const std::vector<Option>&take, &stay;
  };
  struct Chosen {
    std::uint64_t own = 0, standing = 0;
    HeldSet next;
    Pins pins;
    bool in_part = false;  ///< something is held so; no more than one at a time
  };

  /// What is known of the nests of a choice with all pins decided.
  struct Nests {
    KnownLoops::Loops& loops;
    const FoundNest* best = nullptr;
    std::uint64_t none_below = 0;  ///< there are none that move fewer words
  };

  void choose_taken(const Try& all, std::size_t i, const Chosen& chosen) {
    if (i == all.take.size()) {
      if (all.reached.cost + chosen.own >= limit_) return;
      Nests nests{known_.loops(all.edge, chosen.pins)};
      choose_staying(all, 0, chosen, nests);
      return;
    }
    choose_taken(all, i + 1, chosen);
    const Option& option = all.take[i];
    if (chosen.next.size() == most_held || (chosen.in_part && in_part(option))) return;
    Chosen more = chosen;
    more.own += option.own;
    more.standing += size_of(option.tensor, option.count);
    if (more.standing >= words_) return;
    more.next.insert({option.tensor, option.count, option.dirty});
    more.pins.insert({option.slot, option.count});
    more.in_part = more.in_part || in_part(option);
    while (i < all.take.size() && all.take[i].tensor == option.tensor) ++i;
    choose_taken(all, i, more);
  }

  void choose_staying(const Try& all, std::size_t i, const Chosen& chosen, Nests& nests) {
    if (all.reached.cost + chosen.own >= limit_) return;
    if (i == all.stay.size()) {
      arrive(all, chosen, nests);
      return;
    }
    const Option& option = all.stay[i];
    Chosen more = chosen;
    more.own += option.own;
    choose_staying(all, i + 1, more, nests);
    if (chosen.next.size() == most_held || (chosen.in_part && in_part(option))) return;
    more = chosen;
    more.next.insert({option.tensor, option.count, option.dirty});
    more.in_part = more.in_part || in_part(option);
    choose_staying(all, i + 1, more, nests);
  }

  void arrive(const Try& all, const Chosen& chosen, Nests& nests) {
    const std::size_t to = graph_.edges()[all.edge].to;
    const std::uint64_t cost = all.reached.cost + chosen.own;
    std::uint64_t later = ahead_[to];
    for (const Held& h : chosen.next) {
      if (h.dirty && graph_.stored_last(h.tensor)) later += size_of(h.tensor, h.count);
    }
    if (cost + later >= limit_) return;
    States& states = by_node_[to];
    std::uint64_t bound = limit_ - later;
    if (states.most != std::numeric_limits<std::int64_t>::max()) {
      const std::int64_t end = states.most - worth(chosen.next, 0) + 1;
      if (end <= 0) return;
      bound = std::min(bound, static_cast<std::uint64_t>(end));
    }
    const auto reaches_less = [&] {
      if (cost >= bound || bound - cost <= nests.none_below) return false;
      return nests.best == nullptr || cost + nests.best->dram_words < bound;
    };
    if (!reaches_less()) return;
    const auto known = states.by_held.find(chosen.next);
    if (known != states.by_held.end()) {
      bound = std::min(bound, known->second.cost);
      if (!reaches_less()) return;
    }
    if (nests.best == nullptr) {
      const FoundNest* found = known_.find(all.edge, all.choice, chosen.pins, nests.loops,
                                           words_ - chosen.standing, bound - cost);
      if (found == nullptr || cost + found->dram_words >= bound) {
        nests.none_below = bound - cost;
        return;
      }
      nests.best = found;
    }
    const Reached better{cost + nests.best->dram_words, all.held, all.edge, all.choice};
    if (known != states.by_held.end()) {
      known->second = better;
    } else {
      states.by_held.emplace(chosen.next, better);
      thin_out(states);
    }
  }

  /// Words that every way from a node to the last one moves, by node: parameters come once, and
  /// leave once they are updated.
  std::vector<std::uint64_t> words_ahead(std::size_t to) const {
    std::vector<std::uint64_t> result(by_node_.size());
    for (std::size_t node = 0; node < result.size(); ++node) {
      for (const Tensor& tensor : step_.tensors) {
        if (tensor.lifetime != Lifetime::parameter || !on_dram(tensor.id)) continue;
        if (graph_.first_read(tensor.id, node, to)) result[node] += size_of(tensor.id);
        if (graph_.written(tensor.id, node, to)) result[node] += size_of(tensor.id);
      }
    }
    return result;
  }

  Schedule trace_back(std::size_t from, std::size_t to) {
    struct Taken {
      HeldSet before, after;
      std::size_t edge = 0, choice = 0;
    };
    std::vector<Taken> path;
    for (HeldSet held; to != from;) {
      const Reached& reached = by_node_[to].by_held.at(held);
      path.push_back({reached.before, held, reached.edge, reached.choice});
      to = graph_.edges()[reached.edge].from;
      held = reached.before;
    }
    std::reverse(path.begin(), path.end());
    Schedule schedule;
    std::map<TensorId, std::size_t> open;  // stays
    for (std::size_t n = 0; n < path.size(); ++n) {
      const auto& [before, after, e, c] = path[n];
      const Edge& edge = graph_.edges()[e];
      const NestSpec& spec = edge.choice[c];
      std::vector<Held> all(before.begin(), before.end());
      for (const Held& h : after) {
        if (!before.has(h.tensor)) all.push_back(h);
      }
      std::uint64_t standing = 0;
      Pins pins;
      for (const Held& h : all) {
        const std::size_t s = spec.slot_of(h.tensor);
        const bool here = s < spec.slots.size();
        standing += size_of(h.tensor, h.count);
        if (here) pins.insert({s, h.count});
        if (!open.contains(h.tensor)) {
          open[h.tensor] = schedule.stays.size();
          schedule.stays.push_back(
              {h.tensor, h.count, n, n, spec.slots[s].source == Slot::Source::outside, false, 0});
        }
        Stay& stay = schedule.stays[open[h.tensor]];
        stay.last = n;
        if (after.has(h.tensor)) continue;
        const bool dirty = h.dirty || (here && spec.slots[s].changed);
        stay.stored = dirty && graph_.wanted(h.tensor, edge.to);
        open.erase(h.tensor);
      }
      const FoundNest& found = known_.quickest(e, c, pins, words_ - standing);
      schedule.nests.push_back(
          make_nest(spec, found, pins.standing(spec.slots.size()), words_ - standing));
    }
    return schedule;
  }

  const ScheduleTask& task_;
  const Step& step_;
  const Graph& graph_;
  KnownLoops& known_;
  std::uint64_t words_;
  std::vector<std::uint64_t> size_;                     // words, by tensor
  std::vector<std::vector<std::int64_t>> part_counts_;  // that fit, by tensor
  bool with_parts_ = false;
  std::vector<std::vector<TensorId>> may_stand_;  // by edge
  std::vector<States> by_node_;
  std::uint64_t limit_ = unreachable;
  std::vector<std::uint64_t> ahead_;  // by node
};

/// Lower layers in groups that are made again in the backward pass: the cheapest groups of layers
/// 1 to r for every r, and which r are worth a search of the layers above. Kept by the buffer's
/// words.
class RecomputedGroups {
 public:
  RecomputedGroups(const ScheduleTask& task, const Graph& graph, KnownLoops& known,
                   const models::ComputeArray& array)
      : task_(task), graph_(graph), known_(known), array_(array) {}

  /// Layers 1 to r: the last of their groups, and the words that all of them move.
  struct Lower {
    std::uint64_t cost = 0;
    int first = 1;  ///< layer of the last group
    FoundNest forward, backward;
  };
  struct Choice {
    std::vector<std::optional<Lower>> lower;  ///< by r
    std::vector<int> worth_it;                ///< values of r, in order
  };
  const Choice& in(std::uint64_t words) {
    const auto [known, is_new] = by_words_.try_emplace(words);
    if (is_new) known->second = choose(words);
    return known->second;
  }

  /// The groups of layers 1 to r around the schedule of the others.
  Schedule around(int r, Schedule upper, std::uint64_t words) {
    const Choice& choice = in(words);
    std::vector<Nest> forward, backward;
    for (int last = r; last > 0;) {
      const Lower& group = *choice.lower[static_cast<std::size_t>(last)];
      const Graph::Again specs = *graph_.again(group.first, last);
      forward.push_back(nest_of(specs.forward, group.forward, words));
      backward.push_back(nest_of(specs.backward, group.backward, words));
      last = group.first - 1;
    }
    Schedule schedule;
    schedule.nests.assign(forward.rbegin(), forward.rend());
    for (Stay& stay : upper.stays) {
      stay.first += forward.size();
      stay.last += forward.size();
    }
    schedule.stays = std::move(upper.stays);
    schedule.nests.insert(schedule.nests.end(), upper.nests.begin(), upper.nests.end());
    schedule.nests.insert(schedule.nests.end(), backward.begin(), backward.end());
    return schedule;
  }

 private:
  /// Deeper networks are searched for a few r alone, those that are the best where nothing stays in
  /// the buffer.
  static constexpr int all_up_to = 16;
  static constexpr std::size_t most_searched = 4;

  Choice choose(std::uint64_t words) const {
    Choice choice{std::vector<std::optional<Lower>>(static_cast<std::size_t>(graph_.depth()) + 1),
                  {}};
    choice.lower[0] = Lower{};
    for (int r = 1; r < graph_.depth() && graph_.has_backward(r); ++r) {
      choice.lower[static_cast<std::size_t>(r)] = cheapest(choice.lower, r, words);
      const bool tried = r <= all_up_to || r % (r / 4) == 0;
      if (tried && choice.lower[static_cast<std::size_t>(r)]) choice.worth_it.push_back(r);
    }
    if (graph_.depth() > all_up_to) keep_most_promising(choice, words);
    return choice;
  }

  std::optional<Lower> cheapest(const std::vector<std::optional<Lower>>& lower, int r,
                                std::uint64_t words) const {
    std::optional<Lower> best;
    for (int i = 1; i <= r; ++i) {
      const std::optional<Lower>& below = lower[static_cast<std::size_t>(i - 1)];
      if (!below || !graph_.may_go_together(i, r)) continue;
      const std::optional<Graph::Again> again = graph_.again(i, r);
      if (!again) continue;
      const auto find = [&](const NestSpec& spec) {
        return LoopSearch(spec).find(Standing(spec.slots.size()), words);
      };
      const auto forward = find(again->forward), backward = find(again->backward);
      if (!forward || !backward) continue;
      const std::uint64_t cost = below->cost + forward->dram_words + backward->dram_words;
      if (!best || cost < best->cost) best = Lower{cost, i, *forward, *backward};
    }
    return best;
  }

  void keep_most_promising(Choice& choice, std::uint64_t words) const {
    std::vector<std::pair<std::uint64_t, int>> by_cost;
    PathSearch path(task_, graph_, known_, words, std::nullopt);
    for (const int r : choice.worth_it) {
      const auto upper = path.run(graph_.above(r), graph_.below(r));
      if (!upper) continue;
      by_cost.push_back({choice.lower[static_cast<std::size_t>(r)]->cost + upper->cost, r});
    }
    std::sort(by_cost.begin(), by_cost.end());
    by_cost.resize(std::min(by_cost.size(), most_searched));
    choice.worth_it.clear();
    for (const auto& [cost, r] : by_cost) choice.worth_it.push_back(r);
    std::sort(choice.worth_it.begin(), choice.worth_it.end());
  }

  Nest nest_of(const NestSpec& spec, const FoundNest& found, std::uint64_t words) const {
    return LoopSearch(spec).quickest_nest(found, Standing(spec.slots.size()), words, array_);
  }

  const ScheduleTask& task_;
  const Graph& graph_;
  KnownLoops& known_;
  const models::ComputeArray& array_;
  std::map<std::uint64_t, Choice> by_words_;
};

/// The cheapest path of less than `limit` words; with `groups` lower layers may be made again.
std::optional<PathSearch::Found> cheapest_path(PathSearch& path, const Graph& graph,
                                               RecomputedGroups* groups, std::uint64_t words,
                                               std::uint64_t limit) {
  std::optional<PathSearch::Found> best = path.run(graph.first(), graph.last(), limit);
  if (groups == nullptr) return best;
  const RecomputedGroups::Choice& choice = groups->in(words);
  for (const int r : choice.worth_it) {
    const std::uint64_t lower = choice.lower[static_cast<std::size_t>(r)]->cost;
    const std::uint64_t most = best ? best->cost : limit;
    if (lower >= most) continue;
    std::optional<PathSearch::Found> upper = path.run(graph.above(r), graph.below(r), most - lower);
    if (!upper) continue;
    best = PathSearch::Found{groups->around(r, std::move(upper->schedule), words),
                             lower + upper->cost};
  }
  return best;
}

/// Of every tensor large enough to matter, parts of all sizes, coarsely.
Counts coarse_parts(const ScheduleTask& task) {
  const std::uint64_t all = words_in_dram(task);
  Counts counts;
  for (const Tensor& tensor : task.step.tensors) {
    const std::uint64_t size = words_in_dram(task, tensor);
    if (size < std::max<std::uint64_t>(1, all / 50)) continue;
    const std::int64_t extent = tensor.shape[0], unit = part_unit(extent);
    std::vector<std::int64_t>& own = counts[tensor.id];
    for (std::int64_t count = unit; count < extent; count += unit) own.push_back(count);
    for (std::int64_t count = unit / 2; count > 0; count /= 2) {
      const std::uint64_t words = size / static_cast<std::uint64_t>(extent);
      if (words * static_cast<std::uint64_t>(count) < all / 1000) break;
      own.push_back(count);
    }
  }
  return counts;
}

/// Of the tensors of which a part stays in a schedule, that part and others a little larger.
Counts finer_parts(const Schedule& schedule, const Step& step, int rounds) {
  Counts counts;
  for (const Stay& stay : schedule.stays) {
    if (is_whole(stay, step)) continue;
    const std::int64_t extent = step.tensor(stay.tensor).shape[0];
    const std::int64_t more = std::max<std::int64_t>(1, part_unit(extent) >> (2 * rounds)),
                       end = std::min(extent, stay.count + 4 * more);
    std::vector<std::int64_t>& own = counts[stay.tensor];
    for (std::int64_t count = stay.count; count < end; count += more) own.push_back(count);
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
  }
  return counts;
}

/// The schedule with as much of its stays in part as can be placed, and placed.
std::optional<Schedule> placed_in_parts(const Schedule& schedule, const Step& step,
                                        std::uint64_t words) {
  std::vector<std::int64_t> counts;
  for (const Stay& stay : schedule.stays) counts.push_back(is_whole(stay, step) ? stay.count : 0);
  Schedule result = with_counts(schedule, counts);
  if (!place(result, step, words)) return std::nullopt;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) continue;
    const std::int64_t most = schedule.stays[i].count;
    const std::int64_t less = std::max<std::int64_t>(1, most / 8);
    for (std::int64_t count = most; count > 0; count -= less) {
      while (count > 0 && !is_cut_at(schedule, i, count)) --count;
      counts[i] = std::max<std::int64_t>(0, count);
      if (counts[i] == 0) break;
      Schedule larger = with_counts(schedule, counts);
      if (place(larger, step, words)) {
        result = std::move(larger);
        break;
      }
      counts[i] = 0;
    }
  }
  return result;
}

/// Of what stays in part in a schedule, as much as moves the fewest words in a buffer of so many,
/// where all else stays as it does; nests that this leaves other room get the best loops for it.
class PartSizes {
 public:
  PartSizes(const Schedule& schedule, const Step& step, const models::ComputeArray& array,
            std::uint64_t words)
      : schedule_(schedule), step_(step), array_(array), words_(words) {
    for (const Nest& nest : schedule.nests) searches_.emplace_back(nest.spec);
  }

  /// Not placed yet.
  Schedule best() {
    for (std::size_t i = 0; i < schedule_.stays.size(); ++i) {
      Stay& stay = schedule_.stays[i];
      if (is_whole(stay, step_)) continue;
      const std::int64_t extent = step_.tensor(stay.tensor).shape[0];
      std::int64_t best = stay.count;
      std::optional<std::uint64_t> fewest = moved(stay, best);
      for (std::int64_t count = extent - 1; count > 0;
           count -= (extent + most_tried - 1) / most_tried) {
        const auto words = moved(stay, count);
        if (!words || (fewest && *words >= *fewest)) continue;
        fewest = words;
        best = count;
      }
      if (fewest) take(stay, best);
    }
    return std::move(schedule_);
  }

 private:
  static constexpr std::int64_t most_tried = 128;

  std::uint64_t words_of_stay(const Stay& stay, std::int64_t count) const {
    Stay other = stay;
    other.count = count;
    return words_of(other, step_);
  }
  Standing standing(const Nest& nest, const Stay& stay, std::int64_t count) const {
    Standing result = nest.standing;
    const std::size_t slot = nest.spec.slot_of(stay.tensor);
    if (slot < result.size()) result[slot] = count;
    return result;
  }
  /// What stays leave to a nest; none where they leave nothing.
  std::uint64_t room(std::size_t n, const Stay& stay, std::int64_t count) const {
    std::uint64_t taken = words_of_stay(stay, count);
    for (const Stay& other : schedule_.stays) {
      const bool here = other.first <= n && n <= other.last;
      if (here && &other != &stay) taken += words_of(other, step_);
    }
    return taken < words_ ? words_ - taken : 0;
  }
  std::optional<FoundNest> found(std::size_t n, const Stay& stay, std::int64_t count) {
    return searches_[n].find(standing(schedule_.nests[n], stay, count), room(n, stay, count));
  }
  /// Words of the stay and of the nests that it lasts for.
  std::optional<std::uint64_t> moved(const Stay& stay, std::int64_t count) {
    const std::uint64_t times = (stay.loaded ? 1 : 0) + (stay.stored ? 1 : 0);
    std::uint64_t sum = times * words_of_stay(stay, count);
    for (std::size_t n = stay.first; n <= stay.last; ++n) {
      const auto nest = found(n, stay, count);
      if (!nest) return std::nullopt;
      sum += nest->dram_words;
    }
    return sum;
  }
  void take(Stay& stay, std::int64_t count) {
    for (std::size_t n = stay.first; n <= stay.last; ++n) {
      Nest& nest = schedule_.nests[n];
      nest = searches_[n].quickest_nest(*found(n, stay, count), standing(nest, stay, count),
                                        room(n, stay, count), array_);
    }
    stay.count = count;
  }

  Schedule schedule_;
  const Step& step_;
  const models::ComputeArray& array_;
  std::uint64_t words_;
  std::vector<LoopSearch> searches_;
};

/// The search of one step in buffers of several sizes. A larger buffer has to find at least what a
/// smaller one does, so that what it finds is the best of
/// - searches in the whole buffer that follow every way there is, as far as their limits allow:
/// what
///   fits less fits more. In these, parts of tensors have the sizes of one list for all buffers;
/// - the search that makes parts finer around the best ones, which is no such search, in a buffer
/// of
///   the next smaller power of two: the same one for all sizes up to the next.
class BestSearch {
 public:
  BestSearch(const ScheduleTask& task, bool recompute)
      : task_(task),
        recompute_(recompute),
        words_(words_of(task.device.buffer).count()),
        graph_(task),
        array_(task.device.array()),
        known_(graph_, array_),
        groups_(task, graph_, known_, array_),
        coarse_(coarse_parts(task)) {}

  Schedule run() {
    const std::uint64_t power = std::bit_floor(words_);
    if (auto found = alone(power)) {
      best_ = std::move(found);
      finely(power);
    }
    if (power != words_) {
      if (best_) keep_resized(best_->schedule);
      if (auto found = alone(words_)) keep(std::move(found->schedule));
      if (best_) in_whole_buffer();
    }
    if (!best_) refuse_buffer(task_, smallest());
    return std::move(best_->schedule);
  }

 private:
  using Found = PathSearch::Found;

  std::optional<Found> search(std::uint64_t allowed, const std::optional<Counts>& parts,
                              bool recompute, std::uint64_t limit = unreachable) {
    PathSearch path(task_, graph_, known_, allowed, parts);
    return cheapest_path(path, graph_, recompute ? &groups_ : nullptr, allowed, limit);
  }

  /// Nothing stays from one nest to another.
  std::optional<Found> alone(std::uint64_t words) {
    std::optional<Found> found = search(words, std::nullopt, recompute_);
    if (!found) return std::nullopt;
    if (!place(found->schedule, task_.step, words)) {
      throw workloads::ConsistencyError("nests without stays do not fit where each alone does");
    }
    found->cost = dram_words(found->schedule, task_.step, task_.map);
    return found;
  }

  /// Joined, operations may need less than the one that alone needs the most.
  BufferNeeded smallest() {
    BufferNeeded needed = largest_need(single_operations(task_));
    std::uint64_t low = words_ + 1;
    while (low < needed.words) {
      const std::uint64_t middle = low + (needed.words - low) / 2;
      if (search(middle, std::nullopt, false)) {
        needed.words = middle;
      } else {
        low = middle + 1;
      }
    }
    return needed;
  }

  void keep(Schedule schedule) {
    const std::uint64_t cost = dram_words(schedule, task_.step, task_.map);
    if (!best_ || cost < best_->cost) best_ = Found{std::move(schedule), cost};
  }
  void widen(Schedule& schedule, std::uint64_t words) const {
    for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
      schedule.nests[n] =
          widened(schedule.nests[n], largest_gap(schedule, task_.step, n, words), array_);
    }
  }
  /// Stays can leave gaps. Then nests take no more room than they have to.
  bool placed(Schedule& schedule, std::uint64_t words) const {
    if (place(schedule, task_.step, words)) return true;
    for (Nest& nest : schedule.nests) nest = tightened(nest);
    if (!place(schedule, task_.step, words)) return false;
    widen(schedule, words);
    return true;
  }
  /// The schedule with parts as large as they are best in the whole buffer.
  void keep_resized(const Schedule& schedule) {
    Schedule resized = PartSizes(schedule, task_.step, array_, words_).best();
    if (placed(resized, words_)) {
      keep(std::move(resized));
    } else {
      keep_in_parts(resized, words_);
    }
  }
  void keep_in_parts(const Schedule& schedule, std::uint64_t words) {
    auto fewer = placed_in_parts(schedule, task_.step, words);
    if (!fewer) return;
    widen(*fewer, words);
    keep(std::move(*fewer));
  }

  /// Tensors stay whole, or in parts that are made finer. Where that cannot be placed, the search
  /// is given a little less than there is, and less again.
  void finely(std::uint64_t words) {
    const std::uint64_t step = std::max<std::uint64_t>(1, words / 256);
    // That the search with more room has found. Less room seldom finds fewer: where a search leaves
    // out many states.
    std::uint64_t fewest = 0;
    for (std::uint64_t less = 0; less < words / 2; less = less == 0 ? step : less * 2) {
      auto whole = search(words - less, Counts{}, recompute_, best_->cost);
      std::optional<Found> parts;
      if (!coarse_.empty() && (!whole || whole->cost > fewest)) {
        parts = search(words - less, coarse_, recompute_, whole ? whole->cost : best_->cost);
      }
      for (int round = 1; parts && round < 3; ++round) {
        const Counts counts = finer_parts(parts->schedule, task_.step, round);
        if (counts.empty()) break;
        if (auto finer = search(words - less, counts, recompute_, parts->cost)) {
          parts = std::move(finer);
        }
      }
      if (!whole && !parts) return;
      fewest = parts ? parts->cost : whole->cost;
      if (parts && placed(parts->schedule, words)) {
        keep(std::move(parts->schedule));
        return;
      }
      if (parts) keep_in_parts(parts->schedule, words);
      if (whole && placed(whole->schedule, words)) {
        keep(std::move(whole->schedule));
        return;
      }
    }
  }

  /// Tensors stay whole, or in the parts of the list. Where the schedule found cannot be placed,
  /// the next one is that of the largest buffer for which it would be too large.
  void in_whole_buffer() {
    for (const Counts& counts : {Counts{}, coarse_}) {
      std::uint64_t allowed = words_;
      for (std::uint64_t tries = 0; allowed > 0; ++tries) {
        auto found = search(allowed, counts, recompute_, best_->cost);
        if (!found) break;
        const std::uint64_t used = most_words(found->schedule, task_.step);
        if (placed(found->schedule, words_)) {
          keep_resized(found->schedule);
          keep(std::move(found->schedule));
          break;
        }
        keep_in_parts(found->schedule, words_);
        // Of many that cannot be placed some are passed over.
        const std::uint64_t less =
            1 + (tries < 8 ? 0 : words_ / 256 << std::min<std::uint64_t>(tries - 8, 16));
        allowed = std::min(allowed, used) > less ? std::min(allowed, used) - less : 0;
      }
      if (coarse_.empty()) break;
    }
  }

  const ScheduleTask& task_;
  bool recompute_;
  std::uint64_t words_;
  const Graph graph_;
  const models::ComputeArray array_;
  KnownLoops known_;
  RecomputedGroups groups_;
  const Counts coarse_;
  std::optional<Found> best_;
};

}  // namespace

Schedule best_schedule(const ScheduleTask& task, bool recompute) {
  return BestSearch(task, recompute).run();
}

}  // namespace spillway::sim
