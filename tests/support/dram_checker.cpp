#include "tests/support/dram_checker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace spillway::tests {

using namespace models::dram;

namespace {

bool is_column(Command command) { return command == Command::read || command == Command::write; }

// How two commands stand to each other.
enum class Place { same_rank, same_bank, same_group, other_rank };

struct Rule {
  const char* name;
  Command before, after;
  Place place;
  std::int64_t distance;
};

// All rules of the kind "no earlier than so many cycles after".
std::vector<Rule> rules_of(const DramDevice& device) {
  using enum Command;
  using enum Place;
  const Timing& t = device.timing;
  const std::int64_t later = t.activate_cycles - 1;  // what an ACT counts from
  const std::int64_t write_done = t.write_latency + t.burst;
  const std::int64_t gap = t.rank_to_rank;
  std::vector<Rule> rules{
      {"tRC", activate, activate, same_bank, t.row_cycle},
      {"tRRD_L", activate, activate, same_group, t.activate_same},
      {"tRRD_S", activate, activate, same_rank, t.activate_other},
      {"tRCD", activate, read, same_bank, t.activate_to_read + later},
      {"tRCDWR", activate, write, same_bank, t.activate_to_write + later},
      {"tRAS", activate, precharge, same_bank, t.row_active + later},
      {"tRAS", activate, precharge_all, same_rank, t.row_active + later},
      {"tRC", activate, refresh_all, same_rank, t.row_cycle + later},
      {"tRC", activate, refresh_bank, same_bank, t.row_cycle + later},
      {"tCCD_L", read, read, same_group, t.column_same},
      {"tCCD_S", read, read, same_rank, t.column_other},
      {"tCCD_L", write, write, same_group, t.column_same},
      {"tCCD_S", write, write, same_rank, t.column_other},
      {"tRTW", read, write, same_rank, t.read_to_write},
      {"tWTR_L", write, read, same_group,
       t.write_latency + t.burst_same + std::int64_t{t.write_to_read_same}},
      {"tWTR_S", write, read, same_rank, write_done + t.write_to_read_other},
      {"tRTP", read, precharge, same_bank, t.read_to_precharge},
      {"tRTP", read, precharge_all, same_rank, t.read_to_precharge},
      {"tWR", write, precharge, same_bank, write_done + t.write_recovery},
      {"tWR", write, precharge_all, same_rank, write_done + t.write_recovery},
      {"tRP", precharge, activate, same_bank, t.precharge - later},
      {"tRPab", precharge_all, activate, same_rank, t.precharge_all - later},
      {"tRP", precharge, refresh_all, same_rank, t.precharge},
      {"tRP", precharge, refresh_bank, same_bank, t.precharge},
      {"tRPab", precharge_all, refresh_all, same_rank, t.precharge_all},
      {"tRPab", precharge_all, refresh_bank, same_rank, t.precharge_all},
      {"tPPD", precharge, precharge, same_rank, t.precharge_interval},
      {"tPPD", precharge, precharge_all, same_rank, t.precharge_interval},
      {"tRFC", refresh_all, activate, same_rank, t.refresh - later},
      {"tRFC", refresh_all, refresh_all, same_rank, t.refresh},
  };
  if (device.geometry.ranks > 1) {
    const std::int64_t turn = std::int64_t{t.read_latency} - t.write_latency;
    rules.push_back({"tRTRS", read, read, other_rank, t.burst + gap});
    rules.push_back({"tRTRS", read, write, other_rank, t.burst + gap + turn});
    rules.push_back({"tRTRS", write, read, other_rank, t.burst + gap - turn});
  }
  if (t.refresh_bank > 0) {
    rules.push_back({"tRFCpb", refresh_bank, activate, same_bank, t.refresh_bank - later});
    rules.push_back({"tRFCpb", refresh_bank, refresh_bank, same_rank, t.refresh_bank});
    rules.push_back(
        {"tRREFD", refresh_bank, activate, same_rank, t.refresh_bank_to_activate - later});
  }
  return rules;
}

class Checker {
 public:
  Checker(const DramDevice& device, std::span<const IssuedCommand> commands)
      : device_(device), t_(device.timing), commands_(commands), rules_(rules_of(device)) {
    for (const Rule& rule : rules_) longest_ = std::max(longest_, rule.distance);
    longest_ = std::max<std::int64_t>(longest_, t_.four_activates);
  }

