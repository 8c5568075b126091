// The YAML form of a network.
#include <fmt/format.h>

#include <algorithm>

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

std::vector<std::string> pool_keys(const PoolRow& row) {
  std::vector<std::string> keys{"kernel", "stride", "padding"};
  keys.insert(keys.end(), row.options.begin(), row.options.end());
  return keys;
}

/// Its keys stand in `config`, which may have others.
PoolSpec read_pool(const Config& config, const PoolRow& row) {
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
    if (config.is_list() && config.items().size() == 4) {
      std::array<std::int64_t, 4> sides{};
      for (std::size_t side = 0; side < 4; ++side) {
        sides[side] = config.items()[side].integer(0, largest_dimension);
      }
      spec.padding = {sides[0], sides[1]};
      spec.padding_end = {sides[2], sides[3]};
    } else if (config.is_list() && config.items().size() != 2) {
      config.refuse(
          "an integer, a list of two: height and width, or of four: top, left, bottom and "
          "right");
    } else {
      spec.padding = read_pair(config, 0);
    }
  } else {
    config.refuse(
        "same, valid, an integer of at least 0, a list of two: height and width, or of "
        "four: top, left, bottom and right");
  }
}

void read_relu(const Config& config, LayerSpec& spec) {
  if (const Config* relu = config.find("relu")) spec.relu = relu->boolean();
  const Config* relu6 = config.find("relu6");
  if (relu6 == nullptr) return;
  spec.relu6 = relu6->boolean();
  if (!spec.relu6) return;
  if (config.find("relu") != nullptr && !spec.relu) relu6->refuse("false beside relu: false");
  spec.relu = true;
}

std::vector<std::string> read_from(const Config& from) {
  if (from.is_scalar()) return {from.text()};
  if (!from.is_list() || from.items().empty()) from.refuse("a name, or a list of names");
  std::vector<std::string> names;
  for (const Config& name : from.items()) names.push_back(name.text());
  return names;
}

/// A layer without weights.
LayerSpec read_weightless(const Config& config, LayerKind kind) {
  LayerSpec spec;
  spec.kind = kind;
  spec.relu = kind == LayerKind::add;
  std::vector<std::string> keys{"type", "name", "from"};
  if (kind == LayerKind::add || kind == LayerKind::batch_norm) {
    for (const char* key : {"relu", "relu6"}) keys.emplace_back(key);
  }
  const auto pool = std::ranges::find(pool_rows(), config.at("type").text(), &PoolRow::key);
  const bool pools = pool != pool_rows().end();
  if (pools) {
    for (const std::string& key : pool_keys(*pool)) keys.push_back(key);
  }
  config.allow_only(keys);
  if (pools) spec.pool = read_pool(config, *pool);
  read_relu(config, spec);
  return spec;
}

/// `spec` holds what the network says of all its layers, `channels` are those of its input.
LayerSpec read_layer(const Config& config, LayerSpec spec, std::int64_t channels) {
  spec.kind = read_layer_kind(config.at("type"), channels);
  if (!is_weighted(spec.kind)) spec = read_weightless(config, spec.kind);
  if (const Config* name = config.find("name")) spec.name = name->text();
  if (const Config* from = config.find("from")) spec.from = read_from(*from);
  if (!is_weighted(spec.kind)) return spec;
  const bool conv = spec.kind == LayerKind::conv;
  std::vector<std::string> keys{"type", "name",       "from",  "out",    "bias",
                                "relu", "batch_norm", "relu6", "dropout"};
  if (conv) {
    for (const char* key : {"kernel", "stride", "padding", "groups"}) keys.emplace_back(key);
    for (const PoolRow& row : pool_rows()) keys.push_back(row.key);
    keys.emplace_back("global_avg_pool");
  }
  config.allow_only(keys);
  spec.outputs = config.at("out").integer(-largest_dimension, largest_dimension);
  if (const Config* norm = config.find("batch_norm")) spec.batch_norm = norm->boolean();
  spec.bias = !spec.batch_norm;
  if (const Config* bias = config.find("bias")) spec.bias = bias->boolean();
  read_relu(config, spec);
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
    pool->allow_only(pool_keys(row));
    spec.pool = read_pool(*pool, row);
  }
  const Config* global = config.find("global_avg_pool");
  if (global != nullptr && global->boolean()) {
    if (spec.pool) {
      global->refuse("false beside another kind of pooling, here " + pool_row(spec.pool->kind).key);
    }
    spec.pool = global_average;
  }
  return spec;
}

