#include "tests/support/random_graph.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tests/support/build.hpp"
#include "workloads/blocks.hpp"

namespace spillway::test {

using namespace workloads;

namespace {

class RandomGraph {
 public:
  explicit RandomGraph(SplitMix& numbers) : numbers_(numbers) {
    network_.name = "random graph";
    network_.input = {1 + below(3), 2 + below(7), 2 + below(7)};
    network_.classes = 2 + below(5);
  }

  Network make() {
    std::string x = chance(3) ? convolution("input", 1 + below(2)) : "input";
    if (chance(4)) x = join(LayerKind::concat, {"input", convolution("input", 1)});
    for (std::int64_t part = 1 + below(3); part > 0; --part) {
      switch (below(5)) {
        case 0: x = residual(x); break;
        case 1: x = inception(x); break;
        case 2: x = join(LayerKind::concat, {x, convolution(x, 1)}); break;
        case 3: x = convolution(x, 1 + below(2)); break;
        default: x = chance(2) ? pooling(x) : normalised(x); break;
      }
    }
    if (chance(2)) x = add(LayerKind::global_avg_pool, {x}, {});
    if (chance(2) || !weighted_) x = dense_tail(x);
    if (chance(2)) {
      LayerSpec scores = fc(network_.classes);
      scores.relu = false;
      scores.from = {x};
      network_.readout = Readout::none;
      append(std::move(scores));
    }
    require_one_output(network_);
    require_scores(network_);
    return network_;
  }

 private:
  std::int64_t below(std::uint64_t n) { return static_cast<std::int64_t>(numbers_.below(n)); }
  bool chance(std::uint64_t in) { return numbers_.below(in) == 0; }

  std::string append(LayerSpec spec) {
    spec.name = fmt::format("l{}", network_.layers.size() + 1);
    weighted_ = weighted_ || is_weighted(spec.kind);
    append_layer(network_, spec);
    return spec.name;
  }
  std::string add(LayerKind kind, std::vector<std::string> from, LayerSpec spec) {
    spec.kind = kind;
    spec.from = std::move(from);
    return append(std::move(spec));
  }
  const ImageShape& shape(const std::string& name) const {
    for (const Layer& layer : network_.layers) {
      if (layer.name == name) return layer.output;
    }
    return network_.input;
  }
  std::string join(LayerKind kind, std::vector<std::string> from) {
    LayerSpec spec;
    spec.relu = !chance(3);
    spec.relu6 = spec.relu && chance(5);
    return add(kind, std::move(from), spec);
  }

  std::string convolution(const std::string& from, std::int64_t stride, std::int64_t maps = 0) {
    LayerSpec spec = conv(maps > 0 ? maps : 1 + below(4), chance(2) ? 3 : 1);
    spec.stride = {stride, stride};
    spec.relu = !chance(3);
    spec.relu6 = spec.relu && chance(6);
    spec.batch_norm = chance(2);
    spec.bias = !spec.batch_norm && chance(2);
    if (maps == 0 && chance(4)) {
      spec.groups = shape(from).channels;
      spec.outputs = spec.groups;
    }
    if (maps == 0 && chance(6)) {
      spec.pool = PoolSpec{chance(2) ? PoolKind::max : PoolKind::average, {2, 2}, {1, 1}, {1, 1}};
    }
    if (!spec.relu6 && chance(8)) spec.dropout = 0.25;
    spec.from = {from};
    return append(std::move(spec));
  }
  std::string pooling(const std::string& from, std::int64_t stride = 0) {
    LayerSpec spec;
    const bool max = chance(2);
    if (stride == 0) stride = 1 + below(2);
    spec.pool = PoolSpec{max ? PoolKind::max : PoolKind::average, {3, 3}, {stride, stride}, {1, 1}};
    spec.pool->count_padding = !max && chance(2);
    return add(max ? LayerKind::max_pool : LayerKind::avg_pool, {from}, spec);
  }
  std::string normalised(const std::string& from) {
    LayerSpec spec;
    spec.relu = chance(2);
    return add(LayerKind::batch_norm, {from}, spec);
  }

