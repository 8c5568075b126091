// Runs every golden file of a folder: three update steps of a small network against values computed
// in float64. One named result a file.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "tests/golden_device.hpp"
#include "tests/golden_network.hpp"
#include "workloads/executor.hpp"
#include "workloads/kernels/operations.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/support/json.hpp"

namespace {

using spillway::Json;
using spillway::parse_json;
using namespace spillway::test;
using namespace spillway::workloads;

constexpr double tolerance = 2e-5;  // absolute plus relative, float32

class GoldenCase {
 public:
  explicit GoldenCase(const Json& file)
      : file_(file),
        network_(read_golden_network(file)),
        step_(golden_step(network_, file)),
        device_(network_, step_),
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
    for (const Tensor& tensor : step_.tensors) {
      if (tensor.is_kept()) device_.give(tensor.id, std::as_bytes(executor_.floats(tensor.id)));
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

  /// Of a layer by its number, or by its name with what in a graph: "fc.W".
  std::string layer_of(const std::string& digits) const {
    if (digits == "top") return "readout";
    return network_.layers.at(std::stoul(digits)).name;
  }

  Place place_of(const std::string& key) const {
    const std::size_t dot = key.rfind('.');
    if (dot != std::string::npos) return place_in(key.substr(0, dot), key.substr(dot + 1));
    const std::size_t digits = std::min(key.find_first_of("0123456789"), key.find("top"));
    if (digits == std::string::npos) throw Mismatch{"no layer in the key " + key};
    std::string what = key.substr(0, digits);
    if (what.ends_with('_')) what.pop_back();
    return place_in(layer_of(key.substr(digits)), what);
  }

  Place place_in(const std::string& layer, const std::string& what) const {
    // M is [classes, features] in the files and [features, classes] here; so is B of DFA.
    const bool direct = step_.rule == "dfa";
    const std::map<std::string, Place> places{{"W", {".weights"}},
                                              {"b", {".biases"}},
                                              {"M", {".classifier", -1, true}},
                                              {"K", {".feedback"}},
                                              {"B", {".feedback", -1, direct}},
                                              {"gamma", {".norm", 0}},
                                              {"beta", {".norm", 1}},
                                              {"rmean", {".running_statistics", 0}},
                                              {"rvar", {".running_statistics", 1}},
                                              {"s", {".scores"}},
                                              {"es", {".score_errors"}},
                                              {"y", {".activations"}},
                                              {"da", {".errors"}}};
    const auto found = places.find(what);
    if (found == places.end()) throw Mismatch{"no tensor for the key " + what};
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
      device_.give(*id, std::as_bytes(std::span(data)));
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
    const spillway::sim::Batch batch = given_batch();
    executor_.run({}, [&](std::size_t op) { compare_after(step_.ops[op], act); });
    compare_values(step, act);
    device_.run(batch);
    device_.compare(executor_, place_);
  }

  spillway::sim::Batch given_batch() {
    const std::span<float> images = executor_.floats(*step_.find("input.images"));
    const std::span<std::int32_t> labels = executor_.integers(*step_.find("input.labels"));
    return {{images.begin(), images.end()}, {labels.begin(), labels.end()}};
  }

  void give_mask(const std::string& key, const Json& mask) {
    std::vector<std::byte> kept;
    for (const double multiplier : mask.at("data")) kept.push_back(std::byte{multiplier > 0});
    const TensorId id = tensor_of((key == "in" ? "input" : layer_of(key.substr(1))) + ".mask");
    executor_.give(id, kept);
    device_.give(id, kept);
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
      if (key.find('.') != std::string::npos) {
        compare(key, value, values_of(place_of(key)));
      } else if (key[0] == 'y' || key[0] == 's' || key[0] == 'e') {
        compare(key, value, values_of(place_of(key)));
      }
    }
    const Json first = step.value("act_example0", Json::object());
    for (const auto& [key, value] : first.items()) {
      compare(key + " of the first example", value,
              values_of(place_of(key)).first(value.at("data").size()));
    }
    for (const auto& [key, value] : step.at("loss").items()) {
      const std::string name = key.ends_with(".loss")
                                   ? key.substr(0, key.size() - 5)
                                   : layer_of(key == "loss_top" ? "top" : key.substr(4));
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
  GoldenDevice device_;
  DirectExecutor executor_;
  std::string place_ = "before";
  std::size_t compared_ = 0;
};

/// One named by the environment, or both of ours.
std::vector<std::filesystem::path> golden_folders() {
  const char* given = std::getenv("SPILLWAY_GOLDEN_DIR");
  if (given != nullptr && *given != '\0') return {given};
  const std::filesystem::path data = std::filesystem::path(SPILLWAY_SOURCE_DIR) / "tests" / "data";
  return {data / "golden", data / "golden2"};
}

/// Of the second set what is no rule or number format of ours.
bool is_other(const Json& file) {
  if (file.contains("formats")) return true;
  const std::string method = file.at("method");
  return method == "DRTP" || method == "PEPITA" || method == "MEMPEPITA" || method == "FF";
}

}  // namespace

/// The files named on the command line, or all those of the golden folders.
int main(int argc, char* argv[]) {
  std::vector<std::filesystem::path> paths(argv + 1, argv + argc);
  std::error_code error;
  if (argc == 1) {
    for (const std::filesystem::path& folder : golden_folders()) {
      for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (entry.path().extension() == ".json") paths.push_back(entry.path());
      }
    }
  }
  std::ranges::sort(paths);
  int passed = 0, failed = 0, left_out = 0;
  for (const auto& path : paths) {
    const std::string name = path.stem().string();
    try {
      std::ifstream stream(path);
      const Json file = parse_json(stream);
      if (is_other(file)) {
        fmt::print("golden {}: left out, {} is no rule or format of ours\n", name,
                   file.at("method").get<std::string>());
        ++left_out;
        continue;
      }
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
  fmt::print("{} passed, {} failed, {} left out of {} files\n", passed, failed, left_out,
             paths.size());
  return failed > 0 || passed == 0 ? 1 : 0;
}
