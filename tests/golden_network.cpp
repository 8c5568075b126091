#include "tests/golden_network.hpp"

#include <map>

#include "workloads/rules/rule.hpp"

namespace spillway::test {

using namespace workloads;

std::int32_t integer(const Json& value) {
  if (!value.is_number_integer()) throw Mismatch{"an integer was wanted: " + value.dump()};
  return value.get<std::int32_t>();
}

namespace {

std::array<std::int64_t, 2> both(std::int64_t n) { return {n, n}; }

/// The probability of dropout that a mask of multipliers 0 and 1 / (1 - p) tells.
double dropped(const Json& masks, const std::string& key) {
  if (!masks.contains(key)) return 0;
  for (const double multiplier : masks.at(key).at("data")) {
    if (multiplier > 0) return 1 - 1 / multiplier;
  }
  throw Mismatch{"a mask that keeps nothing"};
}

/// A layer of the first set: conv or fc, with its pooling.
LayerSpec chain_layer(const Json& file, const Json& entry) {
  LayerSpec spec;
  spec.name = entry.value("name", "");
  spec.kind = entry.at("type") == "conv" ? LayerKind::conv : LayerKind::fc;
  spec.outputs = entry.at("out");
  if (spec.kind == LayerKind::conv) {
    spec.kernel = both(entry.at("k"));
    spec.padding_mode = PaddingMode::explicit_size;
    spec.padding = both(entry.at("pad"));
    if (entry.contains("stride")) spec.stride = both(entry.at("stride"));
    spec.groups = entry.value("groups", 1);
    for (const auto& [key, kind] :
         {std::pair("pool", PoolKind::max), std::pair("avg_pool", PoolKind::average)}) {
      if (!entry.contains(key)) continue;
      const Json& pool = entry.at(key);
      spec.pool = PoolSpec{kind, both(pool[0]), both(pool[1]), both(pool[2])};
    }
  }
  spec.batch_norm = entry.value("bn", file.at("batchnorm").get<bool>());
  spec.bias = !spec.batch_norm;
  return spec;
}

/// An entry of a graph.
LayerSpec graph_layer(const Json& entry) {
  LayerSpec spec;
  spec.name = entry.at("name");
  spec.from = entry.value("from", std::vector<std::string>{});
  const auto kind = value_in(layer_kind_names, entry.at("type").get<std::string>());
  if (!kind) throw Mismatch{"no layer of type " + entry.at("type").dump()};
  spec.kind = *kind;
  spec.relu = entry.value("relu", false);
  spec.batch_norm = entry.value("bn", false);
  spec.bias = entry.value("bias", false);
  if (is_weighted(spec.kind)) spec.outputs = entry.at("out");
  if (spec.kind == LayerKind::conv) {
    spec.kernel = both(entry.at("kernel"));
    spec.stride = both(entry.at("stride"));
    spec.padding_mode = PaddingMode::explicit_size;
    spec.padding = both(entry.at("pad"));
    spec.groups = entry.at("groups");
  }
  if (spec.kind == LayerKind::max_pool || spec.kind == LayerKind::avg_pool) {
    spec.pool = PoolSpec{spec.kind == LayerKind::max_pool ? PoolKind::max : PoolKind::average,
                         both(entry.at("kernel")), both(entry.at("stride")), both(entry.at("pad"))};
    spec.pool->count_padding = entry.value("count_include_pad", false);
  }
  return spec;
}

}  // namespace

Network read_golden_network(const Json& file) {
  std::vector<LayerSpec> layers;
  for (const Json& entry : file.at("layers")) {
    layers.push_back(is_graph(file) ? graph_layer(entry) : chain_layer(file, entry));
  }
  // The probabilities stand in the masks alone.
  const Json masks = file.at("steps")[0].value("masks", Json::object());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i].dropout = dropped(masks, "L" + std::to_string(i));
  }
  const Json& shape = file.at("input_shape");
  const ImageShape input =
      shape.size() == 1 ? ImageShape{shape[0], 1, 1} : ImageShape{shape[0], shape[1], shape[2]};
  Network network = make_network(file.at("name"), input, file.at("classes"), layers);
  network.input_dropout = dropped(masks, "in");
  return network;
}

namespace {

std::string rule_of(const Json& file) {
  const std::map<std::string, std::string> rules{{"BP", "bp"},
                                                 {"FA", "fa"},
                                                 {"DFA", "dfa"},
                                                 {"LEL-SYM", "lel"},
                                                 {"LEL-SCFB", "lel-scfb"},
                                                 {"LEL-IND", "lel-independent"},
                                                 {"LEL-TLC", "lel-tlc"}};
  const std::string method = file.at("method");
  const auto found = rules.find(method);
  if (found == rules.end()) throw Mismatch{"no rule for the method " + method};
  return found->second;
}

}  // namespace

Step golden_step(const Network& network, const Json& file) {
  StepOptions options{file.at("batch"), {file.at("lr"), file.at("momentum")}, {}, 0};
  options.rule.fix = file.value("fix_first_n_weights", 0);
  if (file.contains("classifier_lr")) options.rule.classifier_rate = file.at("classifier_lr");
  const std::string rule = rule_of(file);
  if (file.contains("blocks") && !file.value("blocks_by_rule", false)) {
    options.rule.block_ends = file.at("blocks").get<std::vector<std::string>>();
  }
  if (file.contains("blocks")) {
    std::vector<std::string> ends;
    for (const Block& block : blocks_of(network, rule, options.rule)) {
      ends.push_back(network.layer(block.last).name);
    }
    if (ends != file.at("blocks")) throw Mismatch{"other blocks: " + Json(ends).dump()};
  }
  return learning_rule(rule).training_step(network, options);
}

}  // namespace spillway::test
