// Each timing rule at its boundary: there is traffic in which the rule alone decides when a command
// goes out. It goes out as soon as the rule allows, and a cycle earlier the checker refuses it.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "models/dram/channel.hpp"
#include "tests/support/dram_checker.hpp"
#include "tests/support/dram_requests.hpp"

namespace spillway::timing_rules_test {

using namespace spillway::models::dram;
using spillway::tests::commands_of;
using spillway::tests::dram_faults;
using spillway::tests::plain_dram_device;
using spillway::tests::request;

namespace {

/// The places of the first two commands of these kinds, the second one after the first.
std::optional<std::pair<std::size_t, std::size_t>> find_pair(
    const std::vector<IssuedCommand>& commands, Command before, Command after) {
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (commands[i].command != before) continue;
    for (std::size_t j = i + 1; j < commands.size(); ++j) {
      if (commands[j].command == after) return std::pair(i, j);
    }
  }
  return std::nullopt;
}

/// The rule `name` decides when `after` follows `before`: after `distance` cycles, not one less;
/// whoever controls the channel.
void check_boundary(const char* name, DramDevice device, const std::vector<Request>& requests,
                    Command before, Command after, std::uint64_t distance,
                    const std::vector<Scheduler>& schedulers = {Scheduler::row_hits_first,
                                                                Scheduler::bank_queues}) {
  CAPTURE(name);
  for (const Scheduler scheduler : schedulers) {
    CAPTURE(scheduler_name(scheduler));
    device.controller.scheduler = scheduler;
    // No write waits for others.
    if (scheduler == Scheduler::bank_queues)
      device.controller.write_high = device.controller.write_low = 0;
    std::vector<IssuedCommand> commands = commands_of(device, requests);
    REQUIRE(dram_faults(device, commands).empty());
    const auto pair = find_pair(commands, before, after);
    REQUIRE(pair);
    const auto [i, j] = *pair;
    CHECK(commands[j].cycle - commands[i].cycle == distance);
    --commands[j].cycle;
    std::stable_sort(commands.begin(), commands.end(),
                     [](const auto& a, const auto& b) { return a.cycle < b.cycle; });
    const std::vector<std::string> faults = dram_faults(device, commands);
    CHECK(std::any_of(faults.begin(), faults.end(),
                      [&](const std::string& fault) { return fault.starts_with(name); }));
  }
}

constexpr Command ACT = Command::activate, RD = Command::read, WR = Command::write,
                  PRE = Command::precharge;

}  // namespace

TEST_CASE("tRCD: a column command waits for its row to open") {
  DramDevice device = plain_dram_device("ddr4-2400");
  check_boundary("tRCD", device, {request(device, {})}, ACT, RD, 17);
  device.timing.activate_to_write = 23;
  check_boundary("tRCDWR", device, {request(device, {}, true)}, ACT, WR, 23);
  device = plain_dram_device("gddr6-14000");
  check_boundary("tRCD", device, {request(device, {})}, ACT, RD, 27);
  check_boundary("tRCDWR", device, {request(device, {}, true)}, ACT, WR, 16);
}

TEST_CASE("tRAS and tRTP: a row stays open for its time and its reads") {
  DramDevice device = plain_dram_device("ddr4-2400");
  const std::vector<Request> conflict{request(device, {}), request(device, {.row = 1})};
  check_boundary("tRAS", device, conflict, ACT, PRE, 39);
  device.timing.read_to_precharge = 30;  // 17 + 30 > 39
  check_boundary("tRTP", device, conflict, RD, PRE, 30);
}

TEST_CASE("tWR: a row stays open for its writes") {
  const DramDevice device = plain_dram_device("ddr4-2400");
  check_boundary("tWR", device, {request(device, {}, true), request(device, {.row = 1}, true)}, WR,
                 PRE, 12 + 4 + 18);
}

TEST_CASE("tRP and tRC: a bank is precharged before the next row opens") {
  DramDevice device = plain_dram_device("ddr4-2400");
  const std::vector<Request> conflict{request(device, {}), request(device, {.row = 1})};
  check_boundary("tRP", device, conflict, PRE, ACT, 17);
  device.timing.row_cycle = 70;
  check_boundary("tRC", device, conflict, ACT, ACT, 70);
}

