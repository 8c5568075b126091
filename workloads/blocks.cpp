#include "workloads/blocks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/support/nearest.hpp"

namespace spillway::workloads {

namespace {

int depth_of(const Network& network) { return static_cast<int>(network.layers.size()); }

/// By layer (0 the image) the last one that reads it.
std::vector<int> last_readers(const Network& network) {
  std::vector<int> last(network.layers.size() + 1);
  for (int i = 1; i <= depth_of(network); ++i) {
    for (const int input : network.layer(i).inputs) last[static_cast<std::size_t>(input)] = i;
  }
  return last;
}

/// Nothing but a pooling reads the layer.
bool is_pooled(const Network& network, int layer) {
  const std::vector<int> readers = network.readers(layer);
  return readers.size() == 1 && is_pooling(network.layer(readers.front()).kind);
}

}  // namespace

std::vector<int> cuts(const Network& network) {
  const std::vector<int> last = last_readers(network);
  std::vector<int> result;
  int furthest = last[0];  // of the readers of all tensors before
  for (int i = 1; i < depth_of(network); ++i) {
    if (furthest <= i) result.push_back(i);
    furthest = std::max(furthest, last[static_cast<std::size_t>(i)]);
  }
  return result;
}

std::vector<int> weighted_layers(const Network& network, const Block& block) {
  std::vector<int> result;
  for (int i = block.first; i <= block.last; ++i) {
    if (is_weighted(network.layer(i).kind)) result.push_back(i);
  }
  return result;
}

std::vector<Block> natural_blocks(const Network& network) {
  std::vector<Block> blocks;
  int first = 1;
  for (const int cut : cuts(network)) {
    if (is_pooled(network, cut)) continue;
    const Block block{first, cut}, rest{cut + 1, depth_of(network)};
    if (weighted_layers(network, block).empty() || weighted_layers(network, rest).empty()) continue;
    blocks.push_back(block);
    first = cut + 1;
  }
  blocks.push_back({first, depth_of(network)});
  return blocks;
}

namespace {

/// Splits of a row of numbers into consecutive sums, by the sum of their squares.
class Splits {
 public:
  Splits(std::vector<std::int64_t> numbers, std::size_t parts)
      : numbers_(std::move(numbers)),
        least_(parts + 1, std::vector<std::int64_t>(numbers_.size() + 1, none)) {
    least_[0][numbers_.size()] = 0;
    for (std::size_t n = 1; n <= parts; ++n) {
      for (std::size_t begin = 0; begin < numbers_.size(); ++begin) {
        for (std::size_t end = begin + 1; end <= numbers_.size(); ++end) {
          least_[n][begin] = std::min(least_[n][begin], cost(n, begin, end));
        }
      }
    }
  }

  /// Where the parts end: the first is as large as it can be, then the second …
  std::vector<std::size_t> largest_first() const {
    std::vector<std::size_t> ends;
    std::size_t begin = 0;
    for (std::size_t n = least_.size() - 1; n > 0; --n) {
      std::size_t end = numbers_.size();
      while (cost(n, begin, end) != least_[n][begin]) --end;
      ends.push_back(end);
      begin = end;
    }
    return ends;
  }

 private:
  /// Of the numbers from `begin` on in n parts of which the first ends before `end`.
  std::int64_t cost(std::size_t n, std::size_t begin, std::size_t end) const {
    if (least_[n - 1][end] == none) return none;
    std::int64_t sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += numbers_[i];
    return sum * sum + least_[n - 1][end];
  }

