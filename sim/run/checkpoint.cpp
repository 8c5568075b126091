#include "sim/run/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "sim/run/checksum.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/json.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::sim {

namespace {

using workloads::InputError;

constexpr std::string_view magic = "spillway checkpoint 2\n", any_magic = "spillway checkpoint ";

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
  std::optional<std::string> text = workloads::file_content(path);
  if (!text) throw InputError(path.string() + ": cannot be read; allowed: a checkpoint");
  return *std::move(text);
}

Json settings_json(const Settings& settings) {
  Json json = Json::array();
  for (const Setting& setting : settings) json.push_back({setting.name, setting.value});
  return json;
}

Settings read_settings(const Json& json) {
  Settings settings;
  for (const Json& setting : json) settings.push_back({setting.at(0), setting.at(1), false});
  return settings;
}

void require(bool whole) {
  if (!whole) throw InputError("found a file cut short or damaged");
}

/// Takes the header off a whole checkpoint's text; what is left are the tensors.
Json take_header(std::string_view& text) {
  if (text.starts_with(any_magic) && text.size() > magic.size() && !text.starts_with(magic)) {
    throw InputError("found a checkpoint of another version of Spillway");
  }
  require(text.starts_with(magic) && text.size() > magic.size() + sizeof(std::uint32_t));
  std::uint32_t sum = 0;
  std::memcpy(&sum, text.data() + text.size() - sizeof sum, sizeof sum);
  text.remove_suffix(sizeof sum);
  require(checksum(text) == sum);
  text.remove_prefix(magic.size());
  const std::size_t end = text.find('\n');
  require(end != std::string_view::npos);
  Json header = parse_json(text.substr(0, end));
  text.remove_prefix(end + 1);
  return header;
}

/// `wanted` are settings that have to be those of the file.
TrainingState parse(std::string_view text, const Settings& wanted) {
  const Json header = take_header(text);
  const std::string different = differences(read_settings(header.at("settings")), wanted);
  if (!different.empty()) throw InputError(different);
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

void write_checkpoint(const std::filesystem::path& path, const TrainingState& state,
                      const Settings& settings) {
  Json header = {{"settings", settings_json(settings)},
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

/// What `use` makes of a checkpoint's text; what it throws names the file and what is allowed.
template <class Use>
auto read(const std::filesystem::path& path, const char* allowed, Use&& use) {
  const std::string text = read_all(path);
  try {
    return use(std::string_view(text));
  } catch (const Json::exception&) {
    throw InputError(path.string() + ": found no checkpoint; allowed: one that Spillway wrote");
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}; allowed: {}", path.string(),
                                 workloads::printable(error.what(), 2000), allowed));
  }
}

}  // namespace

TrainingState read_checkpoint(const std::filesystem::path& path, const Settings& settings) {
  return read(path, "a checkpoint of the same settings, or the name of a new file",
              [&](std::string_view text) { return parse(text, settings); });
}

std::string checkpoint_differences(const std::filesystem::path& path, const Settings& settings) {
  return read(path, "a checkpoint", [&](std::string_view text) {
    return differences(read_settings(take_header(text).at("settings")), settings);
  });
}

TrainingState read_trained_network(const std::filesystem::path& path,
                                   const Experiment& experiment) {
  return read(path, "a checkpoint of this network and rule",
              [&](std::string_view text) { return parse(text, network_settings(experiment)); });
}

}  // namespace spillway::sim