TEST_CASE("tCCD: column commands keep apart within a group and between groups") {
  DramDevice device = plain_dram_device("ddr4-2400");
  const std::vector<Request> same{request(device, {}), request(device, {.column = 1})};
  check_boundary("tCCD_L", device, same, RD, RD, 6);
  std::vector<Request> written = same;
  for (Request& each : written) each.is_write = true;
  check_boundary("tCCD_L", device, written, WR, WR, 6);
  device.timing.column_other = 6;  // more than tRRD_S, which would hide it
  device.timing.column_same = 8;
  const std::vector<Request> other{request(device, {}), request(device, {.group = 1})};
  check_boundary("tCCD_S", device, other, RD, RD, 6);
  written = other;
  for (Request& each : written) each.is_write = true;
  check_boundary("tCCD_S", device, written, WR, WR, 6);
}

TEST_CASE("tRRD: activations keep apart within a group and between groups") {
  const DramDevice device = plain_dram_device("ddr4-2400");
  check_boundary("tRRD_S", device, {request(device, {}), request(device, {.group = 1})}, ACT, ACT,
                 4);
  check_boundary("tRRD_L", device, {request(device, {}), request(device, {.bank = 1})}, ACT, ACT,
                 6);
}

TEST_CASE("tFAW: a fifth activation waits for the window of four") {
  const DramDevice device = plain_dram_device("ddr4-2400");
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 5; ++i) {
    requests.push_back(request(device, {.group = i % 4, .bank = i / 4}));
  }
  std::vector<IssuedCommand> commands = commands_of(device, requests);
  REQUIRE(dram_faults(device, commands).empty());
  std::vector<IssuedCommand*> activates;
  for (IssuedCommand& command : commands) {
    if (command.command == ACT) activates.push_back(&command);
  }
  REQUIRE(activates.size() == 5);
  CHECK(activates[4]->cycle - activates[0]->cycle == 26);
  --activates[4]->cycle;
  std::stable_sort(commands.begin(), commands.end(),
                   [](const auto& a, const auto& b) { return a.cycle < b.cycle; });
  const std::vector<std::string> faults = dram_faults(device, commands);
  CHECK(std::any_of(faults.begin(), faults.end(),
                    [](const std::string& fault) { return fault.starts_with("tFAW"); }));
}

TEST_CASE("tWTR and tRTW: the bus turns round") {
  DramDevice device = plain_dram_device("ddr4-2400");
  // The write is first, since nothing else is there when it comes.
  check_boundary("tWTR_S", device, {request(device, {}, true), request(device, {.group = 1})}, WR,
                 RD, 12 + 4 + 3);
  check_boundary("tWTR_L", device, {request(device, {}, true), request(device, {.bank = 1})}, WR,
                 RD, 12 + 4 + 9);
  device.timing.read_to_write = 14;
  check_boundary("tRTW", device, {request(device, {}), request(device, {.group = 1}, true)}, RD, WR,
                 14);
  device = plain_dram_device("lpddr5-6400");
  device.timing.data_clock_postamble = 0;  // or the read would wait for a CAS as well
  check_boundary("tWTR_L", device, {request(device, {}, true), request(device, {.bank = 1})}, WR,
                 RD, 9 + 4 + 10);
}

TEST_CASE("tPPD: precharges keep apart") {
  DramDevice device = plain_dram_device("lpddr4-3200");
  device.timing.precharge_interval = 40;
  device.timing.activate_other = device.timing.activate_same = 16;
  check_boundary("tPPD", device,
                 {request(device, {}), request(device, {.bank = 1}), request(device, {.row = 1}),
                  request(device, {.bank = 1, .row = 1})},
                 PRE, PRE, 40);
}

