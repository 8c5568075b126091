// Cuts, blocks and stages of networks that are graphs.
#include "workloads/blocks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "tests/support/build.hpp"
#include "tests/support/random_graph.hpp"
#include "workloads/rules/rule.hpp"

namespace spillway::blocks_test {

using namespace workloads;

namespace {

/// Whether every path from the image to the last layer passes a layer, by trying to go around it.
bool passed_by_all(const Network& network, int layer) {
  std::vector<bool> reached(network.layers.size() + 1);
  reached[0] = true;
  for (int i = 1; i <= static_cast<int>(network.layers.size()); ++i) {
    for (const int input : network.layer(i).inputs) {
      if (i != layer && reached[static_cast<std::size_t>(input)]) {
        reached[static_cast<std::size_t>(i)] = true;
      }
    }
  }
  return !reached.back();
}

std::vector<std::int64_t> sizes(const Network& network, const std::vector<Block>& blocks) {
  std::vector<std::int64_t> result;
  for (const Block& block : blocks) {
    result.push_back(static_cast<std::int64_t>(weighted_layers(network, block).size()));
  }
  return result;
}

}  // namespace

TEST_CASE("a cut is a layer that every path passes") {
  SplitMix numbers(191);
  int found = 0;
  for (int i = 0; i < 200; ++i) {
    const Network network = test::random_graph(numbers);
    const std::vector<int> all = cuts(network);
    for (int layer = 1; layer < static_cast<int>(network.layers.size()); ++layer) {
      const bool cut = std::ranges::count(all, layer) > 0;
      CHECK(cut == passed_by_all(network, layer));
      found += cut;
    }
  }
  CHECK(found > 300);
}

TEST_CASE("natural blocks cover the network and have a conv or fc layer each") {
  SplitMix numbers(192);
  for (int i = 0; i < 200; ++i) {
    const Network network = test::random_graph(numbers);
    const std::vector<Block> blocks = natural_blocks(network);
    int next = 1;
    for (const Block& block : blocks) {
      CHECK(block.first == next);
      CHECK(!weighted_layers(network, block).empty());
      next = block.last + 1;
    }
    CHECK(next == static_cast<int>(network.layers.size()) + 1);
  }
}

TEST_CASE("each layer of a chain is a block") {
  SplitMix numbers(193);
  for (int i = 0; i < 50; ++i) {
    const Network network = test::random_network(numbers);
    const std::vector<Block> blocks = natural_blocks(network);
    CHECK(blocks.size() == network.layers.size());
    CHECK(network.is_chain());
  }
}

TEST_CASE("a stem, residual blocks and a pooling that belongs to the block before it") {
  const Network network = test::residual_network();
  CHECK(natural_blocks(network) == std::vector<Block>{{1, 1}, {2, 6}, {7, 7}});
  CHECK(cuts(network) == std::vector<int>{1, 5, 6});
  // The join is in the stage of the shortcut, which is the last that it reads.
  CHECK(stages_of(network, {2, 6}) == std::vector<int>{2, 3, 4, 4, 4});
}

TEST_CASE("blocks are joined so that the squares of their sizes are least, large ones first") {
  SplitMix numbers(194);
  for (int i = 0; i < 150; ++i) {
    const Network network = test::random_graph(numbers);
    const std::vector<std::int64_t> natural = sizes(network, natural_blocks(network));
    for (int count = 1; count <= static_cast<int>(natural.size()); ++count) {
      // All ways there are.
      std::int64_t least = -1;
      std::vector<std::int64_t> best, now;
      const std::function<void(std::size_t, std::int64_t)> split = [&](std::size_t begin,
                                                                       std::int64_t cost) {
        if (static_cast<int>(now.size()) == count) {
          if (begin != natural.size()) return;
          if (least < 0 || cost < least || (cost == least && now > best)) best = now;
          least = least < 0 ? cost : std::min(least, cost);
          return;
        }
        std::int64_t sum = 0;
        for (std::size_t end = begin + 1; end <= natural.size(); ++end) {
          sum += natural[end - 1];
          now.push_back(sum);
          split(end, cost + sum * sum);
          now.pop_back();
        }
      };
      split(0, 0);
      CHECK(sizes(network, joined_blocks(network, count)) == best);
    }
  }
}

TEST_CASE("blocks end at layers by name, and what ends none is refused") {
  const Network network = test::residual_network();
  CHECK(blocks_ending_at(network, {"pool"}) == std::vector<Block>{{1, 6}, {7, 7}});
  CHECK(blocks_ending_at(network, {"fc"}) == std::vector<Block>{{1, 7}});
  CHECK(blocks_ending_at(network, {"stem", "fc"}) == std::vector<Block>{{1, 1}, {2, 7}});
  CHECK_THROWS_AS(blocks_ending_at(network, {"join"}), InputError);
  CHECK_THROWS_AS(blocks_ending_at(network, {"pool", "stem"}), InputError);
  CHECK_THROWS_AS(joined_blocks(network, 4), InputError);
  CHECK(learning_rule("bp").options == std::vector<std::string>{"loss", "targets"});
}

}  // namespace spillway::blocks_test