  std::vector<std::string> run() {
    for (std::size_t i = 0; i < commands_.size(); ++i) {
      check_pairs(i);
      check_bus(i);
      check_state(commands_[i]);
    }
    check_four_activates();
    check_data();
    return std::move(faults_);
  }

 private:
  struct Bank {
    std::optional<std::uint64_t> row;
    std::int64_t activated = 0;
    std::int64_t recovered = 0;            // may be closed, as far as its bursts go
    std::int64_t closed = -1'000'000'000;  // by an auto-precharge
  };

  struct Clock {
    std::int64_t until = 0, started = -10;
  };

  void fault(const char* name, const IssuedCommand& command, const std::string& what) {
    faults_.push_back(fmt::format("{}: {} in cycle {}", name, what, command.cycle));
  }
  std::uint32_t group(std::uint32_t bank) const { return bank / device_.geometry.banks_per_group; }

  std::uint32_t rank(std::uint32_t bank) const { return bank / device_.geometry.banks_per_rank(); }

  bool stands(Place place, const IssuedCommand& before, const IssuedCommand& after) const {
    switch (place) {
      case Place::same_rank: return rank(before.bank) == rank(after.bank);
      case Place::same_bank: return before.bank == after.bank;
      case Place::same_group: return group(before.bank) == group(after.bank);
      case Place::other_rank: return rank(before.bank) != rank(after.bank);
    }
    return false;
  }

  void check_pairs(std::size_t i) {
    const IssuedCommand& after = commands_[i];
    for (std::size_t j = i; j-- > 0;) {
      const IssuedCommand& before = commands_[j];
      const auto distance = static_cast<std::int64_t>(after.cycle - before.cycle);
      if (distance >= longest_) break;
      for (const Rule& rule : rules_) {
        if (rule.before != before.command || rule.after != after.command) continue;
        if (!stands(rule.place, before, after) || distance >= rule.distance) continue;
        fault(rule.name, after, fmt::format("{} cycles, at least {}", distance, rule.distance));
      }
    }
  }

  // One command a cycle on each command bus.
  void check_bus(std::size_t i) {
    const IssuedCommand& after = commands_[i];
    for (std::size_t j = i; j-- > 0;) {
      const IssuedCommand& before = commands_[j];
      const std::uint64_t long_activate =
          before.command == Command::activate ? t_.activate_cycles : 1;
      const bool same_bus =
          !t_.split_command_bus || is_column(before.command) == is_column(after.command);
      if (same_bus && after.cycle < before.cycle + long_activate) {
        fault("command bus", after, "two commands");
      }
      if (before.cycle + 2 < after.cycle) break;
    }
  }

