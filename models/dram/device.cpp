#include "models/dram/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "models/dram/controllers/registry.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_kinds.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::models::dram {

namespace {

using workloads::Config;

constexpr const char* folder = "models/devices/dram";
constexpr std::uint32_t longest = 1 << 20;  // cycles of one timing parameter

// "14.16 ns" -> 14.16; nothing when the text is not a number of ns.
std::optional<double> parse_ns(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (unit != "ns" || !(value >= 0 && value <= 1e9)) return std::nullopt;
  return value;
}

// A time that a file gives in cycles or in ns.
std::uint32_t read_time(const Config& config, std::uint64_t clock_period_fs,
                        std::uint32_t minimum) {
  if (const std::optional<double> ns =
          config.is_scalar() ? parse_ns(config.text()) : std::nullopt) {
    // A time within a thousandth above a whole cycle is that cycle, rounded in the data sheet.
    const double cycles = std::ceil(*ns * 1e6 / static_cast<double>(clock_period_fs) - 1e-3);
    if (cycles < minimum || cycles > longest) {
      config.refuse(fmt::format("{} to {} cycles of the clock", minimum, longest));
    }
    return static_cast<std::uint32_t>(cycles);
  }
  std::int64_t cycles = 0;
  try {
    cycles = config.integer(minimum, longest);
  } catch (const workloads::InputError&) {
    config.refuse(fmt::format("{} to {} cycles, or a time such as \"14.16 ns\"", minimum, longest));
  }
  return static_cast<std::uint32_t>(cycles);
}

std::uint64_t read_clock(const Config& config) {
  const std::optional<double> ns = config.is_scalar() ? parse_ns(config.text()) : std::nullopt;
  if (!ns || *ns < 0.01 || *ns > 1000)
    config.refuse("a time such as \"0.833 ns\", 0.01 to 1000 ns");
  return static_cast<std::uint64_t>(std::llround(*ns * 1e6));
}

std::uint64_t read_power_of_two(const Config& config, std::uint64_t maximum) {
  const auto value =
      static_cast<std::uint64_t>(config.integer(1, static_cast<std::int64_t>(maximum)));
  if (!std::has_single_bit(value)) config.refuse("a power of two");
  return value;
}

std::uint64_t read_size_power_of_two(const Config& config, std::uint64_t maximum) {
  const std::uint64_t value = config.size().count();
  if (!std::has_single_bit(value) || value > maximum) {
    config.refuse(fmt::format("a power of two up to {} bytes", maximum));
  }
  return value;
}

Geometry read_geometry(const Config& config) {
  config.allow_only(
      {"ranks", "bank_groups", "banks_per_group", "row", "rows_per_bank", "burst", "devices"});
  Geometry geometry;
  if (const Config* ranks = config.find("ranks")) {
    geometry.ranks = static_cast<std::uint32_t>(read_power_of_two(*ranks, 16));
  }
  geometry.bank_groups =
      static_cast<std::uint32_t>(read_power_of_two(config.at("bank_groups"), 16));
  geometry.banks_per_group =
      static_cast<std::uint32_t>(read_power_of_two(config.at("banks_per_group"), 64));
  if (geometry.banks_per_rank() > 64) {
    config.at("banks_per_group").refuse("at most 64 banks in all groups");
  }
  if (geometry.banks() > 64) config.at("ranks").refuse("at most 64 banks in all ranks");
  if (geometry.groups() > 16) config.at("ranks").refuse("at most 16 bank groups in all ranks");
  geometry.burst_bytes =
      static_cast<std::uint32_t>(read_size_power_of_two(config.at("burst"), 4096));
  if (geometry.burst_bytes < workloads::bytes_per_word) {
    config.at("burst").refuse("a whole number of 4-byte words");
  }
  const std::uint64_t row = read_size_power_of_two(config.at("row"), 1 << 20);
  if (row < geometry.burst_bytes) {
    config.at("row").refuse(
        fmt::format("a whole number of bursts of {} bytes", geometry.burst_bytes));
  }
  geometry.bursts_per_row = static_cast<std::uint32_t>(row / geometry.burst_bytes);
  geometry.rows_per_bank = read_power_of_two(config.at("rows_per_bank"), std::uint64_t{1} << 32);
  geometry.devices = static_cast<std::uint32_t>(config.at("devices").integer(1, 1024));
  return geometry;
}

// One timing parameter of the file: its key, its place and whether it may be left out.
struct TimingKey {
  const char* key;
  std::uint32_t Timing::*member;
  std::uint32_t minimum = 1;
  bool optional = false;
};

constexpr TimingKey timing_keys[] = {
    {"burst", &Timing::burst},
    {"burst_same", &Timing::burst_same, 1, true},
    {"tCL", &Timing::read_latency},
    {"tCWL", &Timing::write_latency},
    {"tRCD", &Timing::activate_to_read},
    {"tRCDWR", &Timing::activate_to_write, 1, true},
    {"tRP", &Timing::precharge},
    {"tRPab", &Timing::precharge_all, 1, true},
    {"tRAS", &Timing::row_active},
    {"tRC", &Timing::row_cycle},
    {"tWR", &Timing::write_recovery},
    {"tRTP", &Timing::read_to_precharge},
    {"tCCD_S", &Timing::column_other},
    {"tCCD_L", &Timing::column_same},
    {"tRRD_S", &Timing::activate_other},
    {"tRRD_L", &Timing::activate_same},
    {"tWTR_S", &Timing::write_to_read_other},
    {"tWTR_L", &Timing::write_to_read_same},
    {"tRTW", &Timing::read_to_write},
    {"tRTRS", &Timing::rank_to_rank, 0, true},
    {"tFAW", &Timing::four_activates},
    {"tPPD", &Timing::precharge_interval, 1, true},
    {"tRFC", &Timing::refresh},
    {"tREFI", &Timing::refresh_interval},
    {"tRFCpb", &Timing::refresh_bank, 1, true},
    {"tREFIpb", &Timing::refresh_bank_interval, 1, true},
    {"tRREFD", &Timing::refresh_bank_to_activate, 1, true},
    {"tAAD", &Timing::activate_second, 1, true},
    {"tWCKPST", &Timing::data_clock_postamble, 1, true},
};

// A rule of the standards between timing parameters, as the message shows it.
struct TimingRule {
  const char* key;  // the parameter to blame
  const char* rule;
  bool (*holds)(const Timing&);
};

constexpr TimingRule timing_rules[] = {
    {"tRC", "tRC >= tRAS + tRP",
     [](const Timing& t) { return t.row_cycle >= t.row_active + t.precharge; }},
    {"tRAS", "tRAS >= tRCD",
     [](const Timing& t) {
       return t.row_active >= t.activate_to_read && t.row_active >= t.activate_to_write;
     }},
    {"tRPab", "tRPab >= tRP", [](const Timing& t) { return t.precharge_all >= t.precharge; }},
    {"tCCD_S", "tCCD_S >= burst, the time of the data on the bus",
     [](const Timing& t) { return t.column_other >= t.burst; }},
    {"tCCD_L", "tCCD_L >= tCCD_S", [](const Timing& t) { return t.column_same >= t.column_other; }},
    {"tRRD_L", "tRRD_L >= tRRD_S",
     [](const Timing& t) { return t.activate_same >= t.activate_other; }},
    {"tWTR_L", "tWTR_L >= tWTR_S",
     [](const Timing& t) { return t.write_to_read_same >= t.write_to_read_other; }},
    {"burst_same", "burst_same >= burst", [](const Timing& t) { return t.burst_same >= t.burst; }},
    {"tFAW", "tFAW >= tRRD_L, four activates being no faster than two",
     [](const Timing& t) { return t.four_activates >= t.activate_same; }},
    {"tRC", "tRC >= tRRD_L", [](const Timing& t) { return t.row_cycle >= t.activate_same; }},
    {"tRTW", "tRTW >= tCL + burst - tCWL, or the data would meet on the bus",
     [](const Timing& t) { return t.read_to_write + t.write_latency >= t.read_latency + t.burst; }},
    {"tREFI", "tREFI > tRFC + tRC, or nothing but refresh would happen",
     [](const Timing& t) { return t.refresh_interval > t.refresh + t.row_cycle; }},
    {"tAAD", "tAAD <= tRCD, the row being open by then",
     [](const Timing& t) { return t.activate_second <= t.activate_to_read; }},
    {"tAAD", "tAAD only without split_command_bus and with activate_cycles 1",
     [](const Timing& t) {
       return t.activate_second == 0 || (!t.split_command_bus && t.activate_cycles == 1);
     }},
    {"tWCKPST", "tWCKPST only without split_command_bus",
     [](const Timing& t) { return t.data_clock_postamble == 0 || !t.split_command_bus; }},
};

constexpr TimingRule per_bank_rules[] = {
    {"tRFCpb", "tRFCpb <= tRFC", [](const Timing& t) { return t.refresh_bank <= t.refresh; }},
    {"tREFIpb", "tREFIpb > tRFCpb, the refreshes being one after the other",
     [](const Timing& t) { return t.refresh_bank_interval > t.refresh_bank; }},
    {"tREFIpb", "tREFIpb <= tREFI",
     [](const Timing& t) { return t.refresh_bank_interval <= t.refresh_interval; }},
    {"tRREFD", "tRREFD <= tRFCpb",
     [](const Timing& t) { return t.refresh_bank_to_activate <= t.refresh_bank; }},
};

template <std::size_t n>
void check_rules(const Config& config, const Timing& timing, const TimingRule (&rules)[n]) {
  for (const TimingRule& rule : rules) {
    if (rule.holds(timing)) continue;
    // A parameter that was left out has the value of another; blame the map then.
    const Config* found = config.find(rule.key);
    (found == nullptr ? config : *found).refuse(fmt::format("a value with {}", rule.rule));
  }
}

Timing read_timing(const Config& config, std::uint64_t clock_period_fs) {
  std::vector<std::string> names{"split_command_bus", "activate_cycles"};
  for (const TimingKey& key : timing_keys) names.emplace_back(key.key);
  config.allow_only(names);
  Timing timing;
  timing.clock_period_fs = clock_period_fs;
  for (const TimingKey& key : timing_keys) {
    const Config* value = key.optional ? config.find(key.key) : &config.at(key.key);
    if (value != nullptr) timing.*key.member = read_time(*value, clock_period_fs, key.minimum);
  }
  if (timing.burst_same == 0) timing.burst_same = timing.burst;
  if (timing.activate_to_write == 0) timing.activate_to_write = timing.activate_to_read;
  if (timing.precharge_all == 0) timing.precharge_all = timing.precharge;
  if (const Config* split = config.find("split_command_bus")) {
    timing.split_command_bus = split->boolean();
  }
  if (const Config* cycles = config.find("activate_cycles")) {
    timing.activate_cycles = static_cast<std::uint32_t>(cycles->integer(1, 2));
  }
  check_rules(config, timing, timing_rules);
  if (timing.refresh_bank > 0) {
    config.at("tREFIpb");
    if (timing.refresh_bank_to_activate == 0) {
      timing.refresh_bank_to_activate = timing.activate_other;
    }
    check_rules(config, timing, per_bank_rules);
  }
  return timing;
}

Currents read_currents(const Config& config, const Timing& timing) {
  config.allow_only({"vdd", "idd0", "idd2n", "idd3n", "idd4r", "idd4w", "idd5ab", "idd5pb"});
  Currents currents;
  currents.vdd = config.at("vdd").number(0.1, 10);
  const auto read = [&](const char* key) { return config.at(key).number(0, 1e5); };
  currents.idd0 = read("idd0");
  currents.idd2n = read("idd2n");
  currents.idd3n = read("idd3n");
  currents.idd4r = read("idd4r");
  currents.idd4w = read("idd4w");
  currents.idd5ab = read("idd5ab");
  if (config.find("idd5pb") != nullptr) currents.idd5pb = read("idd5pb");
  const auto require = [&](bool holds, const char* key, const char* rule) {
    if (!holds) config.at(key).refuse(fmt::format("a current with {}", rule));
  };
  require(currents.idd3n >= currents.idd2n, "idd3n", "idd3n >= idd2n");
  require(currents.idd4r >= currents.idd3n, "idd4r", "idd4r >= idd3n");
  require(currents.idd4w >= currents.idd3n, "idd4w", "idd4w >= idd3n");
  require(currents.idd5ab >= currents.idd3n, "idd5ab", "idd5ab >= idd3n");
  require(currents.idd0 * timing.row_cycle >=
              currents.idd3n * timing.row_active + currents.idd2n * timing.precharge,
          "idd0", "idd0 * tRC >= idd3n * tRAS + idd2n * tRP");
  return currents;
}

Scheduler read_scheduler(const Config& config) {
  return controller_kinds()[config.choice(scheduler_names())].scheduler;
}

Controller named_controller(const Config& config) {
  return with_controller({}, read_scheduler(config)).controller;
}

Controller read_controller(const Config& config, const Timing& timing) {
  if (config.is_scalar()) return named_controller(config);
  // Keys that only the other scheduler knows may be there, too: from a file that this is laid over.
  config.allow_only({"base", "scheduler", "read_queue", "write_queue", "write_high", "write_low",
                     "window", "bank_queue", "row_hits", "page", "refresh", "rank_refresh"});
  const Config* base = config.find("base");
  Controller controller = base == nullptr ? Controller{} : named_controller(*base);
  if (const Config* scheduler = config.find("scheduler")) {
    controller.scheduler = read_scheduler(*scheduler);
  }
  const auto only_others_need = [&](const char* key) {
    const auto needs = [&](const ControllerKind& kind) {
      return std::ranges::find(kind.own_keys, key) != kind.own_keys.end();
    };
    return std::ranges::any_of(controller_kinds(), needs) &&
           !needs(controller_kind(controller.scheduler));
  };
  const auto given = [&](const char* key, bool needed = true) -> const Config* {
    return base == nullptr && needed ? &config.at(key) : config.find(key);
  };
  const auto count = [&](const char* key, std::uint32_t& value, std::uint32_t maximum) {
    if (const Config* found = given(key, !only_others_need(key))) {
      value = static_cast<std::uint32_t>(found->integer(1, maximum));
    }
  };
  count("read_queue", controller.read_queue, most_entries);
  count("write_queue", controller.write_queue, most_entries);
  count("write_high", controller.write_high, most_entries);
  count("write_low", controller.write_low, most_entries);
  count("window", controller.window, most_entries);
  count("bank_queue", controller.bank_queue, most_bank_queue);
  count("row_hits", controller.row_hits, 1 << 20);
  const auto require = [&](bool holds, const char* key, const char* rule) {
    const Config* found = config.find(key);
    if (!holds) (found == nullptr ? config : *found).refuse(fmt::format("a value with {}", rule));
  };
  require(controller.write_high < controller.write_queue, "write_high", "write_high < write_queue");
  require(controller.write_low <= controller.write_high, "write_low", "write_low <= write_high");
  if (const Config* page = given("page")) {
    controller.page = page->choice(page_policy_names);
  }
  if (const Config* refresh = given("refresh")) {
    controller.refresh = refresh->choice(refresh_mode_names);
    if (controller.refresh == RefreshMode::per_bank && timing.refresh_bank == 0) {
      refresh->refuse("per-bank only with the times tRFCpb and tREFIpb");
    }
  }
  if (base == nullptr) {
    controller.rank_refresh = with_controller({}, controller.scheduler).controller.rank_refresh;
  }
  if (const Config* order = config.find("rank_refresh")) {
    controller.rank_refresh = order->choice(rank_refresh_names);
  }
  return controller;
}

void read_channels(const Config& config, DramDevice& device) {
  const Geometry& geometry = device.geometry;
  if (const Config* channels = config.find("channels")) {
    device.channels = static_cast<std::uint32_t>(read_power_of_two(*channels, 64));
  }
  device.interleave_bytes = geometry.row_bytes();
  if (const Config* interleave = config.find("interleave")) {
    device.interleave_bytes = read_size_power_of_two(*interleave, geometry.bytes());
    if (device.interleave_bytes < geometry.burst_bytes) {
      interleave->refuse("a whole number of bursts");
    }
  }
  device.grain_bytes = geometry.row_bytes();
  if (const Config* grain = config.find("grain")) {
    device.grain_bytes = read_size_power_of_two(*grain, geometry.row_bytes());
    if (device.grain_bytes < geometry.burst_bytes) grain->refuse("a whole number of bursts");
  }
}

// Keys that several ranks need besides.
void check_ranks(const Config& config, const DramDevice& device) {
  const Geometry& geometry = device.geometry;
  if (geometry.ranks == 1) return;
  const Config& timing = config.at("timing");
  timing.at("tRTRS");
  const Timing& t = device.timing;
  const std::uint64_t ranks = geometry.ranks;
  if (t.refresh_interval <= ranks * t.row_cycle + t.refresh) {
    timing.at("tREFI").refuse(
        "a value with tREFI > ranks * tRC + tRFC, or refreshes would pile up");
  }
  if (t.refresh_bank > 0 && t.refresh_bank_interval <= ranks * t.row_cycle) {
    timing.at("tREFIpb").refuse("a value with tREFIpb > ranks * tRC, or refreshes would pile up");
  }
}

Mapping mapping_of(const Config& config, const Geometry& geometry) {
  try {
    return parse_mapping(config.text(), geometry);
  } catch (const workloads::InputError& error) {
    config.refuse(error.what());
  }
}

}  // namespace

