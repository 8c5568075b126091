#include "tests/support/block_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <set>
#include <stdexcept>

#include "workloads/kernels/operations.hpp"

namespace spillway::test {

using namespace workloads;

namespace {

using Indices = std::vector<std::int64_t>;  // by axis

/// The axis of each dimension of a tensor.
std::vector<std::size_t> axes_of(const Step& step, const Tensor& tensor) {
  const std::size_t depth = step.layer_names.size() - 2, last = depth + 1;
  const auto layer = static_cast<std::size_t>(tensor.layer);
  if (layer > depth) throw std::invalid_argument(tensor.name + " is of a readout layer");
  switch (tensor.kind) {
    case TensorKind::input_images:
    case TensorKind::activations:
    case TensorKind::errors: return {0, layer + 1};
    case TensorKind::scores:
    case TensorKind::score_errors: return {0, last};
    case TensorKind::weights:
    case TensorKind::weight_gradients: return {layer + 1, layer};
    case TensorKind::classifier: return {layer + 1, last};
    case TensorKind::labels: return {0};
    case TensorKind::metrics:
    case TensorKind::seeds: return {};
    default: throw std::invalid_argument(tensor.name + " is of a kind that is not cut into blocks");
  }
}

bool is_product(const Op& op) {
  return op.kernel.is<FcForward>() || op.kernel.is<FcInputGradient>() ||
         op.kernel.is<FcWeightGradient>() || op.kernel.is<ClassifierForward>() ||
         op.kernel.is<ClassifierError>();
}

class Cutter {
 public:
  Cutter(const Step& step, const Grid& grid)
      : step_(step), size_(grid_axes(step)), cuts_(grid.cuts) {
    if (cuts_.size() != size_.size()) throw std::invalid_argument("a grid has a cut for each axis");
    cuts_.back() = 1;
    for (std::size_t a = 0; a < cuts_.size(); ++a) {
      if (size_[a] % cuts_[a] != 0) throw std::invalid_argument("cuts do not divide an axis");
    }
    for (const Tensor& tensor : step.tensors) {
      first_block_.push_back(program_.blocks.size());
      if (!tensor.generated) add_blocks(tensor);
    }
    for (std::size_t i = 0; i < step.ops.size(); ++i) add_op(i);
    program_.parts = program_.ops.size();
    if (program_.parts > 64) throw std::length_error("more than 64 operations on blocks");
    find_order();
    for (std::size_t i = 0; i < program_.parts; ++i) {
      program_.ops[i].does = bit(i);
      for (std::size_t b = 0; b < program_.blocks.size(); ++b) {
        if ((program_.ops[i].blocks & bit(b)) != 0) program_.blocks[b].users |= bit(i);
      }
    }
    for (std::size_t i = 0; i < program_.parts; ++i) join_update(i);
    add_symmetries();
  }

  BlockProgram result() { return std::move(program_); }

 private:
  /// What a part of an operation is made of.
  struct Part {
    std::size_t op;
    Indices at;
    std::vector<std::size_t> reads, writes;  // blocks, on chip or not
  };

  std::int64_t part_size(std::size_t axis) const { return size_[axis] / cuts_[axis]; }

  /// All combinations of parts of these axes; 0 for the others.
  std::vector<Indices> places(const std::set<std::size_t>& axes) const {
    std::vector<Indices> result{Indices(cuts_.size())};
    for (const std::size_t axis : axes) {
      std::vector<Indices> longer;
      for (const Indices& at : result) {
        for (std::int64_t i = 0; i < cuts_[axis]; ++i) {
          longer.push_back(at);
          longer.back()[axis] = i;
        }
      }
      result = std::move(longer);
    }
    return result;
  }

  static std::string name_at(const std::string& name, const Indices& at,
                             const std::set<std::size_t>& axes) {
    std::string text = name + "(";
    for (const std::size_t axis : axes) text += fmt::format("{}", at[axis]);
    return text + ")";
  }

  void add_blocks(const Tensor& tensor) {
    const std::vector<std::size_t> dims = axes_of(step_, tensor);
    const std::set<std::size_t> axes(dims.begin(), dims.end());
    std::int64_t elements = axes.empty() ? static_cast<std::int64_t>(tensor.elements()) : 1;
    for (const std::size_t axis : dims) elements *= part_size(axis);
    const bool used = std::ranges::any_of(step_.ops, [&](const Op& op) {
      return std::ranges::count(op.inputs, tensor.id) + std::ranges::count(op.outputs, tensor.id) !=
             0;
    });
    if (!used && tensor.kind != TensorKind::seeds) return;
    for (const Indices& at : places(axes)) {
      program_.blocks.push_back(
          {name_at(tensor.name, at, axes), tensor.id, static_cast<std::uint64_t>(elements),
           tensor.is_given(),
           tensor.lifetime == Lifetime::parameter || tensor.lifetime == Lifetime::output, 0});
      if (program_.blocks.size() > 64) throw std::length_error("more than 64 blocks");
    }
  }

