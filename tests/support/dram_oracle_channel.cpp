#include "tests/support/dram_oracle_channel.hpp"

namespace spillway::tests {

using namespace models::dram;

OracleChannel::OracleChannel(const DramDevice& device)
    : device_(device),
      t_(device.timing),
      banks_(device.geometry.banks()),
      ranks_(device.geometry.ranks) {
  group_activate_.fill(never);
  group_read_.fill(never);
  group_write_.fill(never);
}

OracleResult OracleChannel::run(std::span<const Request> requests) {
  next_refresh_ = refresh_interval();
  for (now_ = 1; !requests.empty() || waiting(); ++now_) {
    if (!requests.empty() && accept(requests.front())) requests = requests.subspan(1);
    no_more_ = requests.empty();
    cycle();
  }
  return std::move(result_);
}

bool OracleChannel::accept(const Request& request) {
  if (static_cast<Cycle>(request.earliest_cycle) >= now_) return false;
  std::deque<Entry>& queue = request.is_write ? writes_ : reads_;
  const Controller& c = device_.controller;
  if (queue.size() >= (request.is_write ? c.write_queue : c.read_queue)) return false;
  queue.push_back(entry_of(request));
  return true;
}

OracleChannel::Entry OracleChannel::entry_of(const Request& request) const {
  Entry entry;
  entry.arrival = now_ - 1;
  entry.is_write = request.is_write;
  std::uint64_t rest = request.address / device_.geometry.burst_bytes, in_group = 0, bank_group = 0,
                in_rank = 0;
  const auto digit = [&rest](std::uint64_t size) {
    const std::uint64_t value = rest % size;
    rest /= size;
    return value;
  };
  for (const Digit d : device_.mapping) {
    if (d == Digit::bank_group) bank_group = digit(device_.geometry.bank_groups);
    if (d == Digit::rank) in_rank = digit(device_.geometry.ranks);
    if (d == Digit::bank) in_group = digit(device_.geometry.banks_per_group);
    if (d == Digit::column)
      entry.column = static_cast<std::uint32_t>(digit(device_.geometry.bursts_per_row));
    if (d == Digit::row) entry.row = digit(device_.geometry.rows_per_bank);
  }
  entry.bank = static_cast<std::uint32_t>(in_rank * device_.geometry.banks_per_rank() +
                                          bank_group * device_.geometry.banks_per_group + in_group);
  return entry;
}

OracleChannel::Command OracleChannel::needed(const Entry& entry) const {
  const Bank& bank = banks_[entry.bank];
  if (!bank.row) return Command::activate;
  if (*bank.row != entry.row) return Command::precharge;
  return entry.is_write ? Command::write : Command::read;
}

// ---- when a command may go out

// When the data of a burst may begin, as far as the bursts of other ranks go.
OracleChannel::Cycle OracleChannel::data_from(std::uint32_t bank, bool is_write) const {
  Cycle at = never;
  for (std::uint32_t r = 0; r < ranks_.size(); ++r) {
    if (r == rank(bank)) continue;
    const Cycle read_end = ranks_[r].last_read + t_.read_latency + t_.burst;
    const Cycle write_end = ranks_[r].last_write + t_.write_latency + t_.burst;
    at = std::max(
        {at, read_end + t_.rank_to_rank, is_write ? write_end : write_end + t_.rank_to_rank});
  }
  return at;
}

OracleChannel::Cycle OracleChannel::activate_from(std::uint32_t bank) const {
  const Rank& rank = rank_of(bank);
  Cycle at = std::max(banks_[bank].activate, rank.all_activate);
  at = std::max(at, rank.last_activate + t_.activate_other);
  if (rank.activates.size() >= 4)
    at = std::max(at, rank.activates[rank.activates.size() - 4] + t_.four_activates);
  at = std::max(at, group_activate_[group(bank)] + t_.activate_same);
  return std::max(at - t_.activate_cycles + 1, row_bus_free_);
}

OracleChannel::Cycle OracleChannel::ready(Command command, std::uint32_t b) const {
  const Bank& bank = banks_[b];
  const Rank& rank = rank_of(b);
  const std::uint32_t g = group(b);
  switch (command) {
    case Command::activate: return activate_from(b);
    case Command::read:
      return std::max({bank.read, rank.last_read + t_.column_other, group_read_[g] + t_.column_same,
                       rank.last_write + t_.write_to_read(false),
                       group_write_[g] + t_.write_to_read(true),
                       data_from(b, false) - t_.read_latency});
    case Command::write:
      return std::max({bank.write, rank.last_write + t_.column_other,
                       group_write_[g] + t_.column_same, rank.last_read + t_.read_to_write,
                       data_from(b, true) - t_.write_latency});
    case Command::precharge:
      return std::max({bank.precharge, rank.last_precharge + t_.precharge_interval, row_bus_free_});
    case Command::precharge_all: {
      Cycle at = std::max(rank.last_precharge + t_.precharge_interval, row_bus_free_);
      for_rank(b, [&](const Bank& each) { at = std::max(at, each.precharge); });
      return at;
    }
    case Command::refresh_all: {
      Cycle at = row_bus_free_;
      for_rank(b, [&](const Bank& each) { at = std::max(at, each.refresh); });
      return at;
    }
    case Command::refresh_bank: return std::max(bank.refresh, row_bus_free_);
    case Command::activate_second:
    case Command::data_clock: break;
  }
  return never;
}

bool OracleChannel::clock_runs(std::uint32_t bank) const {
  return t_.data_clock_postamble == 0 || now_ < rank_of(bank).data_clock_until;
}

// ---- what a command does

void OracleChannel::issue(Command command, const Entry& entry, bool closes) {
  IssuedCommand issued{static_cast<std::uint64_t>(now_), command};
  issued.closes = closes;
  const bool whole_rank = command == Command::precharge_all || command == Command::refresh_all ||
                          command == Command::data_clock;
  issued.bank = whole_rank ? first_of_rank(entry.bank) : entry.bank;
  if (is_column(command)) issued.column = entry.column;
  if (is_column(command) || command == Command::activate || command == Command::activate_second) {
    issued.row = entry.row;
  }
  result_.commands.push_back(issued);
}

void OracleChannel::perform(Command command, const Entry& entry, bool closes) {
  Bank& bank = banks_[entry.bank];
  Rank& rank = rank_of(entry.bank);
  issue(command, entry, closes);
  switch (command) {
    case Command::activate: activate(bank, entry); break;
    case Command::read: read(bank, entry); break;
    case Command::write: write(bank, entry); break;
    case Command::precharge:
      bank.row.reset();
      bank.activate = std::max(bank.activate, now_ + t_.precharge);
      bank.refresh = std::max(bank.refresh, now_ + t_.precharge);
      rank.last_precharge = now_;
      break;
    case Command::precharge_all: precharge_rank(entry); break;
    case Command::refresh_all:
      rank.all_activate = std::max(rank.all_activate, now_ + t_.refresh);
      for_rank(entry.bank,
               [&](Bank& each) { each.refresh = std::max(each.refresh, now_ + t_.refresh); });
      break;
    case Command::refresh_bank: refresh_one_bank(bank, entry); break;
    case Command::activate_second:
    case Command::data_clock: break;
  }
  if (closes) {
    bank.row.reset();
    bank.activate = std::max(bank.activate, bank.precharge + t_.precharge);
    bank.refresh = std::max(bank.refresh, bank.precharge + t_.precharge);
  }
}

void OracleChannel::activate(Bank& bank, const Entry& entry) {
  const Cycle at = now_ + t_.activate_cycles - 1;
  bank.row = entry.row;
  bank.served = 0;
  bank.read = at + t_.activate_to_read;
  bank.write = at + t_.activate_to_write;
  bank.precharge = std::max(bank.precharge, at + t_.row_active);
  bank.activate = at + t_.row_cycle;
  bank.refresh = std::max(bank.refresh, at + t_.row_cycle);
  rank_of(entry.bank).last_activate = group_activate_[group(entry.bank)] = at;
  rank_of(entry.bank).activates.push_back(at);
  row_bus_free_ = now_ + t_.activate_cycles;
}

void OracleChannel::read(Bank& bank, const Entry& entry) {
  Rank& rank = rank_of(entry.bank);
  rank.last_read = group_read_[group(entry.bank)] = now_;
  bank.precharge = std::max(bank.precharge, now_ + t_.read_to_precharge);
  result_.read_latency_sum += now_ + t_.read_latency + t_.burst - entry.arrival;
  finish(now_ + t_.read_latency + t_.burst);
  rank.data_clock_until =
      std::max(rank.data_clock_until, now_ + t_.read_latency + t_.burst + t_.data_clock_postamble);
}

void OracleChannel::write(Bank& bank, const Entry& entry) {
  Rank& rank = rank_of(entry.bank);
  rank.last_write = group_write_[group(entry.bank)] = now_;
  bank.precharge = std::max(bank.precharge, now_ + t_.write_to_precharge());
  finish(now_);
  rank.data_clock_until =
      std::max(rank.data_clock_until, now_ + t_.write_latency + t_.burst + t_.data_clock_postamble);
}

void OracleChannel::precharge_rank(const Entry& entry) {
  Rank& rank = rank_of(entry.bank);
  for_rank(entry.bank, [&](Bank& each) {
    each.row.reset();
    each.activate = std::max(each.activate, now_ + t_.precharge);
    each.refresh = std::max(each.refresh, now_ + t_.precharge_all);
  });
  rank.all_activate = std::max(rank.all_activate, now_ + t_.precharge_all);
  rank.last_precharge = now_;
}

void OracleChannel::refresh_one_bank(Bank& bank, const Entry& entry) {
  Rank& rank = rank_of(entry.bank);
  bank.activate = std::max(bank.activate, now_ + t_.refresh_bank);
  for_rank(entry.bank,
           [&](Bank& each) { each.refresh = std::max(each.refresh, now_ + t_.refresh_bank); });
  rank.all_activate = std::max(rank.all_activate, now_ + t_.refresh_bank_to_activate);
}

bool OracleChannel::awaits_second(const Entry& entry) {
  if (t_.activate_second == 0) return false;
  second_ = entry;
  second_deadline_ = now_ + t_.activate_second;
  banks_[entry.bank].second_pending = true;
  return true;
}

OracleChannel::Entry OracleChannel::second_done() {
  const Entry entry = *second_;
  issue(Command::activate_second, entry);
  banks_[entry.bank].second_pending = false;
  second_.reset();
  return entry;
}

// ---- refreshes

OracleChannel::Cycle OracleChannel::refresh_interval() const {
  const Cycle each = per_bank() ? t_.refresh_bank_interval : t_.refresh_interval;
  return device_.controller.rank_refresh == RankRefresh::in_turn ? each / device_.geometry.ranks
                                                                 : each;
}

void OracleChannel::count_refreshes() {
  if (device_.controller.refresh == RefreshMode::none || now_ != next_refresh_) return;
  next_refresh_ += refresh_interval();
  const std::uint32_t ranks = device_.geometry.ranks, of_rank = device_.geometry.banks_per_rank();
  const bool together = device_.controller.rank_refresh == RankRefresh::together;
  for (std::uint32_t i = 0; i < (together ? ranks : 1); ++i, ++refreshes_) {
    const std::uint32_t first = refreshes_ % ranks * of_rank;
    due_.push_back(per_bank() ? first + refreshes_ / ranks % of_rank : first);
  }
}

bool OracleChannel::any_open(std::uint32_t bank) const {
  bool open = false;
  for_rank(bank, [&](const Bank& each) { open |= each.row.has_value(); });
  return open;
}

bool OracleChannel::any_in_use(std::uint32_t bank) const {
  if (second_ && rank(second_->bank) == rank(bank)) return true;
  for (std::uint32_t b = 0; b < banks_.size(); ++b) {
    if (rank(b) == rank(bank) && is_in_use(b)) return true;
  }
  return false;
}

bool OracleChannel::refresh_step() {
  Entry target;
  target.bank = due();
  Command command;
  if (per_bank()) {
    command = banks_[target.bank].row ? Command::precharge : Command::refresh_bank;
    if (command == Command::precharge &&
        (is_in_use(target.bank) || banks_[target.bank].second_pending))
      return false;
  } else {
    command = any_open(target.bank) ? Command::precharge_all : Command::refresh_all;
    if (command == Command::precharge_all && any_in_use(target.bank)) return false;
  }
  if (ready(command, target.bank) > now_) return false;
  perform(command, target);
  if (command == Command::refresh_all || command == Command::refresh_bank) due_.pop_front();
  return true;
}

}  // namespace spillway::tests
