// What the controller with a queue for each bank decides, case by case. That it decides so in all
// traffic is compared with the plain oracle in channel_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "models/dram/channel.hpp"
#include "models/dram/traces/pattern.hpp"
#include "tests/support/dram_requests.hpp"

namespace spillway::bank_queues_test {

using namespace spillway::models::dram;
using spillway::tests::commands_of;
using spillway::tests::request;

namespace {

DramDevice plain() {
  return with_controller(spillway::tests::plain_dram_device("ddr4-2400"), Scheduler::bank_queues);
}

std::vector<IssuedCommand> columns_of(const DramDevice& device,
                                      const std::vector<Request>& requests) {
  std::vector<IssuedCommand> columns = commands_of(device, requests);
  std::erase_if(columns, [](const IssuedCommand& command) {
    return command.command != Command::read && command.command != Command::write;
  });
  return columns;
}

}  // namespace

TEST_CASE("banks with row hits take turns") {
  const DramDevice device = plain();
  std::vector<Request> requests;
  // Three banks in three groups, one after the other.
  for (std::uint64_t group = 0; group < 3; ++group) {
    for (std::uint64_t column = 0; column < 6; ++column) {
      requests.push_back(request(device, {.group = group, .column = column}));
    }
  }
  const std::vector<IssuedCommand> columns = columns_of(device, requests);
  REQUIRE(columns.size() == 18);
  // Once all three rows are open, it is one burst of each.
  std::vector<std::uint32_t> banks;
  for (std::size_t i = 0; i < columns.size(); ++i) banks.push_back(columns[i].bank);
  const auto third = std::find(banks.begin(), banks.end(), 8);
  REQUIRE(banks.end() - third > 6);
  CHECK(std::vector<std::uint32_t>(third, third + 6) ==
        std::vector<std::uint32_t>{8, 0, 4, 8, 0, 4});
}

TEST_CASE("an open row gives way to another after so many bursts, however many wait for it") {
  DramDevice device = plain();
  device.controller.bank_queue = 16;
  std::vector<Request> requests{request(device, {}), request(device, {.row = 1})};
  for (std::uint64_t column = 1; column < 12; ++column) {
    // Bank 0 gets its turn seldom enough for its row to be closed in between.
    for (std::uint64_t group = 0; group < 4; ++group) {
      requests.push_back(request(device, {.group = group, .column = column}));
    }
  }
  const auto before_other_row = [&](std::uint32_t row_hits) {
    device.controller.row_hits = row_hits;
    std::size_t bursts = 0;
    for (const IssuedCommand& command : columns_of(device, requests)) {
      if (command.bank != 0) continue;
      if (command.row == 1) break;
      ++bursts;
    }
    return bursts;
  };
  CHECK(before_other_row(1000) == 12);
  CHECK(before_other_row(4) >= 4);
  CHECK(before_other_row(4) < 12);
  CHECK(before_other_row(2) <= before_other_row(4));
}

TEST_CASE("all waiting writes move on together when their queue is full") {
  DramDevice device = plain();
  device.controller.write_queue = 8;
  device.controller.write_high = 7;
  device.controller.write_low = 4;
  // Reads of ever other rows of a bank keep it busy, and writes to another bank pile up meanwhile.
  const auto writes_during_reads = [&](std::uint64_t writes) {
    std::vector<Request> requests;
    for (std::uint64_t i = 0; i < 60; ++i) {
      requests.push_back(request(device, {.row = i}));
      if (i < writes) requests.push_back(request(device, {.group = 1, .column = i}, true));
    }
    const std::vector<IssuedCommand> columns = columns_of(device, requests);
    std::uint64_t count = 0, last_read = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].command == Command::read) last_read = i;
    }
    for (std::size_t i = 0; i < last_read; ++i) count += columns[i].command == Command::write;
    return count;
  };
  CHECK(writes_during_reads(7) == 0);
  CHECK(writes_during_reads(8) == 8);
}

TEST_CASE("writes are left until there are enough, and with nothing else to come all are written") {
  DramDevice device = plain();
  device.controller.write_low = 4;
  Channel channel(device);
  for (std::uint64_t i = 0; i < 4; ++i) channel.submit(request(device, {.column = i}, true));
  channel.advance(100'000);
  CHECK(channel.statistics().writes == 0);
  channel.submit(request(device, {.column = 4}, true));
  channel.advance(200'000);
  CHECK(channel.statistics().writes == 5);
  channel.submit(request(device, {.column = 5}, true));
  CHECK(channel.drain() > 200'000);
  CHECK(channel.statistics().writes == 6);
}

TEST_CASE("a request waits for room in the queue of its bank and others pass it") {
  DramDevice device = plain();
  device.controller.bank_queue = 2;
  device.controller.read_queue = 4;
  Channel channel(device);
  std::vector<std::uint64_t> accepted;
  for (std::uint64_t i = 0; i < 8; ++i) {
    accepted.push_back(channel.submit(request(device, {.column = i})));
  }
  // Two in the bank's queue, four before it. The row opens in cycle 1 and is read tRCD later, and
  // then every tCCD_L; in the cycle after, the next one is accepted.
  CHECK(accepted == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 19, 25});
  // Another bank's is not behind them: as soon as it is accepted its row is opened.
  std::uint64_t opened = 0;
  channel.observe([&](const IssuedCommand& command) {
    if (command.command == Command::activate) opened = command.cycle;
  });
  const std::uint64_t other = channel.submit(request(device, {.group = 1}));
  channel.drain();
  CHECK(opened == other + 1);
}

TEST_CASE("banks are precharged one by one for a refresh of all") {
  DramDevice device = plain();
  device.controller.refresh = RefreshMode::all_bank;
  Channel channel(device);
  std::vector<IssuedCommand> row_commands;
  channel.observe([&](const IssuedCommand& command) {
    if (command.command != Command::read) row_commands.push_back(command);
  });
  for (std::uint64_t group = 0; group < 3; ++group) {
    channel.submit(request(device, {.group = group}));
  }
  channel.advance(device.timing.refresh_interval + 100);
  REQUIRE(row_commands.size() == 7);
  const std::uint64_t due = device.timing.refresh_interval;
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(row_commands[3 + i].command == Command::precharge);
    CHECK(row_commands[3 + i].bank == 4 * i);
    CHECK(row_commands[3 + i].cycle == due + i);
  }
  CHECK(row_commands[6].command == Command::refresh_all);
  CHECK(row_commands[6].cycle == due + 2 + device.timing.precharge);
}

TEST_CASE("most of a stream is served as a whole") {
  const DramDevice device = dram_device("lpddr4-3200");
  for (const char* name : {"a_seq_rd", "b_seq_wr", "d_rw64k"}) {
    CAPTURE(name);
    Channel channel(device);
    Pattern pattern(name, spillway::workloads::Bytes(4 << 20), device.timing.burst);
    channel.serve(pattern);
    CHECK(channel.served_in_runs() > channel.statistics().bursts() * 3 / 4);
  }
}

}  // namespace spillway::bank_queues_test
