// The YAML form of a network.
#include <fmt/format.h>

#include "workloads/layer_types.hpp"
#include "workloads/network.hpp"
#include "workloads/random_values.hpp"
#include "workloads/support/file_kinds.hpp"

namespace spillway::workloads {

namespace {

constexpr std::int64_t largest_dimension = 1 << 24;
constexpr std::int64_t largest_elements = std::int64_t{1} << 31;

/// "3" or "[3, 5]" (height, width).
std::array<std::int64_t, 2> read_pair(const Config& config, std::int64_t minimum) {
  if (config.is_scalar()) {
    const std::int64_t both = config.integer(minimum, largest_dimension);
    return {both, both};
  }
  if (!config.is_list() || config.items().size() != 2) {
    config.refuse("an integer, or a list of two: height and width");
  }
  return {config.items()[0].integer(minimum, largest_dimension),
          config.items()[1].integer(minimum, largest_dimension)};
}

double read_dropout(const Config& config) {
  const double dropped = config.number();
  if (!is_dropout(dropped)) config.refuse("0, or a number from 0.004 to 0.95");
  return dropped;
}

PoolSpec read_pool(const Config& config, const PoolRow& row) {
  std::vector<std::string> keys{"kernel", "stride", "padding"};
  keys.insert(keys.end(), row.options.begin(), row.options.end());
  config.allow_only(keys);
  PoolSpec pool;
  pool.kind = row.kind;
  pool.kernel = read_pair(config.at("kernel"), 1);
  pool.stride = pool.kernel;
  if (const Config* stride = config.find("stride")) pool.stride = read_pair(*stride, 1);
  if (const Config* padding = config.find("padding")) pool.padding = read_pair(*padding, 0);
  if (const Config* ceil = config.find("ceil")) pool.ceil_mode = ceil->boolean();
  if (const Config* count = config.find("count_include_pad")) pool.count_padding = count->boolean();
  return pool;
}

void read_padding(const Config& config, LayerSpec& spec) {
  if (config.is_scalar() && config.text() == "same") {
    spec.padding_mode = PaddingMode::same;
  } else if (config.is_scalar() && config.text() == "valid") {
    spec.padding_mode = PaddingMode::valid;
  } else if (config.is_list() ||
             config.text().find_first_not_of("+-0123456789") == std::string::npos) {
    spec.padding_mode = PaddingMode::explicit_size;
    spec.padding = read_pair(config, 0);
  } else {
    config.refuse("same, valid, an integer of at least 0, or a list of two: height and width");
  }
}

/// `spec` holds what the network says of all its layers, `channels` are those of its input.
LayerSpec read_layer(const Config& config, LayerSpec spec, std::int64_t channels) {
  spec.kind = read_layer_kind(config.at("type"), channels);
  const bool conv = spec.kind == LayerKind::conv;
  std::vector<std::string> keys{"type", "name", "out", "bias", "batch_norm", "relu", "dropout"};
  if (conv) {
    for (const char* key : {"kernel", "stride", "padding", "groups"}) keys.emplace_back(key);
    for (const PoolRow& row : pool_rows()) keys.push_back(row.key);
    keys.emplace_back("global_avg_pool");
  }
  config.allow_only(keys);
  spec.outputs = config.at("out").integer(-largest_dimension, largest_dimension);
  if (const Config* name = config.find("name")) spec.name = name->text();
  if (const Config* norm = config.find("batch_norm")) spec.batch_norm = norm->boolean();
  spec.bias = !spec.batch_norm;
  if (const Config* bias = config.find("bias")) spec.bias = bias->boolean();
  if (const Config* relu = config.find("relu")) spec.relu = relu->boolean();
  if (const Config* dropout = config.find("dropout")) spec.dropout = read_dropout(*dropout);
  if (!conv) return spec;
  spec.kernel = read_pair(config.at("kernel"), 1);
  if (const Config* stride = config.find("stride")) spec.stride = read_pair(*stride, 1);
  if (const Config* padding = config.find("padding")) read_padding(*padding, spec);
  if (const Config* groups = config.find("groups")) spec.groups = groups->integer(1, 1 << 24);
  for (const PoolRow& row : pool_rows()) {
    const Config* pool = config.find(row.key);
    if (pool == nullptr) continue;
    if (spec.pool)
      pool->refuse("one kind of pooling a layer, here " + pool_row(spec.pool->kind).key);
    spec.pool = read_pool(*pool, row);
  }
  const Config* global = config.find("global_avg_pool");
  if (global != nullptr && global->boolean()) {
    if (spec.pool) {
      global->refuse("false beside another kind of pooling, here " + pool_row(spec.pool->kind).key);
    }
    spec.pool = PoolSpec{};
    spec.pool->kind = PoolKind::average;
    spec.pool->global = true;
  }
  return spec;
}

ImageShape read_input(const Config& config) {
  if (config.is_scalar()) return {config.integer(1, largest_dimension), 1, 1};
  if (!config.is_list() || config.items().size() != 3) {
    config.refuse("an integer, or a list of three: channels, height, width");
  }
  const std::vector<Config>& items = config.items();
  return {items[0].integer(1, largest_dimension), items[1].integer(1, largest_dimension),
          items[2].integer(1, largest_dimension)};
}

}  // namespace

Network read_network(const std::filesystem::path& path) {
  return read_network(Config::from_file(path), path.stem().string());
}

Network read_network(const Config& config, const std::string& default_name) {
  require_kind(config, FileKind::network);
  config.allow_only(
      {"name", "input", "classes", "layers", "readout", "batch_norm", "dropout", "input_dropout"});
  const Config* name = config.find("name");
  const ImageShape input = read_input(config.at("input"));
  const std::int64_t classes = config.at("classes").integer(1, 1 << 20);
  if (input.channels * input.height > largest_elements / input.width) {
    config.at("input").refuse("at most 2^31 values");
  }
  const Config& layers = config.at("layers");
  if (!layers.is_list() || layers.items().empty()) layers.refuse("a list of at least one layer");
  Network network{"", input, classes, {}, 0, Readout::trained};
  const Config* readout = config.find("readout");
  if (readout != nullptr) {
    network.readout = readout->choice(readout_names);
  }
  LayerSpec common;
  if (const Config* norm = config.find("batch_norm")) common.batch_norm = norm->boolean();
  if (const Config* dropout = config.find("dropout")) common.dropout = read_dropout(*dropout);
  if (const Config* dropout = config.find("input_dropout")) {
    network.input_dropout = read_dropout(*dropout);
  }
  for (const Config& layer : layers.items()) {
    const ImageShape& before = network.layers.empty() ? input : network.layers.back().output;
    // What is said of all layers is not meant for outputs that are the scores.
    const bool gives_scores = network.readout == Readout::none && &layer == &layers.items().back();
    LayerSpec scores;
    scores.relu = false;
    try {
      append_layer(network, read_layer(layer, gives_scores ? scores : common, before.channels));
    } catch (const ShapeError& error) {
      const Config* field = layer.find(error.field());
      throw InputError((field != nullptr ? field : &layer)->where() + error.what());
    }
  }
  try {
    require_scores(network);
  } catch (const ShapeError& error) {
    throw InputError(readout->where() + error.what());
  }
  if (name != nullptr && printable(name->text(), 200) != name->text()) {
    name->refuse("a name of plain printable characters, up to 200");
  }
  network.name = name != nullptr ? name->text() : printable(default_name, 200);
  return network;
}

}  // namespace spillway::workloads
