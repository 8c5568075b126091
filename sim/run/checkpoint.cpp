#include "sim/run/checkpoint.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "workloads/support/error.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::sim {

namespace {

using Json = nlohmann::json;
using workloads::InputError;

constexpr std::string_view magic = "spillway checkpoint 1\n";

std::uint32_t checksum(std::string_view bytes) {
  uLong sum = crc32_z(0, nullptr, 0);
  sum = crc32_z(sum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  return static_cast<std::uint32_t>(sum);
}

// Doubles as their bits: a loss may be infinite or no number, and must come back as it was.
Json bits(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double value : values) json.push_back(std::bit_cast<std::uint64_t>(value));
  return json;
}

std::vector<double> from_bits(const Json& json) {
  std::vector<double> values;
  for (const Json& value : json)
    values.push_back(std::bit_cast<double>(value.get<std::uint64_t>()));
  return values;
}

Json epoch_json(const Epoch& epoch) {
  return {{"epoch", epoch.epoch},
          {"layers", epoch.layers},
          {"loss", bits(epoch.loss)},
          {"train", bits(epoch.train_accuracy)},
          {"test", bits(epoch.test_accuracy)},
          {"validation", bits(epoch.validation_accuracy)}};
}

Epoch read_epoch(const Json& json) {
  return {json.at("epoch"),           json.at("layers"),
          from_bits(json.at("loss")), from_bits(json.at("train")),
          from_bits(json.at("test")), from_bits(json.at("validation"))};
}

Json traffic_json(const Traffic& t) {
  return {t.dram_read, t.dram_write, t.host_read, t.host_write, t.macs, t.time_ps, t.steps};
}

Traffic read_traffic(const Json& json) {
  return {json.at(0), json.at(1), json.at(2), json.at(3), json.at(4), json.at(5), json.at(6)};
}

std::string read_all(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream) throw InputError(path.string() + ": cannot be read; allowed: a checkpoint");
  return std::move(text).str();
}

/// `wanted` is what the header must hold under `key`.
TrainingState parse(std::string_view text, const std::string& key, const std::string& wanted) {
  const auto require = [](bool condition) {
    if (!condition) throw InputError("found a file cut short or damaged");
  };
  require(text.starts_with(magic) && text.size() > magic.size() + sizeof(std::uint32_t));
  std::uint32_t sum = 0;
  std::memcpy(&sum, text.data() + text.size() - sizeof sum, sizeof sum);
  text.remove_suffix(sizeof sum);
  require(checksum(text) == sum);
  text.remove_prefix(magic.size());
  const std::size_t end = text.find('\n');
  require(end != std::string_view::npos);
  const Json header = Json::parse(text.substr(0, end));
  text.remove_prefix(end + 1);
  if (header.at(key) != wanted) {
    throw InputError(
        fmt::format("found \"{}\", wanted \"{}\" (the number in brackets sums up all settings)",
                    header.at(key).get<std::string>(), wanted));
  }
  TrainingState state;
  state.layer = header.at("layer");
  state.epochs = header.at("epochs");
  state.steps = header.at("steps");
  state.finished = header.at("finished");
  state.running = read_epoch(header.at("running"));
  for (const Json& epoch : header.at("history")) state.history.push_back(read_epoch(epoch));
  state.traffic = read_traffic(header.at("traffic"));
  for (const auto& [name, size] : header.at("tensors").items()) {
    require(size.get<std::size_t>() <= text.size());
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    state.tensors[name] = {bytes, bytes + size.get<std::size_t>()};
    text.remove_prefix(size.get<std::size_t>());
  }
  require(text.empty());
  return state;
}

}  // namespace

namespace {

std::string describe(const workloads::Window& w) {
  return fmt::format("{}x{} by {}x{} padded {}x{} and {}x{}", w.kernel[0], w.kernel[1], w.stride[0],
                     w.stride[1], w.padding_begin[0], w.padding_begin[1], w.padding_end[0],
                     w.padding_end[1]);
}

std::string describe(const workloads::Layer& layer) {
  return fmt::format("{} {} of {}x{}x{}, {}, {} groups,{}{}{} pool {}, dropout {:.17g}", layer.name,
                     layer.weights().count(), layer.input.channels, layer.input.height,
                     layer.input.width, describe(layer.window), layer.groups,
                     layer.bias ? " bias" : "", layer.batch_norm ? " norm" : "",
                     layer.relu ? " relu" : "",
                     layer.pool_window ? describe(*layer.pool_window) : "none", layer.dropout);
}

std::string describe(const Idealisations& idealisations) {
  std::string text;
  for (const Item item : all_items()) text += idealisations.contains(item) ? '1' : '0';
  return text;
}

/// The front of a set, which tells it from others.
template <class Value>
std::string_view bytes_of(const std::vector<Value>& values) {
  const std::size_t some = std::min<std::size_t>(values.size(), 1 << 20);
  return {reinterpret_cast<const char*>(values.data()), some * sizeof(Value)};
}

}  // namespace

