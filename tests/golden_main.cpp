// Runs every golden file of a folder: three update steps of a small network against values computed
// in float64. One named result a file.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "workloads/executor.hpp"
#include "workloads/kernels/operations.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/support/json.hpp"

namespace {

using spillway::Json;
using spillway::parse_json;
using namespace spillway::workloads;

constexpr double tolerance = 2e-5;  // absolute plus relative, float32

struct Mismatch {
  std::string what;
};

/// A JSON integer; a fraction is not cut off silently.
std::int32_t integer(const Json& value) {
  if (!value.is_number_integer()) throw Mismatch{"an integer was wanted: " + value.dump()};
  return value.get<std::int32_t>();
}

std::array<std::int64_t, 2> both(std::int64_t n) { return {n, n}; }

/// The probability of dropout that a mask of multipliers 0 and 1 / (1 - p) tells.
double dropped(const Json& masks, const std::string& key) {
  if (!masks.contains(key)) return 0;
  for (const double multiplier : masks.at(key).at("data")) {
    if (multiplier > 0) return 1 - 1 / multiplier;
  }
  throw Mismatch{"a mask that keeps nothing"};
}

Network read_golden_network(const Json& file) {
  std::vector<LayerSpec> layers;
  for (const Json& entry : file.at("layers")) {
    LayerSpec spec;
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
    layers.push_back(spec);
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

std::string rule_of(const Json& file) {
  const std::map<std::string, std::string> rules{{"BP", "bp"},
                                                 {"FA", "fa"},
                                                 {"LEL-SYM", "lel"},
                                                 {"LEL-SCFB", "lel-scfb"},
                                                 {"LEL-IND", "lel-independent"},
                                                 {"LEL-TLC", "lel-tlc"}};
  const std::string method = file.at("method");
  const auto found = rules.find(method);
  if (found == rules.end()) throw Mismatch{"no rule for the method " + method};
  return found->second;
}

Step step_of(const Network& network, const Json& file) {
  StepOptions options{file.at("batch"), {file.at("lr"), file.at("momentum")}, {}, 0};
  options.rule.fix = file.at("fix_first_n_weights");
  return learning_rule(rule_of(file)).training_step(network, options);
}

class GoldenCase {
 public:
  explicit GoldenCase(const Json& file)
      : file_(file),
        network_(read_golden_network(file)),
        step_(step_of(network_, file)),
        executor_(step_, [](const RandomValues&, std::uint64_t, std::optional<std::uint64_t>,
                            std::span<std::byte>) {
          throw Mismatch{"values were generated instead of taken from the file"};
        }) {}

  void run() {
    for (const auto& [name, value] : file_.at("params_init").items()) set_parameter(name, value);
    for (const Tensor& tensor : step_.tensors) {
      if (tensor.name.ends_with(".running_statistics")) {
        const std::span<float> statistics = executor_.floats(tensor.id);
        std::ranges::fill(statistics.last(statistics.size() / 2), 1.0f);
      }
    }
    const Json& fixed = file_.at("fixed");
    for (const auto& [name, value] : fixed.items()) {
      if (name[0] != 'K') give_fixed(name, value);
    }
    for (const auto& [name, value] : fixed.items()) {
      if (name[0] == 'K') give_fixed(name, value);
    }
    for (std::size_t s = 0; s < file_.at("steps").size(); ++s) {
      place_ = fmt::format("step {}", s);
      run_step(file_.at("steps")[s]);
    }
    if (compared_ == 0) throw Mismatch{"nothing was compared"};
  }
  std::size_t compared() const { return compared_; }

 private:
  /// Where a key's values stand: a tensor, all of it or a half, transposed or not.
  struct Place {
    std::string tensor;
    int half = -1;  ///< 0 the first, 1 the second
    bool transposed = false;
  };

  std::string layer_of(const std::string& digits) const {
    if (digits == "top") return "readout";
    return network_.layers.at(std::stoul(digits)).name;
  }

  Place place_of(const std::string& key) const {
    const std::size_t digits = std::min(key.find_first_of("0123456789"), key.find("top"));
    if (digits == std::string::npos) throw Mismatch{"no layer in the key " + key};
    std::string what = key.substr(0, digits);
    if (what.ends_with('_')) what.pop_back();
    const std::string layer = layer_of(key.substr(digits));
    // M is [classes, features] in the files and [features, classes] here.
    const std::map<std::string, Place> places{{"W", {".weights"}},
                                              {"b", {".biases"}},
                                              {"M", {".classifier", -1, true}},
                                              {"K", {".feedback"}},
                                              {"B", {".feedback"}},
                                              {"gamma", {".norm", 0}},
                                              {"beta", {".norm", 1}},
                                              {"rmean", {".running_statistics", 0}},
                                              {"rvar", {".running_statistics", 1}},
                                              {"s", {".scores"}},
                                              {"es", {".score_errors"}},
                                              {"y", {".activations"}}};
    const auto found = places.find(what);
    if (found == places.end()) throw Mismatch{"no tensor for the key " + key};
    Place place = found->second;
    place.tensor = layer + place.tensor;
    return place;
  }

  TensorId tensor_of(const std::string& name) const {
    const auto id = step_.find(name);
    if (!id) throw Mismatch{"no tensor " + name};
    return *id;
  }

  std::span<float> values_of(const Place& place, const std::string& suffix = "") {
    const std::span<float> all = executor_.floats(tensor_of(place.tensor + suffix));
    if (place.half < 0) return all;
    return all.subspan(static_cast<std::size_t>(place.half) * all.size() / 2, all.size() / 2);
  }

  template <class Value = float>
  static std::vector<Value> data_of(const Json& value, bool transposed) {
    const auto data = value.at("data").get<std::vector<Value>>();
    if (!transposed) return data;
    const std::size_t rows = value.at("shape")[0], columns = value.at("shape")[1];
    std::vector<Value> result(data.size());
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) result[c * rows + r] = data[r * columns + c];
    }
    return result;
  }

  void set(std::span<float> to, const std::vector<float>& data) {
    if (data.size() != to.size()) throw Mismatch{"wrong size of a tensor"};
    std::ranges::copy(data, to.begin());
  }

  void set_parameter(const std::string& key, const Json& value) {
    const Place place = place_of(key);
    set(values_of(place), data_of(value, place.transposed));
  }

  /// Random matrices are given; a K of symmetric feedback must be M transposed.
  void give_fixed(const std::string& key, const Json& value) {
    const Place place = place_of(key);
    const std::vector<float> data = data_of(value, place.transposed);
    const auto id = step_.find(place.tensor);
    if (id) {
      if (data.size() != step_.tensor(*id).elements()) throw Mismatch{"wrong size of " + key};
      executor_.give(*id, data);
    } else if (key[0] == 'K') {
      compare(key, value, executor_.floats(tensor_of(place_of("M" + key.substr(1)).tensor)));
    } else {
      throw Mismatch{"no tensor for the key " + key};
    }
  }

  void compare(const std::string& what, const Json& wanted, std::span<const float> found) {
    compare(what, data_of<double>(wanted, false), found);
  }

  void compare(const std::string& what, const std::vector<double>& data,
               std::span<const float> found) {
    if (data.size() != found.size()) throw Mismatch{place_ + " " + what + ": wrong size"};
    for (std::size_t i = 0; i < data.size(); ++i) compare_value(what, i, data[i], found[i]);
  }

  void compare_value(const std::string& what, std::size_t i, double wanted, double found) {
    ++compared_;
    if (std::abs(found - wanted) <= tolerance * (1 + std::abs(wanted))) return;
    throw Mismatch{fmt::format("{} {}[{}]: {} wanted, {} found", place_, what, i, wanted, found)};
  }

  void run_step(const Json& step) {
    set(executor_.floats(*step_.find("input.images")), data_of(step.at("x"), false));
    const Json masks = step.value("masks", Json::object());
    for (const auto& [key, mask] : masks.items()) give_mask(key, mask);
    const std::span<std::int32_t> labels = executor_.integers(*step_.find("input.labels"));
    if (step.at("labels").size() != labels.size()) throw Mismatch{"wrong number of labels"};
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = integer(step.at("labels")[i]);
    const Json act = step.value("act", Json::object());
    // Values that a later operation overwrites in place are looked at when they are made.
    executor_.run(1, [&](std::size_t op) { compare_after(step_.ops[op], act); });
    compare_values(step, act);
  }

  void give_mask(const std::string& key, const Json& mask) {
    std::vector<std::byte> kept;
    for (const double multiplier : mask.at("data")) kept.push_back(std::byte{multiplier > 0});
    executor_.give(tensor_of((key == "in" ? "input" : layer_of(key.substr(1))) + ".mask"), kept);
  }

  void compare_after(const Op& op, const Json& act) {
    const bool forward = op.kernel.is<ConvForward>() || op.kernel.is<FcForward>();
    const TensorId id = op.outputs[0];
    const int layer = step_.tensor(id).layer;
    std::string key;
    if (forward && layer != step_.readout_layer()) key = fmt::format("a{}", layer - 1);
    if (op.kernel.is<BatchNorm>()) key = fmt::format("z{}", layer - 1);
    if (op.kernel.is<ConvInputGradient>() || op.kernel.is<FcInputGradient>() ||
        op.kernel.is<ClassifierError>()) {
      key = fmt::format("dy{}", layer - 1);
    }
    if (op.kernel.is<ConvWeightGradient>() || op.kernel.is<FcWeightGradient>()) {
      if (layer == step_.readout_layer()) return;
      if (const std::string da = fmt::format("da{}", layer - 1); act.contains(da)) {
        compare(da, act.at(da), executor_.floats(op.inputs[0]));
      }
      return;
    }
    if (act.contains(key)) compare(key, act.at(key), executor_.floats(id));
  }

  void compare_values(const Json& step, const Json& act) {
    for (const auto& [key, value] : act.items()) {
      if (key[0] == 'y' || key[0] == 's' || key[0] == 'e') {
        compare(key, value, values_of(place_of(key)));
      }
    }
    for (const auto& [key, value] : step.at("loss").items()) {
      const std::string name =
          key == "loss_top" ? "readout" : network_.layers.at(std::stoul(key.substr(4))).name;
      compare_value(key, 0, value, executor_.floats(*step_.find(name + ".metrics"))[0]);
    }
    compare_parameters(step, "grad", ".gradient");
    compare_parameters(step, "params_after", "");
    compare_parameters(step, "momentum_after", ".momentum");
    compare_parameters(step, "bn_running_after", "");
  }

  void compare_parameters(const Json& step, const std::string& group, const std::string& suffix) {
    if (!step.contains(group)) return;
    for (const auto& [key, value] : step.at(group).items()) {
      const Place place = place_of(key);
      compare(group + " " + key, data_of<double>(value, place.transposed),
              values_of(place, suffix));
    }
  }

  const Json& file_;
  Network network_;
  Step step_;
  DirectExecutor executor_;
  std::string place_ = "before";
  std::size_t compared_ = 0;
};

std::filesystem::path golden_folder() {
  const char* given = std::getenv("SPILLWAY_GOLDEN_DIR");
  if (given != nullptr && *given != '\0') return given;
  return std::filesystem::path(SPILLWAY_SOURCE_DIR) / "tests" / "data" / "golden";
}

}  // namespace

/// The files named on the command line, or all those of the golden folder.
int main(int argc, char* argv[]) {
  std::vector<std::filesystem::path> paths(argv + 1, argv + argc);
  std::error_code error;
  if (argc == 1) {
    for (const auto& entry : std::filesystem::directory_iterator(golden_folder(), error)) {
      if (entry.path().extension() == ".json") paths.push_back(entry.path());
    }
  }
  std::ranges::sort(paths);
  int passed = 0, failed = 0;
  for (const auto& path : paths) {
    const std::string name = path.stem().string();
    try {
      std::ifstream stream(path);
      const Json file = parse_json(stream);
      GoldenCase golden(file);
      golden.run();
      fmt::print("golden {}: passed ({} values)\n", name, golden.compared());
      ++passed;
    } catch (const Mismatch& mismatch) {
      fmt::print("golden {}: FAILED: {}\n", name, mismatch.what);
      ++failed;
    } catch (const std::exception& problem) {
      fmt::print("golden {}: FAILED: {}\n", name, problem.what());
      ++failed;
    }
  }
  fmt::print("{} passed, {} failed of {} files\n", passed, failed, paths.size());
  return failed > 0 || paths.empty() ? 1 : 0;
}