TEST_CASE("tREFI and tRFC: all banks are refreshed on time and rest for theirs") {
  DramDevice device = plain_dram_device("ddr4-2400");
  device.controller.refresh = RefreshMode::all_bank;
  // An idle channel refreshes when it is time. The burst comes while the second one runs.
  const std::vector<Request> late{request(device, {}, false, 2 * 9360 + 5)};
  const std::vector<IssuedCommand> commands = commands_of(device, late);
  REQUIRE(commands.size() == 4);
  CHECK(commands[0].command == Command::refresh_all);
  CHECK(commands[0].cycle == 9360);
  CHECK(commands[1].cycle == 2 * 9360);
  check_boundary("tRFC", device, {request(device, {}, false, 9365)}, Command::refresh_all, ACT,
                 420);
  // Open banks are closed first: all at once, or one by one.
  device.timing.precharge_all = 21;
  check_boundary("tRPab", device, {request(device, {}), request(device, {}, false, 9365)},
                 Command::precharge_all, Command::refresh_all, 21, {Scheduler::row_hits_first});
  check_boundary("tRP", device, {request(device, {}), request(device, {}, false, 9365)}, PRE,
                 Command::refresh_all, 17, {Scheduler::bank_queues});
}

TEST_CASE("tRP: a refresh waits for a row that closes by itself") {
  DramDevice device = plain_dram_device("lpddr4-3200");
  device.controller.page = PagePolicy::closed;
  device.timing.read_to_precharge = 60;  // later than tRAS and tRC would have it
  // A burst before the refresh is due and one after it, for which it does not wait.
  device.controller.refresh = RefreshMode::all_bank;
  check_boundary("tRP", device,
                 {request(device, {}, false, 6200), request(device, {.bank = 1}, false, 7000)}, RD,
                 Command::refresh_all, 60 + 29);
  device.controller.refresh = RefreshMode::per_bank;
  check_boundary("tRP", device,
                 {request(device, {}, false, 740), request(device, {.bank = 1}, false, 1200)}, RD,
                 Command::refresh_bank, 60 + 29);
}

TEST_CASE("tRFCpb and tRREFD: one bank is refreshed while others work") {
  DramDevice device = plain_dram_device("lpddr4-3200");
  device.controller.refresh = RefreshMode::per_bank;
  check_boundary("tRFCpb", device, {request(device, {}, false, 785)}, Command::refresh_bank, ACT,
                 224);
  check_boundary("tRREFD", device, {request(device, {.bank = 3}, false, 780)},
                 Command::refresh_bank, ACT, 16);
  // Bank after bank, one every tREFIpb.
  const std::vector<IssuedCommand> commands =
      commands_of(device, {request(device, {}, false, 3 * 780 + 300)});
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(commands[i].command == Command::refresh_bank);
    CHECK(commands[i].bank == i);
    CHECK(commands[i].cycle == (i + 1) * 780);
  }
}

TEST_CASE("tAAD: ACT-2 follows ACT-1 in the first free cycle and no later than allowed") {
  DramDevice device = plain_dram_device("lpddr5-6400");
  const std::vector<IssuedCommand> alone = commands_of(device, {request(device, {})});
  REQUIRE(alone.size() == 4);
  CHECK(alone[0].command == ACT);
  CHECK(alone[1].command == Command::activate_second);
  CHECK(alone[1].cycle - alone[0].cycle == 1);
  std::vector<IssuedCommand> late = alone;
  late[1].cycle = alone[0].cycle + 8;
  CHECK(dram_faults(device, late).empty());
  ++late[1].cycle;
  const std::vector<std::string> faults = dram_faults(device, late);
  REQUIRE(!faults.empty());
  CHECK(faults.front().starts_with("tAAD"));
}

TEST_CASE("tWCKPST: a column command after the data clock stopped is preceded by a CAS") {
  const DramDevice device = plain_dram_device("lpddr5-6400");
  // The clock runs until the first burst's data and the postamble are over: 17 + 2 + 1 cycles.
  const auto second_with_cas = [&](std::uint64_t apart) {
    // The first burst opens the row and is read in cycle 1 + 15 and one for its CAS.
    const std::uint64_t first = 17, arrival = first + apart - 1;
    const std::vector<IssuedCommand> commands =
        commands_of(device, {request(device, {}), request(device, {.column = 1}, false, arrival)});
    REQUIRE(dram_faults(device, commands).empty());
    REQUIRE(commands[3].command == RD);
    REQUIRE(commands[3].cycle == first);
    return commands[4].command == Command::data_clock;
  };
  CHECK_FALSE(second_with_cas(19));
  CHECK(second_with_cas(20));
}