std::string network_fingerprint(const Experiment& experiment) {
  std::string layers;
  for (const workloads::Layer& layer : experiment.network.layers) layers += describe(layer) + "; ";
  if (experiment.network.readout == workloads::Readout::none) layers += "no readout; ";
  if (experiment.rule_options.targets == workloads::Targets::inputs) layers += "own inputs; ";
  return fmt::format("{} trained with {} [{:08x}]", experiment.network.name, experiment.rule,
                     checksum(fmt::format("{} {} {} {:.17g}", layers, experiment.network.classes,
                                          static_cast<int>(experiment.rule_options.distribution),
                                          experiment.network.input_dropout)));
}

std::string fingerprint(const Experiment& experiment, const workloads::DataSplit& data,
                        bool direct) {
  const workloads::RuleOptions& rule = experiment.rule_options;
  const std::string content =
      network_fingerprint(experiment) +
      fmt::format("{} {:.17g} {:.17g} {} ", experiment.seed, experiment.optimizer.rate,
                  experiment.optimizer.momentum, experiment.schedule.description()) +
      fmt::format("{} {} {:.17g} {:.17g} ", static_cast<int>(rule.loss), rule.fix,
                  rule.classifier_rate.value_or(-1), rule.feedback_scale) +
      // Trained one after the other, layers cannot be given more epochs afterwards.
      fmt::format("{} ", experiment.training.layer_by_layer ? experiment.training.epochs : 0) +
      fmt::format("{} {} {} ", experiment.training.validation, experiment.training.layer_by_layer,
                  experiment.training.enough_gain) +
      fmt::format("{:08x} {:08x} {:08x} ", checksum(bytes_of(data.train.images)),
                  checksum(bytes_of(data.train.labels)), checksum(bytes_of(data.test.images))) +
      fmt::format("{:08x} ", checksum(bytes_of(data.test.labels))) +
      describe(experiment.idealisations) + models::describe(experiment.device);
  return fmt::format(
      "{} {} batch {} seed {} rate {:g}, {}, {} images, {} [{:08x}]", experiment.network.name,
      experiment.rule, experiment.batch, experiment.seed, experiment.optimizer.rate,
      experiment.schedule.description(), data.train.size(),
      direct ? std::string("no device") : "device " + experiment.device.name, checksum(content));
}

void write_checkpoint(const std::filesystem::path& path, const TrainingState& state,
                      const CheckpointIdentity& identity) {
  Json header = {{"fingerprint", identity.run},
                 {"network", identity.network},
                 {"layer", state.layer},
                 {"epochs", state.epochs},
                 {"steps", state.steps},
                 {"finished", state.finished},
                 {"running", epoch_json(state.running)},
                 {"traffic", traffic_json(state.traffic)}};
  header["history"] = Json::array();
  for (const Epoch& epoch : state.history) header["history"].push_back(epoch_json(epoch));
  header["tensors"] = Json::object();
  for (const auto& [name, bytes] : state.tensors) header["tensors"][name] = bytes.size();
  std::string text = std::string(magic) + header.dump() + "\n";
  for (const auto& [name, bytes] : state.tensors) {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  const std::uint32_t sum = checksum(text);
  text.append(reinterpret_cast<const char*>(&sum), sizeof sum);
  workloads::replace_file(path, text);
}

namespace {

TrainingState read(const std::filesystem::path& path, const std::string& key,
                   const std::string& wanted, const char* allowed) {
  const std::string text = read_all(path);
  try {
    return parse(text, key, wanted);
  } catch (const nlohmann::json::exception&) {
    throw InputError(path.string() + ": found no checkpoint; allowed: one that Spillway wrote");
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}; allowed: {}", path.string(),
                                 workloads::printable(error.what(), 400), allowed));
  }
}

}  // namespace

TrainingState read_checkpoint(const std::filesystem::path& path, const std::string& run) {
  return read(path, "fingerprint", run, "a checkpoint of the same experiment");
}

TrainingState read_trained_network(const std::filesystem::path& path,
                                   const Experiment& experiment) {
  return read(path, "network", network_fingerprint(experiment),
              "a checkpoint of this network and rule");
}

}  // namespace spillway::sim