  std::size_t block_at(TensorId id, const Indices& at) const {
    const std::vector<std::size_t> dims = axes_of(step_, step_.tensor(id));
    const std::set<std::size_t> axes(dims.begin(), dims.end());
    std::size_t number = 0;
    for (const std::size_t axis : axes) {
      number = number * static_cast<std::size_t>(cuts_[axis]) + static_cast<std::size_t>(at[axis]);
    }
    return first_block_[id] + number;
  }

  std::set<std::size_t> axes_of_op(const Op& op) const {
    std::set<std::size_t> axes;
    for (const auto* ids : {&op.inputs, &op.outputs}) {
      for (const TensorId id : *ids) {
        for (const std::size_t axis : axes_of(step_, step_.tensor(id))) axes.insert(axis);
      }
    }
    return axes;
  }

  void add_op(std::size_t number) {
    const Op& op = step_.ops[number];
    if (op.kernel.is<Relu>()) return;
    if (!is_product(op) && !op.kernel.is<ReluError>() && !op.kernel.is<Update>() &&
        op.phase != Phase::loss) {
      throw std::invalid_argument(op.kernel.name() + " is not cut into blocks");
    }
    const std::set<std::size_t> axes = axes_of_op(op);
    for (const Indices& at : places(axes)) {
      Part part{number, at, {}, {}};
      for (const TensorId id : op.inputs) {
        const auto& generated = step_.tensor(id).generated;
        part.reads.push_back(block_at(generated ? generated->seed : id, at));
      }
      for (const TensorId id : op.outputs) part.writes.push_back(block_at(id, at));
      BlockOp done{
          name_at(step_.layer_names[static_cast<std::size_t>(op.layer)] + " " + op.kernel.name(),
                  at, axes),
          0,
          0,
          0,
          0,
          {}};
      for (const std::size_t b : part.reads) done.blocks |= bit(b);
      for (const std::size_t b : part.writes) done.changes |= bit(b);
      if (op.kernel.is<ReluError>()) {  // its mask alone
        done.blocks &= ~done.changes;
        done.changes = 0;
      }
      done.blocks |= done.changes;
      done.passing = passing(done.blocks, op, axes);
      program_.ops.push_back(done);
      parts_.push_back(part);
    }
  }

  /// Words of a block that has to be there while loops run in this order, those along its own axes
  /// outside of all others being brought in only once.
  std::uint64_t room(std::size_t block, const std::vector<std::size_t>& order) const {
    const std::vector<std::size_t> dims =
        axes_of(step_, step_.tensor(program_.blocks[block].tensor));
    std::uint64_t words = program_.blocks[block].words;
    for (const std::size_t axis : order) {
      if (std::ranges::find(dims, axis) == dims.end()) break;
      words /= static_cast<std::uint64_t>(part_size(axis));
    }
    return words;
  }

  std::vector<Passing> passing(Mask blocks, const Op& op, std::set<std::size_t> axes) const {
    if (op.phase == Phase::loss && !is_product(op)) axes.erase(cuts_.size() - 1);
    std::vector<Passing> result;
    for (std::size_t b = 0; b < program_.blocks.size(); ++b) {
      const bool one_piece = axes_of(step_, step_.tensor(program_.blocks[b].tensor)).empty();
      if (one_piece || program_.blocks[b].words == 1) blocks &= ~bit(b);
    }
    for (Mask some = 0;; some = (some - blocks) & blocks) {
      std::vector<std::size_t> order(axes.begin(), axes.end());
      std::uint64_t least = std::numeric_limits<std::uint64_t>::max(), whole = 0;
      do {
        std::uint64_t words = 0;
        whole = 0;
        for (std::size_t b = 0; b < program_.blocks.size(); ++b) {
          if ((some & bit(b)) == 0) continue;
          words += room(b, order);
          whole += program_.blocks[b].words;
        }
        least = std::min(least, words);
      } while (std::next_permutation(order.begin(), order.end()));
      if (some == 0 || least < whole) result.push_back({some, least});
      if (some == blocks) break;
    }
    std::ranges::stable_sort(result, {}, [](const Passing& p) { return std::popcount(p.blocks); });
    return result;
  }

