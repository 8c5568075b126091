#include "tests/support/hand_schedules.hpp"
#include "workloads/kernels/operations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace spillway::test {

using namespace workloads;

namespace {

/// Places of a dimension that some window at one of `places` takes.
std::set<std::int64_t> taken(const Window& window, std::size_t axis,
                             const std::set<std::int64_t>& places, std::int64_t extent) {
  std::set<std::int64_t> result;
  for (const std::int64_t place : places) {
    const std::int64_t begin = place * window.stride[axis] - window.padding_begin[axis];
    for (std::int64_t at = begin; at < begin + window.kernel[axis]; ++at) {
      if (at >= 0 && at < extent) result.insert(at);
    }
  }
  return result;
}

std::uint64_t pixels_taken(const Layer& layer) {
  std::uint64_t pixels = 1;
  for (const std::size_t axis : {0u, 1u}) {
    const auto size = [&](const ImageShape& shape) {
      return axis == 0 ? shape.height : shape.width;
    };
    std::set<std::int64_t> places;
    const bool pooled = layer.pool_window && !layer.batch_norm;
    for (std::int64_t i = 0; i < size(pooled ? layer.output : layer.before_pool); ++i) {
      places.insert(i);
    }
    if (pooled) places = taken(*layer.pool_window, axis, places, size(layer.before_pool));
    pixels *= taken(layer.window, axis, places, size(layer.input)).size();
  }
  return pixels;
}

/// What one operation does to tensors; a generated operand stands for its seeds.
struct Access {
  std::set<TensorId> reads, writes;
  bool touches(TensorId id) const { return reads.contains(id) || writes.contains(id); }
};

class Hand {
 public:
  explicit Hand(const sim::Experiment& experiment)
      : experiment_(experiment), step_(sim::training_step(experiment)) {
    for (const Op& op : step_.ops) {
      Access access;
      for (const TensorId id : op.inputs) {
        const auto& generated = step_.tensor(id).generated;
        access.reads.insert(generated ? generated->seed : id);
        if (generated && generated->sign_seed) access.reads.insert(*generated->sign_seed);
      }
      access.writes = {op.outputs.begin(), op.outputs.end()};
      accesses_.push_back(access);
    }
    depth_ = static_cast<int>(experiment.network.layers.size());
  }

  std::uint64_t compulsory() const {
    std::uint64_t words = 0;
    for (const Tensor& tensor : step_.tensors) {
      if (tensor.generated) continue;
      bool read = false, written = false;
      for (const Access& access : accesses_) {
        read |= !written && access.reads.contains(tensor.id);
        written |= access.writes.contains(tensor.id);
      }
      if (tensor.is_given() && read) {
        const Layer& first = experiment_.network.layers.front();
        words += tensor.kind == TensorKind::input_images && first.kind == LayerKind::conv
                     ? static_cast<std::uint64_t>(step_.batch * first.input.channels) *
                           pixels_taken(first)
                     : size(tensor.id);
      }
      const bool wanted =
          tensor.lifetime == Lifetime::parameter || tensor.lifetime == Lifetime::output;
      if (wanted && written) words += size(tensor.id);
    }
    return words;
  }

  std::vector<HandSchedule> schedules() {
    std::vector<HandSchedule> result{whole_tensors()};
    const int cuts = 1 << (depth_ - 1);  // sets of layers that a group begins above
    const bool local = learning_rule(experiment_.rule).local;
    for (int forward = 0; forward < cuts; ++forward) {
      if (local) {
        add(result, fmt::format("groups {:b}", forward), groups(forward));
        continue;
      }
      for (int backward = 0; backward < cuts; ++backward) {
        for (const bool turn_joined : {false, true}) {
          if (turn_joined && top(forward) != top(backward)) continue;
          add(result,
              fmt::format("groups {:b} forward, {:b} backward{}", forward, backward,
                          turn_joined ? ", the uppermost at once" : ""),
              groups(forward, backward, turn_joined));
        }
      }
    }
    return result;
  }

 private:
  using Groups = std::vector<std::vector<std::size_t>>;  // operations

  std::uint64_t size(TensorId id) const { return words_of(step_.tensor(id).bytes()).count(); }
  bool is_kept(TensorId id) const {
    const Lifetime lifetime = step_.tensor(id).lifetime;
    return lifetime == Lifetime::parameter || lifetime == Lifetime::output;
  }

  int layer_of(std::size_t op) const { return std::clamp(step_.ops[op].layer, 1, depth_); }
  /// The number of cuts below a layer: bit i is a cut between layers i + 1 and i + 2.
  static int group_of(int layer, int cuts) {
    int group = 0;
    for (int i = 0; i + 1 < layer; ++i) group += cuts >> i & 1;
    return group;
  }
  /// The lowest layer of the uppermost group.
  int top(int cuts) const {
    for (int layer = depth_; layer > 1; --layer) {
      if ((cuts >> (layer - 2) & 1) != 0) return layer;
    }
    return 1;
  }

  Groups groups(int cuts) const {
    Groups result(static_cast<std::size_t>(depth_));
    for (std::size_t i = 0; i < step_.ops.size(); ++i) {
      result[static_cast<std::size_t>(group_of(layer_of(i), cuts))].push_back(i);
    }
    return result;
  }
  Groups groups(int forward, int backward, bool turn_joined) const {
    Groups result(2 * static_cast<std::size_t>(depth_) + 2);
    for (std::size_t i = 0; i < step_.ops.size(); ++i) {
      const bool up = step_.ops[i].phase == Phase::forward && step_.ops[i].layer <= depth_;
      int group =
          up ? group_of(layer_of(i), forward) : 2 * depth_ - group_of(layer_of(i), backward);
      if (turn_joined && layer_of(i) >= top(forward)) group = depth_;
      result[static_cast<std::size_t>(group)].push_back(i);
    }
    return result;
  }