  static constexpr std::int64_t none = std::int64_t{1} << 62;
  std::vector<std::int64_t> numbers_;
  std::vector<std::vector<std::int64_t>> least_;  ///< by parts and first number
};

}  // namespace

std::vector<Block> joined_blocks(const Network& network, int count) {
  const std::vector<Block> natural = natural_blocks(network);
  if (count < 1 || count > static_cast<int>(natural.size())) {
    throw InputError(fmt::format("found {}; allowed: from 1 to the {} blocks of network {}", count,
                                 natural.size(), network.name));
  }
  std::vector<std::int64_t> sizes;
  for (const Block& block : natural) {
    sizes.push_back(static_cast<std::int64_t>(weighted_layers(network, block).size()));
  }
  std::vector<Block> blocks;
  int first = 1;
  for (const std::size_t end : Splits(sizes, static_cast<std::size_t>(count)).largest_first()) {
    blocks.push_back({first, natural[end - 1].last});
    first = blocks.back().last + 1;
  }
  return blocks;
}

std::vector<Block> blocks_ending_at(const Network& network, const std::vector<std::string>& names) {
  const std::vector<Block> natural = natural_blocks(network);
  std::vector<std::string> allowed;
  for (const Block& block : natural) allowed.push_back(network.layer(block.last).name);
  std::vector<Block> blocks;
  int first = 1;
  std::size_t next = 0;
  for (const std::string& name : names) {
    const auto at = std::ranges::find(allowed, name);
    if (at == allowed.end()) {
      throw InputError(fmt::format("found \"{}\"; allowed: {}{}", printable(name), joined(allowed),
                                   did_you_mean(name, allowed)));
    }
    const auto index = static_cast<std::size_t>(at - allowed.begin());
    if (index < next) {
      throw InputError(
          fmt::format("found \"{}\" after a later one; allowed: each name once, in the "
                      "network's order",
                      name));
    }
    next = index + 1;
    blocks.push_back({first, natural[index].last});
    first = natural[index].last + 1;
  }
  if (next < natural.size()) blocks.push_back({first, depth_of(network)});
  return blocks;
}

std::vector<int> stages_of(const Network& network, const Block& block) {
  const std::vector<int> weighted = weighted_layers(network, block);
  std::vector<int> stages;
  for (int i = block.first; i <= block.last; ++i) {
    if (is_weighted(network.layer(i).kind)) {
      stages.push_back(i);
      continue;
    }
    int stage = weighted.empty() ? i : weighted.front();
    for (const int input : network.layer(i).inputs) {
      if (!block.contains(input)) continue;
      stage = std::max(stage, stages[static_cast<std::size_t>(input - block.first)]);
    }
    stages.push_back(stage);
  }
  return stages;
}

std::int64_t most_alive_in_inference(const Network& network) {
  const std::vector<int> last = last_readers(network);
  std::int64_t alive = network.input.elements(), most = alive;
  for (int i = 1; i <= depth_of(network); ++i) {
    alive += network.shape_of(i).elements();
    most = std::max(most, alive);
    for (const int input : network.layer(i).inputs) {
      if (last[static_cast<std::size_t>(input)] == i) alive -= network.shape_of(input).elements();
    }
  }
  return most;
}

namespace {

/// Tensors of one example as a training step uses them, at times 1 … depth forward and on from
/// there backward.
class TrainingLives {
 public:
  explicit TrainingLives(const Network& network)
      : network_(network), depth_(depth_of(network)), change_(2 * network.layers.size() + 4) {
    for (int i = 0; i <= depth_; ++i) value_of(i);
    for (int i = 1; i <= depth_; ++i) error_of(i);
    for (int i = 1; i <= depth_; ++i) winners_of(i);
  }
  std::int64_t most() const {
    std::int64_t alive = 0, most = 0;
    for (const std::int64_t change : change_) most = std::max(most, alive += change);
    return most;
  }

 private:
  int backward(int layer) const { return 2 * depth_ + 1 - layer; }
  void live(int first, int last, std::int64_t values) {
    change_[static_cast<std::size_t>(first)] += values;
    change_[static_cast<std::size_t>(last) + 1] -= values;
  }
  void value_of(int i) {
    int last = i == depth_ ? backward(depth_) : i;
    for (const int reader : network_.readers(i)) {
      last = std::max(last, reader);
      const LayerKind kind = network_.layer(reader).kind;
      if (is_weighted(kind) || kind == LayerKind::batch_norm) {
        last = std::max(last, backward(reader));
      }
    }
    if (i > 0 && network_.layer(i).relu) last = std::max(last, backward(i));
    live(std::max(i, 1), last, network_.shape_of(i).elements());
  }
  /// From the backward pass of its last reader to its own.
  void error_of(int i) {
    const std::vector<int> readers = network_.readers(i);
    live(backward(readers.empty() ? i : readers.back()), backward(i),
         network_.shape_of(i).elements());
  }
  void winners_of(int i) {
    const Layer& layer = network_.layer(i);
    if (layer.pool && pool_row(layer.pool->kind).winners) {
      live(i, backward(i), layer.output.elements());
    }
  }

  const Network& network_;
  int depth_;
  std::vector<std::int64_t> change_;  ///< of what is alive, by time
};

}  // namespace

std::int64_t most_alive_in_training(const Network& network) {
  return TrainingLives(network).most();
}

}  // namespace spillway::workloads