  void find_order() {
    const auto shares = [](const std::vector<std::size_t>& a, const std::vector<std::size_t>& b) {
      return std::ranges::any_of(a,
                                 [&](std::size_t x) { return std::ranges::find(b, x) != b.end(); });
    };
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (parts_[i].op == parts_[j].op) continue;  // sums, in any order
        if (shares(parts_[i].writes, parts_[j].writes) ||
            shares(parts_[i].reads, parts_[j].writes) ||
            shares(parts_[i].writes, parts_[j].reads)) {
          program_.ops[i].after |= bit(j);
        }
      }
    }
  }

  /// The last part of a block's gradient and the block's update, element by element.
  void join_update(std::size_t update) {
    const Op& op = step_.ops[parts_[update].op];
    if (!op.kernel.is<Update>()) return;
    const std::size_t gradient = parts_[update].reads[1];
    Mask makers = 0;
    for (std::size_t i = 0; i < program_.parts; ++i) {
      if ((program_.ops[i].changes & bit(gradient)) != 0) makers |= bit(i);
    }
    for (std::size_t i = 0; i < program_.parts; ++i) {
      if ((makers & bit(i)) == 0) continue;
      const BlockOp &product = program_.ops[i], &last = program_.ops[update];
      BlockOp joined{product.name + " + update",
                     product.does | last.does,
                     (product.after | last.after) & ~product.does,
                     product.blocks | last.blocks,
                     product.changes | last.changes,
                     {}};
      const Op& whole = step_.ops[parts_[i].op];
      joined.passing = passing(joined.blocks, whole, axes_of_op(whole));
      program_.ops.push_back(std::move(joined));
    }
  }

  void add_symmetries() {
    std::vector<Indices> orders(cuts_.size());
    for (std::size_t axis = 0; axis < cuts_.size(); ++axis) {
      orders[axis].resize(static_cast<std::size_t>(cuts_[axis]));
      std::iota(orders[axis].begin(), orders[axis].end(), 0);
    }
    add_symmetries(0, orders);
  }

  void add_symmetries(std::size_t axis, std::vector<Indices>& orders) {
    if (axis == orders.size()) {
      program_.symmetries.push_back(symmetry(orders));
      return;
    }
    do {
      add_symmetries(axis + 1, orders);
    } while (std::next_permutation(orders[axis].begin(), orders[axis].end()));
  }

  BlockProgram::Symmetry symmetry(const std::vector<Indices>& orders) const {
    BlockProgram::Symmetry result;
    const auto renumbered = [&](const Indices& at) {
      Indices other(at.size());
      for (std::size_t a = 0; a < at.size(); ++a) {
        other[a] = orders[a][static_cast<std::size_t>(at[a])];
      }
      return other;
    };
    for (const Part& part : parts_) {
      const Indices at = renumbered(part.at);
      const auto same = std::ranges::find_if(
          parts_, [&](const Part& p) { return p.op == part.op && p.at == at; });
      result.ops.push_back(static_cast<std::size_t>(same - parts_.begin()));
    }
    for (std::size_t b = 0; b < program_.blocks.size(); ++b) {
      const TensorId tensor = program_.blocks[b].tensor;
      const std::vector<std::size_t> dims = axes_of(step_, step_.tensor(tensor));
      for (const Indices& at : places({dims.begin(), dims.end()})) {
        if (block_at(tensor, at) == b) result.blocks.push_back(block_at(tensor, renumbered(at)));
      }
    }
    return result;
  }

  const Step& step_;
  std::vector<std::int64_t> size_, cuts_;
  std::vector<std::size_t> first_block_;  // by tensor
  std::vector<Part> parts_;
  BlockProgram program_;
};

}  // namespace

BlockProgram cut_into_blocks(const Step& step, const Grid& grid) {
  return Cutter(step, grid).result();
}

std::vector<std::int64_t> grid_axes(const Step& step) {
  std::vector<std::int64_t> sizes(step.layer_names.size());
  for (const Tensor& tensor : step.tensors) {
    const std::vector<std::size_t> axes = axes_of(step, tensor);
    for (std::size_t d = 0; d < axes.size(); ++d) sizes[axes[d]] = tensor.shape.at(d);
  }
  return sizes;
}

}  // namespace spillway::test