  /// Branches of one shape, added up.
  std::string residual(const std::string& x) {
    const std::int64_t stride = 1 + below(2);
    const std::int64_t maps = stride == 1 && chance(2) ? shape(x).channels : 1 + below(4);
    std::string inside = x;
    if (chance(2)) inside = convolution(x, 1, 1 + below(3));
    std::vector<std::string> terms{convolution(inside, stride, maps)};
    const bool identity = stride == 1 && maps == shape(x).channels;
    terms.push_back(identity ? x : convolution(x, stride, maps));
    if (chance(3)) terms.push_back(convolution(x, stride, maps));
    if (chance(2)) std::swap(terms[0], terms[1]);
    return join(LayerKind::add, terms);
  }
  std::string inception(const std::string& x) {
    std::vector<std::string> parts{convolution(x, 1, 1 + below(3)), pooling(x, 1)};
    if (chance(2)) parts.push_back(convolution(convolution(x, 1, 1 + below(2)), 1, 1 + below(3)));
    return join(LayerKind::concat, parts);
  }
  std::string dense_tail(const std::string& from) {
    LayerSpec first = fc(1 + below(6));
    first.from = {from};
    const std::string x = append(first);
    if (chance(2)) return x;
    LayerSpec second = fc(first.outputs);
    second.relu = false;
    const std::string y = append(second);
    return chance(2) ? join(LayerKind::add, {x, y}) : join(LayerKind::concat, {y, x});
  }

  SplitMix& numbers_;
  Network network_;
  bool weighted_ = false;
};

}  // namespace

Network random_graph(SplitMix& numbers) {
  while (true) {
    try {
      return RandomGraph(numbers).make();
    } catch (const ShapeError&) {  // an impossible draw; take another
    }
  }
}

sim::Experiment random_graph_experiment(SplitMix& numbers, std::uint64_t most_examples) {
  const std::vector<std::string> rules = learning_rule_names();
  sim::Experiment experiment =
      test::experiment(random_graph(numbers), rules[numbers.below(rules.size())],
                       1 + static_cast<std::int64_t>(numbers.below(most_examples)));
  const LearningRule& rule = learning_rule(experiment.rule);
  if (std::ranges::count(rule.options, "blocks") > 0 && numbers.below(2) == 0) {
    const std::size_t all = natural_blocks(experiment.network).size();
    experiment.rule_options.block_count = 1 + static_cast<int>(numbers.below(all));
  }
  if (rule.local) experiment.rule_options.fix = static_cast<int>(numbers.below(3));
  experiment.seed = numbers.next();
  return experiment;
}

Network residual_network() {
  const auto named = [](LayerSpec spec, const char* name, std::vector<std::string> from = {}) {
    spec.name = name;
    spec.from = std::move(from);
    return spec;
  };
  const auto linear = [&](LayerSpec spec) {
    spec.relu = false;
    return spec;
  };
  const auto strided = [&](LayerSpec spec) {
    spec.stride = {2, 2};
    return spec;
  };
  const auto normed = [&](LayerSpec spec) {
    spec.batch_norm = true;
    spec.bias = false;
    return spec;
  };
  LayerSpec join, pool;
  join.kind = LayerKind::add;
  pool.kind = LayerKind::global_avg_pool;
  return make_network(
      "residual", {2, 6, 6}, 3,
      {named(normed(conv(3, 3)), "stem"), named(normed(strided(conv(4, 3))), "c1"),
       named(linear(normed(conv(4, 3))), "c2"),
       named(linear(strided(conv(4, 1))), "short", {"stem"}), named(join, "join", {"c2", "short"}),
       named(pool, "pool"), named(linear(fc(3)), "fc")},
      Readout::none);
}

}  // namespace spillway::test