double DramDevice::peak_bytes_per_ns() const {
  return static_cast<double>(geometry.burst_bytes) * channels /
         (timing.column_other * timing.clock_period_ns());
}

DramDevice read_dram_device(const Config& config) {
  workloads::require_kind(config, workloads::FileKind::dram_device);
  config.allow_only({"name", "description", "clock", "geometry", "timing", "currents",
                     "io_pj_per_bit", "mapping", "controller", "channels", "interleave", "grain",
                     "placement"});
  DramDevice device;
  device.name = config.at("name").text();
  if (const Config* text = config.find("description")) device.description = text->text();
  device.geometry = read_geometry(config.at("geometry"));
  device.timing = read_timing(config.at("timing"), read_clock(config.at("clock")));
  if (const Config* currents = config.find("currents")) {
    device.currents = read_currents(*currents, device.timing);
  }
  check_ranks(config, device);
  device.io_pj_per_bit = config.at("io_pj_per_bit").number(0, 1000);
  device.mapping = mapping_of(config.at("mapping"), device.geometry);
  device.mapping_name = config.at("mapping").text();
  device.controller = read_controller(config.at("controller"), device.timing);
  read_channels(config, device);
  if (const Config* placement = config.find("placement")) {
    device.placement = placement->choice(placement_names);
  }
  return device;
}