  void check_state(const IssuedCommand& command) {
    Bank& bank = banks_[command.bank];
    const auto at = static_cast<std::int64_t>(command.cycle);
    switch (command.command) {
      case Command::activate:
        if (bank.row) fault("state", command, "activation of an open bank");
        if (at < bank.closed + t_.precharge - (t_.activate_cycles - 1)) {
          fault("tRP", command, "activation too early after an auto-precharge");
        }
        if (second_due_) fault("tAAD", command, "ACT-1 between ACT-1 and ACT-2");
        bank.row = command.row;
        bank.activated = at;
        if (t_.activate_second > 0) second_due_ = at + t_.activate_second;
        second_bank_ = command.bank;
        break;
      case Command::activate_second:
        if (!second_due_ || second_bank_ != command.bank) {
          fault("tAAD", command, "ACT-2 without ACT-1");
        } else if (at > *second_due_) {
          fault("tAAD", command, "ACT-2 too late");
        }
        second_due_.reset();
        break;
      case Command::read:
      case Command::write:
        if (bank.row != command.row) fault("state", command, "a row that is not open");
        if (second_due_ && second_bank_ == command.bank) {
          fault("tAAD", command, "a row half open");
        }
        check_clock(command);
        bank.recovered = std::max(bank.recovered, at + (command.command == Command::read
                                                            ? std::int64_t{t_.read_to_precharge}
                                                            : std::int64_t{t_.write_latency} +
                                                                  t_.burst + t_.write_recovery));
        if (command.closes) {
          bank.closed =
              std::max(bank.recovered, bank.activated + (t_.activate_cycles - 1) + t_.row_active);
          bank.row.reset();
        }
        break;
      case Command::precharge:
        if (!bank.row) fault("state", command, "precharge of a closed bank");
        bank.row.reset();
        break;
      case Command::precharge_all:
        for (auto& each : banks_) {
          if (rank(each.first) == rank(command.bank)) each.second.row.reset();
        }
        break;
      case Command::refresh_all:
        for (const auto& each : banks_) {
          if (rank(each.first) != rank(command.bank)) continue;
          if (each.second.row) fault("state", command, "refresh with an open bank");
          check_closed(each.second, command);
        }
        break;
      case Command::refresh_bank:
        if (bank.row) fault("state", command, "refresh of an open bank");
        check_closed(bank, command);
        break;
      case Command::data_clock: clocks_[rank(command.bank)].started = at; break;
    }
  }

  // A refresh comes tRP after an auto-precharge, too.
  void check_closed(const Bank& bank, const IssuedCommand& refresh) {
    if (static_cast<std::int64_t>(refresh.cycle) < bank.closed + t_.precharge) {
      fault("tRP", refresh, "refresh too early after an auto-precharge");
    }
  }

  // The data clock runs when a column command comes, or was started the cycle before.
  void check_clock(const IssuedCommand& command) {
    if (t_.data_clock_postamble == 0) return;
    const auto at = static_cast<std::int64_t>(command.cycle);
    Clock& clock = clocks_[rank(command.bank)];
    if (at >= clock.until && clock.started != at - 1) {
      fault("tWCKPST", command, "no data clock");
    }
    const std::int64_t latency =
        command.command == Command::read ? t_.read_latency : t_.write_latency;
    clock.until = std::max(clock.until, at + latency + t_.burst + t_.data_clock_postamble);
  }

  void check_four_activates() {
    std::map<std::uint32_t, std::vector<const IssuedCommand*>> of_rank;
    for (const IssuedCommand& command : commands_) {
      if (command.command == Command::activate) of_rank[rank(command.bank)].push_back(&command);
    }
    for (const auto& [number, activates] : of_rank) {
      for (std::size_t i = 4; i < activates.size(); ++i) {
        if (activates[i]->cycle - activates[i - 4]->cycle < t_.four_activates) {
          fault("tFAW", *activates[i], "a fifth activation");
        }
      }
    }
  }

  // No two bursts on the data bus at once.
  void check_data() {
    std::map<std::uint64_t, const IssuedCommand*> starts;
    for (const IssuedCommand& command : commands_) {
      if (!is_column(command.command)) continue;
      const std::uint64_t latency =
          command.command == Command::read ? t_.read_latency : t_.write_latency;
      if (!starts.emplace(command.cycle + latency, &command).second) {
        fault("data bus", command, "two bursts");
      }
    }
    for (auto it = starts.begin(); it != starts.end() && std::next(it) != starts.end(); ++it) {
      if (std::next(it)->first < it->first + t_.burst) {
        fault("data bus", *std::next(it)->second, "two bursts");
      }
    }
  }

  const DramDevice& device_;
  const Timing& t_;
  std::span<const IssuedCommand> commands_;
  std::vector<Rule> rules_;
  std::int64_t longest_ = 0;
  std::map<std::uint32_t, Bank> banks_;
  std::optional<std::int64_t> second_due_;
  std::uint32_t second_bank_ = 0;
  std::map<std::uint32_t, Clock> clocks_;  // of the ranks
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> dram_faults(const DramDevice& device,
                                     std::span<const IssuedCommand> commands) {
  return Checker(device, commands).run();
}

}  // namespace spillway::tests
