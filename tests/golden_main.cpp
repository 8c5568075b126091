// Runs every golden file of a folder: three update steps of a small network against values computed
// in float64. One named result a file; a file that cannot run yet is named with the reason.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "workloads/executor.hpp"
#include "workloads/rules/rule.hpp"

namespace {

using nlohmann::json;
using namespace spillway::workloads;

constexpr double tolerance = 2e-5;  // absolute plus relative, float32

struct Skip {
  std::string reason;
};
struct Mismatch {
  std::string what;
};

/// A JSON integer; a fraction is not cut off silently.
std::int32_t integer(const json& value) {
  if (!value.is_number_integer()) throw Mismatch{"an integer was wanted: " + value.dump()};
  return value.get<std::int32_t>();
}

std::array<std::int64_t, 2> both(std::int64_t n) { return {n, n}; }

Network read_golden_network(const json& file) {
  std::vector<LayerSpec> layers;
  for (const json& entry : file.at("layers")) {
    LayerSpec spec;
    spec.kind = entry.at("type") == "conv" ? LayerKind::conv : LayerKind::fc;
    spec.outputs = entry.at("out");
    if (spec.kind == LayerKind::conv) {
      spec.kernel = both(entry.at("k"));
      spec.padding_mode = PaddingMode::explicit_size;
      spec.padding = both(entry.at("pad"));
      if (entry.contains("pool")) {
        const json& pool = entry.at("pool");
        spec.max_pool = PoolSpec{both(pool[0]), both(pool[1]), both(pool[2]), false};
      }
    }
    layers.push_back(spec);
  }
  const json& shape = file.at("input_shape");
  const ImageShape input =
      shape.size() == 1 ? ImageShape{shape[0], 1, 1} : ImageShape{shape[0], shape[1], shape[2]};
  return make_network(file.at("name"), input, file.at("classes"), layers);
}

std::string rule_of(const json& file) {
  const std::string method = file.at("method");
  if (file.at("batchnorm").get<bool>()) throw Skip{"batch-norm is not supported yet"};
  if (file.at("dropout").get<bool>()) throw Skip{"dropout is not supported yet"};
  if (file.at("fix_first_n_weights").get<int>() > 0)
    throw Skip{"fixed layers are not supported yet"};
  if (method == "BP") return "bp";
  if (method == "LEL-SYM") return "lel";
  throw Skip{"rule " + method + " is not supported yet"};
}

class GoldenCase {
 public:
  explicit GoldenCase(const json& file)
      : file_(file),
        network_(read_golden_network(file)),
        step_(
            learning_rule(rule_of(file))
                .training_step(network_, {file.at("batch"), {file.at("lr"), file.at("momentum")}})),
        executor_(step_, [](std::uint32_t, double, std::span<float>) {
          throw Mismatch{"a classifier was generated instead of taken from the file"};
        }) {}

  void run() {
    for (const auto& [name, value] : file_.at("params_init").items()) set(tensor_of(name), value);
    const json& fixed = file_.at("fixed");
    for (const auto& [name, value] : fixed.items()) {
      if (name[0] == 'M') give_classifier(name, value);
    }
    for (const auto& [name, value] : fixed.items()) {
      if (name[0] == 'K') compare(name, value, executor_.floats(tensor_of("M" + name.substr(1))));
    }
    for (std::size_t s = 0; s < file_.at("steps").size(); ++s) {
      place_ = fmt::format("step {}", s);
      run_step(file_.at("steps")[s]);
    }
    if (compared_ == 0) throw Mismatch{"nothing was compared"};
  }
  std::size_t compared() const { return compared_; }

 private:
  TensorId tensor_of(const std::string& key) const {
    const auto layer = [&](std::size_t from) {
      const std::string digits = key.substr(from);
      return digits.rfind("top", 0) == 0 ? std::string("readout")
                                         : network_.layers.at(std::stoul(digits)).name;
    };
    std::string name;
    if (key[0] == 'W') name = layer(1) + ".weights";
    if (key[0] == 'b') name = layer(1) + ".biases";
    if (key[0] == 'M') name = layer(1) + ".classifier";
    if (key.rfind("s_", 0) == 0)
      name = layer(2) + ".scores";
    else if (key.rfind("es_", 0) == 0)
      name = layer(3) + ".score_errors";
    else if (key.rfind("es", 0) == 0)
      name = layer(2) + ".score_errors";
    else if (key[0] == 's')
      name = layer(1) + ".scores";
    if (key[0] == 'y') name = layer(1) + ".activations";
    const auto id = step_.find(name);
    if (!id) throw Mismatch{"no tensor for the key " + key};
    return *id;
  }

  void set(TensorId id, const json& value) {
    const auto data = value.at("data").get<std::vector<float>>();
    if (data.size() != executor_.floats(id).size()) throw Mismatch{"wrong size of a parameter"};
    std::ranges::copy(data, executor_.floats(id).begin());
  }