  void add(std::vector<HandSchedule>& schedules, const std::string& name, const Groups& groups) {
    if (!keeps_order(groups)) return;
    HandSchedule schedule{name, 0, 0};
    std::set<TensorId> made_before;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      schedule.words += words(groups, g);
      schedule.buffer_words = std::max(schedule.buffer_words, need(groups[g]));
    }
    schedules.push_back(schedule);
  }

  bool keeps_order(const Groups& groups) const {
    std::vector<std::size_t> order;
    for (const auto& group : groups) order.insert(order.end(), group.begin(), group.end());
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (std::size_t j = i + 1; j < order.size(); ++j) {
        if (order[i] < order[j]) continue;
        for (const TensorId id : accesses_[order[i]].writes) {
          if (accesses_[order[j]].touches(id)) return false;
        }
        for (const TensorId id : accesses_[order[j]].writes) {
          if (accesses_[order[i]].touches(id)) return false;
        }
      }
    }
    return true;
  }

  bool wanted_after(const Groups& groups, std::size_t g, TensorId id) const {
    for (std::size_t next = g + 1; next < groups.size(); ++next) {
      for (const std::size_t op : groups[next]) {
        if (accesses_[op].reads.contains(id)) return true;
        if (accesses_[op].writes.contains(id)) return false;
      }
    }
    return is_kept(id);
  }

  std::uint64_t words(const Groups& groups, std::size_t g) const {
    std::uint64_t words = 0;
    std::set<TensorId> here, changed;
    for (const std::size_t op : groups[g]) {
      for (const TensorId id : accesses_[op].reads) {
        if (here.insert(id).second) words += size(id);
      }
      for (const TensorId id : accesses_[op].writes) {
        here.insert(id);
        changed.insert(id);
      }
    }
    for (const TensorId id : changed) {
      if (wanted_after(groups, g, id)) words += size(id);
    }
    return words;
  }

  static bool is_per_example(const Tensor& tensor) {
    switch (tensor.kind) {
      case TensorKind::input_images:
      case TensorKind::labels:
      case TensorKind::activations:
      case TensorKind::winners:
      case TensorKind::scores:
      case TensorKind::score_errors:
      case TensorKind::errors:
      case TensorKind::norm_inputs: return true;
      default: return false;
    }
  }

  /// One example after another gives the same: sums over examples are used by updates alone.
  bool streams(const std::vector<std::size_t>& group) const {
    std::set<TensorId> sums, updated;
    for (const std::size_t i : group) {
      const Op& op = step_.ops[i];
      if (op.kernel.is<BatchNorm>() || op.kernel.is<BatchNormError>()) {
        return false;
      }
      const bool update = op.phase == Phase::update;
      for (const TensorId id : accesses_[i].reads) {
        if (updated.contains(id) && !update) return false;
        if (sums.contains(id) && !update) return false;
      }
      for (const TensorId id : accesses_[i].writes) {
        if (update) {
          updated.insert(id);
        } else if (!is_per_example(step_.tensor(id))) {
          sums.insert(id);
        }
      }
    }
    return true;
  }

  std::uint64_t need(const std::vector<std::size_t>& group) const {
    std::set<TensorId> here;
    for (const std::size_t op : group) {
      here.insert(accesses_[op].reads.begin(), accesses_[op].reads.end());
      here.insert(accesses_[op].writes.begin(), accesses_[op].writes.end());
    }
    const bool streamed = streams(group);
    std::uint64_t words = 0;
    for (const TensorId id : here) {
      const Tensor& tensor = step_.tensor(id);
      if (tensor.generated) continue;
      const auto batch = static_cast<std::uint64_t>(step_.batch);
      if (streamed && is_per_example(tensor)) {
        words += (tensor.bytes().count() / batch + 3) / 4;
      } else if (streamed && tensor.kind == TensorKind::optimizer_state) {
        words += size(id) / static_cast<std::uint64_t>(tensor.shape.front());
      } else {
        words += size(id);
      }
    }
    return words;
  }

  HandSchedule whole_tensors() const {
    std::map<TensorId, std::pair<std::size_t, std::size_t>> life;  // operations
    Groups all(1);
    for (std::size_t i = 0; i < accesses_.size(); ++i) {
      all[0].push_back(i);
      for (const auto* ids : {&accesses_[i].reads, &accesses_[i].writes}) {
        for (const TensorId id : *ids) {
          life.try_emplace(id, i, i);
          life[id].second = i;
        }
      }
    }
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < accesses_.size(); ++i) {
      std::uint64_t words = 0;
      for (const auto& [id, uses] : life) {
        const bool here = uses.first <= i && i <= uses.second && !step_.tensor(id).generated;
        if (here) words += size(id);
      }
      most = std::max(most, words);
    }
    return {"whole tensors from first use to last", words(all, 0), most};
  }

  const sim::Experiment& experiment_;
  Step step_;
  std::vector<Access> accesses_;  // by operation
  int depth_ = 0;
};

}  // namespace

std::uint64_t compulsory_words(const sim::Experiment& experiment) {
  return Hand(experiment).compulsory();
}

std::vector<HandSchedule> hand_schedules(const sim::Experiment& experiment) {
  return Hand(experiment).schedules();
}

}  // namespace spillway::test