DramDevice dram_device(const std::string& name_or_path,
                       const std::vector<workloads::Assignment>& overrides) {
  const bool is_path =
      name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".yaml");
  std::filesystem::path path = name_or_path;
  if (!is_path) {
    const std::vector<std::string> names = dram_device_names();
    if (std::find(names.begin(), names.end(), name_or_path) == names.end()) {
      throw workloads::InputError(
          fmt::format("no DRAM device \"{}\"{}; allowed: {}, or a path to a YAML file{}",
                      workloads::printable(name_or_path), workloads::what_it_is(name_or_path),
                      workloads::joined(names), workloads::did_you_mean(name_or_path, names)));
    }
    path = workloads::shared_folder() / folder / (name_or_path + ".yaml");
  }
  Config config = Config::from_file(path);
  for (const workloads::Assignment& assignment : overrides) config.set(assignment);
  return read_dram_device(workloads::resolve_shared(config, folder, {"controller"}));
}

std::vector<std::string> dram_device_names() { return workloads::shared_names(folder); }

std::string describe(const DramDevice& device) {
  const Geometry& g = device.geometry;
  const Controller& c = device.controller;
  std::string text = fmt::format(
      "{} channels of {}, {}x{} banks of {} rows of {} bursts of {}, {}, {} {} {} {} {} {} {} {}, "
      "page {}, refresh {}, placement {}, clock {} fs,",
      device.channels, device.interleave_bytes, g.bank_groups, g.banks_per_group, g.rows_per_bank,
      g.bursts_per_row, g.burst_bytes, device.mapping_name, scheduler_name(c.scheduler),
      c.read_queue, c.write_queue, c.write_high, c.write_low, c.window, c.bank_queue, c.row_hits,
      static_cast<int>(c.page), static_cast<int>(c.refresh), static_cast<int>(device.placement),
      device.timing.clock_period_fs);
  for (const TimingKey& key : timing_keys) {
    if (key.member == &Timing::rank_to_rank) continue;
    text += fmt::format(" {}", device.timing.*key.member);
  }
  text += fmt::format(" {} {}", device.timing.activate_cycles, device.timing.split_command_bus);
  if (g.ranks == 1) return text;
  return text + fmt::format(", {} ranks {} apart, refreshed {}", g.ranks,
                            device.timing.rank_to_rank, static_cast<int>(c.rank_refresh));
}

}  // namespace spillway::models::dram