  /// M is [classes, features] in the files and [features, classes] here; K is M transposed.
  void give_classifier(const std::string& name, const json& value) {
    const auto data = value.at("data").get<std::vector<float>>();
    const std::size_t classes = value.at("shape")[0], features = value.at("shape")[1];
    std::vector<float> transposed(data.size());
    for (std::size_t c = 0; c < classes; ++c) {
      for (std::size_t n = 0; n < features; ++n)
        transposed[n * classes + c] = data[c * features + n];
    }
    executor_.give(tensor_of(name), transposed);
  }

  void compare(const std::string& what, const json& wanted, std::span<const float> found) {
    const auto data = wanted.at("data").get<std::vector<double>>();
    if (data.size() != found.size()) throw Mismatch{place_ + " " + what + ": wrong size"};
    for (std::size_t i = 0; i < data.size(); ++i) compare_value(what, i, data[i], found[i]);
  }

  void compare_value(const std::string& what, std::size_t i, double wanted, double found) {
    ++compared_;
    if (std::abs(found - wanted) <= tolerance * (1 + std::abs(wanted))) return;
    throw Mismatch{fmt::format("{} {}[{}]: {} wanted, {} found", place_, what, i, wanted, found)};
  }

  void run_step(const json& step) {
    set(*step_.find("input.images"), step.at("x"));
    const std::span<std::int32_t> labels = executor_.integers(*step_.find("input.labels"));
    if (step.at("labels").size() != labels.size()) throw Mismatch{"wrong number of labels"};
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = integer(step.at("labels")[i]);
    const json act = step.value("act", json::object());
    // Values that a later operation overwrites in place are looked at when they are made.
    executor_.run([&](std::size_t op) { compare_after(step_.ops[op], act); });
    compare_values(step, act);
  }

  void compare_after(const Op& op, const json& act) {
    const bool forward = std::holds_alternative<ConvForward>(op.kernel) ||
                         std::holds_alternative<FcForward>(op.kernel);
    const TensorId id = op.outputs[0];
    const int layer = step_.tensor(id).layer;
    std::string key;
    if (forward && layer != step_.readout_layer()) key = fmt::format("a{}", layer - 1);
    if (std::holds_alternative<ConvInputGradient>(op.kernel) ||
        std::holds_alternative<FcInputGradient>(op.kernel) ||
        std::holds_alternative<ClassifierError>(op.kernel)) {
      key = fmt::format("dy{}", layer - 1);
    }
    if (std::holds_alternative<ConvWeightGradient>(op.kernel) ||
        std::holds_alternative<FcWeightGradient>(op.kernel)) {
      if (layer == step_.readout_layer()) return;
      if (const std::string da = fmt::format("da{}", layer - 1); act.contains(da)) {
        compare(da, act.at(da), executor_.floats(op.inputs[0]));
      }
      return;
    }
    if (act.contains(key)) compare(key, act.at(key), executor_.floats(id));
  }

  void compare_values(const json& step, const json& act) {
    for (const auto& [key, value] : act.items()) {
      if (key[0] == 'y' || key[0] == 's' || key[0] == 'e') {
        compare(key, value, executor_.floats(tensor_of(key)));
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
  }

  void compare_parameters(const json& step, const std::string& group, const std::string& suffix) {
    if (!step.contains(group)) return;
    for (const auto& [key, value] : step.at(group).items()) {
      const auto id = step_.find(step_.tensor(tensor_of(key)).name + suffix);
      if (!id) throw Mismatch{"no tensor for " + group + " " + key};
      compare(group + " " + key, value, executor_.floats(*id));
    }
  }

  const json& file_;
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
  int passed = 0, failed = 0, skipped = 0;
  for (const auto& path : paths) {
    const std::string name = path.stem().string();
    try {
      std::ifstream stream(path);
      const json file = json::parse(stream);
      GoldenCase golden(file);
      golden.run();
      fmt::print("golden {}: passed ({} values)\n", name, golden.compared());
      ++passed;
    } catch (const Skip& skip) {
      fmt::print("golden {}: skipped: {}\n", name, skip.reason);
      ++skipped;
    } catch (const Mismatch& mismatch) {
      fmt::print("golden {}: FAILED: {}\n", name, mismatch.what);
      ++failed;
    } catch (const std::exception& problem) {
      fmt::print("golden {}: FAILED: {}\n", name, problem.what());
      ++failed;
    }
  }
  fmt::print("{} passed, {} failed, {} skipped of {} files\n", passed, failed, skipped,
             paths.size());
  if (failed > 0 || paths.empty()) return 1;
  constexpr int nothing_ran = 77;  // what ctest shows as skipped
  return passed > 0 ? 0 : nothing_ran;
}