TEST_CASE("an ACT of two cycles counts from its second") {
  const DramDevice device = plain_dram_device("hbm2-2000");
  check_boundary("tRCD", device, {request(device, {})}, ACT, RD, 14 + 1);
  check_boundary("tRP", device, {request(device, {}), request(device, {.row = 1})}, PRE, ACT,
                 14 - 1);
  check_boundary("tRRD_L", device, {request(device, {}), request(device, {.bank = 1})}, ACT, ACT,
                 6);
}

TEST_CASE("a full queue holds up the next request until a place is free") {
  DramDevice device = plain_dram_device("ddr4-2400");
  device.controller.read_queue = device.controller.window = 4;
  Channel channel(device);
  // One row: the first burst leaves at its activation in cycle 1, the others one tCCD_L apart.
  std::vector<std::uint64_t> accepted;
  for (std::uint64_t i = 0; i < 8; ++i)
    accepted.push_back(channel.submit(request(device, {.column = i})));
  CHECK(accepted == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 24, 30, 36});
}

TEST_CASE("writing begins above the high watermark and ends below the low one") {
  DramDevice device = plain_dram_device("ddr4-2400");
  device.controller.write_queue = 16;
  device.controller.write_high = 8;
  device.controller.write_low = 3;
  // Reads of an open row without end, and writes to another one that pile up meanwhile.
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 40; ++i) {
    requests.push_back(request(device, {.column = i}));
    if (i < 9) requests.push_back(request(device, {.group = 1, .column = i}, true));
  }
  const std::vector<IssuedCommand> commands = commands_of(device, requests);
  std::vector<Command> columns;
  for (const IssuedCommand& command : commands) {
    if (command.command == RD || command.command == WR) columns.push_back(command.command);
  }
  // Nine writes wait when writing begins. Six go out and two are left when reading goes on.
  const auto first_write = std::find(columns.begin(), columns.end(), WR);
  REQUIRE(first_write != columns.end());
  const auto reading = std::find(first_write, columns.end(), RD);
  CHECK(reading - first_write == 7);
  CHECK(std::count(reading, columns.end(), WR) == 2);
}

TEST_CASE("an older burst of an open row is served before its row is closed") {
  const DramDevice device = plain_dram_device("ddr4-2400");
  const std::vector<IssuedCommand> commands =
      commands_of(device, {request(device, {}), request(device, {.column = 1}),
                           request(device, {.row = 1}), request(device, {.column = 2})});
  std::vector<std::uint64_t> rows;
  for (const IssuedCommand& command : commands) {
    if (command.command == RD) rows.push_back(command.row);
  }
  // The last one is younger than the burst of the other row, but its row is open.
  CHECK(rows == std::vector<std::uint64_t>{0, 0, 0, 1});
}

TEST_CASE("with closed pages the last burst of a row closes it") {
  DramDevice device = plain_dram_device("ddr4-2400");
  device.controller.page = PagePolicy::closed;
  const std::vector<IssuedCommand> commands =
      commands_of(device, {request(device, {}), request(device, {.column = 1}),
                           request(device, {.row = 1}, false, 200)});
  std::vector<bool> closes;
  for (const IssuedCommand& command : commands) {
    CHECK(command.command != PRE);
    if (command.command == RD) closes.push_back(command.closes);
  }
  CHECK(closes == std::vector<bool>{false, true, true});
}

TEST_CASE("bursts beyond the window wait until they come into it") {
  DramDevice device = plain_dram_device("ddr4-2400");
  // Two rows of one bank and then a burst of another bank, which could go first.
  const std::vector<Request> requests{request(device, {}), request(device, {.row = 1}),
                                      request(device, {.row = 2}), request(device, {.group = 1})};
  const auto place_of_group_1 = [&](std::uint32_t window) {
    device.controller.window = window;
    std::size_t place = 0;
    for (const IssuedCommand& command : commands_of(device, requests)) {
      if (command.command != RD) continue;
      if (command.bank / device.geometry.banks_per_group == 1) return place;
      ++place;
    }
    return place;
  };
  CHECK(place_of_group_1(32) == 1);
  CHECK(place_of_group_1(1) == 3);
}

}  // namespace spillway::timing_rules_test