/// Runs what may complain of a layer's shape, and says where its key stands.
template <class Work>
void at_key(const Config& layer, Work work) {
  try {
    work();
  } catch (const ShapeError& error) {
    const Config* field = layer.find(error.field());
    throw InputError((field != nullptr ? field : &layer)->where() + error.what());
  }
}

/// Layers that name later ones as what they read.
class Circles {
 public:
  explicit Circles(const Config& layers) {
    for (const Config& layer : layers.items()) {
      if (!layer.is_map()) layer.refuse("a map");
      const Config* name = layer.find("name");
      names_.push_back(name != nullptr && name->is_scalar() ? name->text() : "");
      const Config* from = layer.find("from");
      from_.push_back(from != nullptr ? read_from(*from) : std::vector<std::string>{});
      layers_.push_back(&layer);
    }
  }

  void check(const Config& layer) const {
    const std::size_t at = number_of(layer);
    for (const std::string& name : from_[at]) {
      std::vector<std::size_t> before;
      for (std::size_t i = 0; i < at; ++i) {
        if (names_[i] == name) before.push_back(i);
      }
      const auto later =
          std::find(names_.begin() + static_cast<std::ptrdiff_t>(at), names_.end(), name);
      if (name.empty() || !before.empty() || later == names_.end()) continue;
      const auto other = static_cast<std::size_t>(later - names_.begin());
      const std::string place =
          other == at ? "itself" : fmt::format("a later layer, of line {}", layers_[other]->line());
      layer.at("from").refuse(
          fmt::format("input or a layer before it; {} is {}{}", name, place,
                      reads(other, at) ? ", and they would read each other in a cycle" : ""));
    }
  }

 private:
  std::size_t number_of(const Config& layer) const {
    return static_cast<std::size_t>(std::ranges::find(layers_, &layer) - layers_.begin());
  }
  /// Whether the output of `to` reaches layer `from`, as far as earlier ones say.
  bool reads(std::size_t from, std::size_t to) const {
    std::vector<bool> reached(names_.size());
    reached[to] = true;
    for (std::size_t i = to + 1; i <= from; ++i) {
      if (from_[i].empty()) reached[i] = reached[i - 1];
      for (const std::string& name : from_[i]) {
        for (std::size_t j = to; j < i; ++j) {
          if (reached[j] && names_[j] == name && !name.empty()) reached[i] = true;
        }
      }
    }
    return reached[from];
  }

  std::vector<const Config*> layers_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> from_;
};

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
  config.allow_only({"name", "input", "classes", "layers", "readout", "batch_norm", "dropout",
                     "input_dropout", "note"});
  const Config* name = config.find("name");
  const ImageShape input = read_input(config.at("input"));
  const std::int64_t classes = config.at("classes").integer(1, 1 << 20);
  if (input.channels * input.height > largest_elements / input.width) {
    config.at("input").refuse("at most 2^31 values");
  }
  const Config& layers = config.at("layers");
  if (!layers.is_list() || layers.items().empty()) layers.refuse("a list of at least one layer");
  Network network{"", input, classes, {}, 0, Readout::trained, ""};
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
  const Circles circles(layers);
  for (const Config& layer : layers.items()) {
    circles.check(layer);
    const int before = static_cast<int>(network.layers.size());
    // What is said of all layers is not meant for outputs that are the scores.
    const bool gives_scores = network.readout == Readout::none && &layer == &layers.items().back();
    LayerSpec scores;
    scores.relu = false;
    at_key(layer, [&] {
      append_layer(network, read_layer(layer, gives_scores ? scores : common,
                                       network.shape_of(before).channels));
    });
  }
  if (const std::optional<int> unread = unread_layer(network)) {
    at_key(layers.items()[static_cast<std::size_t>(*unread) - 1],
           [&] { require_one_output(network); });
  }
  try {
    require_scores(network);
  } catch (const ShapeError& error) {
    throw InputError(readout->where() + error.what());
  }
  if (name != nullptr && printable(name->text(), 200) != name->text()) {
    name->refuse("a name of plain printable characters, up to 200");
  }
  if (const Config* note = config.find("note")) {
    network.note = note->text();
    if (printable(network.note, 500) != network.note)
      note->refuse("plain text, up to 500 characters");
  }
  network.name = name != nullptr ? name->text() : printable(default_name, 200);
  return network;
}

}  // namespace spillway::workloads
