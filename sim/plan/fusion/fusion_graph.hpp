// The places of a step between its operations, and the loop nests that lead from one to another:
// every way in which operations may run together.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/plan/fusion/step_parts.hpp"
#include "sim/plan/limits.hpp"
#include "sim/plan/mapping/candidates.hpp"
#include "sim/plan/mapping/nest_builder.hpp"
#include "sim/plan/schedule_task.hpp"

namespace spillway::sim {

/// A way from one place to a later one.
struct Edge {
  std::size_t from, to;  ///< nodes
  NestChoice choice;     ///< any one of them does it
};

/// All places of a step's parts and all ways between them.
class FusionGraph {
 public:
  explicit FusionGraph(const ScheduleTask& task);

  const std::vector<Edge>& edges() const { return edges_; }
  /// Edges from a node.
  const std::vector<std::size_t>& leaving(std::size_t node) const { return leaving_[node]; }
  /// Every edge leads to a node with a larger rank.
  const std::vector<std::size_t>& nodes_in_order() const { return sorted_; }
  std::size_t first() const { return 0; }
  std::size_t last() const { return order_.size(); }

  /// The tensor's value is used after a node.
  bool wanted(workloads::TensorId id, std::size_t node) const;
  /// Some part reads the tensor after a node.
  bool used(workloads::TensorId id, std::size_t node) const;
  /// A tensor's first readers lie between two nodes; parts that write it.
  bool first_read(workloads::TensorId id, std::size_t from, std::size_t to) const;
  bool written(workloads::TensorId id, std::size_t from, std::size_t to) const;
  bool stored_last(workloads::TensorId id) const {
    return step_.tensor(id).lifetime == workloads::Lifetime::parameter && !writers_[id].empty();
  }
  /// Some part uses the tensor, or writes it, before a node.
  bool used_before(workloads::TensorId id, std::size_t node) const;
  bool written_before(workloads::TensorId id, std::size_t node) const;
  /// The most parts in the order of the path between two that use the tensor, the second of which
  /// reads it.
  std::size_t longest_wait(workloads::TensorId id) const;
  /// The next reader comes after no more than `most` other parts in the order of the path.
  bool used_within(workloads::TensorId id, std::size_t node, std::size_t most) const;

  int depth() const { return static_cast<int>(parts_.layers.size()); }

  /// Deeper networks are searched less widely at each layer, and so are steps that are no chain.
  bool is_deep() const { return !step_.is_chain || depth() > limits.shallow; }

  /// Layers i to j are tried as one group. In a deep network these are all groups of a few layers,
  /// and of the longer ones such that one of about their length and place is among them: then their
  /// number and size grow with the depth, not with its third power.
  bool may_go_together(int i, int j) const;

  /// Layers whose activations are recomputed: a forward pass that stores the last one's output
  /// alone, and a backward pass that makes the others again.
  struct Recomputation {
    NestSpec forward, backward;
  };
  std::optional<Recomputation> recomputation(int i, int j) const;
  /// Nodes between which lie all parts of the layers above a layer.
  std::size_t above(int i) const { return before(forward_of(i).back()) + 1; }
  std::size_t below(int i) const { return before(backward_of(i).front()); }
  bool has_backward(int i) const { return parts_.backward && !backward_of(i).empty(); }

 private:
  const LayerParts& layer(int i) const { return parts_.layers[static_cast<std::size_t>(i - 1)]; }

  void layer_order() {
    for (int i = 1; i <= depth(); ++i) append(order_, all_of(i));
  }
  void backward_order();
  /// Of a step that is no chain: its own.
  void step_order();

  void find_readers();

  std::size_t add_node(const std::vector<bool>& done);

  /// The node at which all parts before this one in the order are done, and no other.
  std::size_t before(std::size_t part) const { return position_[part]; }
  /// A node off the order, at which these parts are done besides those that are at `from`.
  std::size_t beside(std::size_t from, const PartList& also);

  NestRequest request(const PartList& before, const PartList& main, const PartList& after = {});
  /// A few channels at a time, the whole mini-batch of them in one go.
  static NestRequest by_channels(NestRequest request);
  bool is_product(std::size_t p) const {
    return builder_.access(parts_.parts[p]).contract.is_product();
  }

  void add(std::size_t from, std::size_t to, const NestRequest& request) {
    add(from, to, choice_of(builder_, request));
  }
  void set_wanted(NestSpec& spec, std::size_t to) const;
  /// Some part that makes the slot's tensor is done at the node `to`; otherwise it will be
  /// recomputed.
  bool made_for_good(const NestSpec& spec, std::size_t slot, std::size_t to) const;
  bool is_done(const NestOp& op, std::size_t node) const;
  /// The nest makes every element of each wanted slot, and each once. Where windows of the
  /// operations after it share elements, the axes of the windows stay uncut.
  static bool makes_what_is_wanted(NestSpec& spec);
  void add(std::size_t from, std::size_t to, NestChoice choice);

  /// A product with the operations after it, or those after batch-norm's statistics, one more in
  /// each edge.
  void forward_edges(int i);

  void backward_edges(int i);

  /// Of a step that is no chain: a product, or an operation on elements, with those that follow it
  /// in the step's order as long as each of them works on what the nest has made, one more in each
  /// edge.
  void consumer_edges();
  bool may_follow(const PartList& nest, std::size_t part) const;

  /// The two products of a layer's backward pass, where `source` makes its error, recomputed in
  /// each nest that needs it.
  void products(int i, std::size_t from, const PartList& source, const PartList& masks_below);

  /// The operations that end a layer's part of the step.
  PartList learning_of(int i) const;
  PartList all_of(int i) const;
  PartList forward_of(int i) const { return joined({layer(i).input, layer(i).forward}); }
  PartList backward_of(int i) const;
  std::size_t after_backward(int i) const { return before(backward_of(i).back()) + 1; }

  std::string name(const char* what, int i, int j) const;
  static std::vector<std::size_t> sorted(std::vector<std::size_t> ops);

  /// Layers together, a few examples at a time, their parameters and gradients in the buffer.
  void stream_edges();

  NestSpec stream(const std::string& name, const std::vector<std::size_t>& ops) const;

  const workloads::Step& step_;
  NestBuilder builder_;
  StepParts parts_;
  PartList order_;
  std::vector<std::vector<std::size_t>> parts_of_op_;
  std::vector<std::size_t> position_;                           // in the order, by part
  std::vector<std::vector<bool>> done_;                         // parts, by node
  std::unordered_map<std::vector<bool>, std::size_t> numbers_;  // nodes, by the parts that are done
  std::vector<std::size_t> first_open_;  // in the order, the first part that is not done, by node
  std::vector<std::size_t> rank_;        // how many parts are done, by node
  std::vector<std::size_t> sorted_;
  std::vector<std::vector<std::size_t>> readers_, writers_;  // parts, by tensor
  std::vector<Edge> edges_;
  std::vector<std::vector<std::size_t>> leaving_;  // edges, by node
};

}  // namespace spillway::sim
