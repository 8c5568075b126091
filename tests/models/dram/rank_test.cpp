// Several ranks on a channel: what each has for itself, and what they share. That the channel does
// so in all traffic is compared with the plain oracle in channel_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "models/dram/channel.hpp"
#include "models/dram/energy.hpp"
#include "models/dram/placement.hpp"
#include "tests/support/dram_checker.hpp"
#include "tests/support/dram_requests.hpp"
#include "workloads/support/error.hpp"

namespace spillway::rank_test {

using namespace spillway::models::dram;
using spillway::tests::commands_of;
using spillway::tests::dram_faults;
using spillway::workloads::InputError;

namespace {

constexpr Command ACT = Command::activate, RD = Command::read, WR = Command::write,
                  REF = Command::refresh_all;

/// Two ranks, without refresh and with the rank above and the columns below all others but rows.
DramDevice two_ranks(const char* name, std::uint32_t tRTRS) {
  DramDevice device = dram_device(name, {"geometry.ranks=2", "mapping=RoRaBaBgCo"});
  device.timing.rank_to_rank = tRTRS;
  device.controller.refresh = RefreshMode::none;
  return device;
}

Request at_rank(const DramDevice& device, std::uint64_t rank, bool is_write = false,
                std::uint64_t cycle = 0, std::uint64_t bank = 0, std::uint64_t column = 0) {
  const Geometry& g = device.geometry;
  return {((rank * g.banks_per_rank() + bank) * g.bursts_per_row + column) * g.burst_bytes,
          is_write, cycle};
}

std::vector<IssuedCommand> only(std::vector<IssuedCommand> commands,
                                const std::vector<Command>& kinds) {
  std::erase_if(commands, [&](const IssuedCommand& command) {
    return std::find(kinds.begin(), kinds.end(), command.command) == kinds.end();
  });
  return commands;
}

/// The second of two bursts on different ranks follows after `distance` cycles, both rows being
/// open, and a cycle earlier the checker refuses it.
void check_switch(DramDevice device, bool first_writes, bool second_writes,
                  std::uint64_t distance) {
  CAPTURE(first_writes);
  CAPTURE(second_writes);
  for (const Scheduler scheduler : {Scheduler::row_hits_first, Scheduler::bank_queues}) {
    CAPTURE(scheduler_name(scheduler));
    device.controller.scheduler = scheduler;
    if (scheduler == Scheduler::bank_queues) {
      device.controller.write_high = device.controller.write_low = 0;
    }
    // Reads open the rows of both ranks long before.
    std::vector<IssuedCommand> commands = commands_of(
        device, {at_rank(device, 0), at_rank(device, 1), at_rank(device, 0, first_writes, 1000),
                 at_rank(device, 1, second_writes, 1000)});
    REQUIRE(dram_faults(device, commands).empty());
    const std::vector<IssuedCommand> columns = only(commands, {RD, WR});
    REQUIRE(columns.size() == 4);
    CHECK(columns[2].bank == 0);
    CHECK(columns[3].bank == device.geometry.banks_per_rank());
    CHECK(columns[3].cycle - columns[2].cycle == distance);
    --commands.back().cycle;
    CHECK_FALSE(dram_faults(device, commands).empty());
  }
}

std::string refusal(const char* name, const std::vector<spillway::workloads::Assignment>& values) {
  try {
    dram_device(name, values);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE(
    "the data bus rests for tRTRS between bursts of different ranks unless both are written") {
  // DDR4-2400 with the distances that DRAMsim3 and Ramulator 2.1 have for two ranks.
  const DramDevice ddr4 = two_ranks("ddr4-2400", 2);
  check_switch(ddr4, false, false, 4 + 2);
  check_switch(ddr4, true, true, 4);
  check_switch(ddr4, false, true, 17 + 4 + 2 - 12);
  // A write's data end early enough for the read to follow in the next cycle.
  const auto distance = [](const DramDevice& device) {
    return device.timing.other_rank(true, false);
  };
  CHECK(distance(ddr4) == 12 + 4 + 2 - 17);
  CHECK(distance(two_ranks("lpddr4-3200", 1)) == 14 + 8 + 1 - 28);  // no limit
  const DramDevice lpddr4 = two_ranks("lpddr4-3200", 1);
  check_switch(lpddr4, false, false, 8 + 1);
  check_switch(lpddr4, true, true, 8);
  check_switch(lpddr4, false, true, 28 + 8 + 1 - 14);
  const DramDevice slow = two_ranks("ddr4-2400", 9);
  check_switch(slow, false, false, 4 + 9);
  check_switch(slow, true, true, 4);
}

TEST_CASE("a read follows a write to another rank without tWTR") {
  DramDevice device = two_ranks("ddr4-2400", 9);
  device.controller.write_high = 1;
  const std::vector<IssuedCommand> columns =
      only(commands_of(device, {at_rank(device, 0, true), at_rank(device, 1, true),
                                at_rank(device, 0, true, 1000), at_rank(device, 1, false, 1001)}),
           {RD, WR});
  REQUIRE(columns.size() == 4);
  // 12 + 4 + 9 - 17, where the same rank would wait for 12 + 4 + 3 and more.
  CHECK(columns[3].cycle - columns[2].cycle == 8);
}

TEST_CASE("ranks activate without regard to each other's tRRD and tFAW") {
  const DramDevice device = two_ranks("ddr4-2400", 2);
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 10; ++i) {
    requests.push_back(at_rank(device, i % 2, false, 0, i / 2));
  }
  std::vector<IssuedCommand> commands = commands_of(device, requests);
  REQUIRE(dram_faults(device, commands).empty());
  const std::vector<IssuedCommand> activates = only(commands, {ACT});
  REQUIRE(activates.size() == 10);
  // One a cycle on the command bus; four of a rank within tRRD_S each, the fifth after tFAW.
  std::vector<std::uint64_t> of_rank[2];
  for (const IssuedCommand& each : activates) of_rank[each.bank / 16].push_back(each.cycle);
  for (const std::vector<std::uint64_t>& cycles : of_rank) {
    REQUIRE(cycles.size() == 5);
    CHECK(cycles[3] - cycles[0] == 3 * 4);
    CHECK(cycles[4] - cycles[0] == 26);
  }
  CHECK(of_rank[1][0] - of_rank[0][0] == 1);
}

TEST_CASE("each rank is refreshed once every tREFI, together or in turn") {
  for (const std::uint32_t ranks : {2u, 4u}) {
    for (const RankRefresh order : {RankRefresh::together, RankRefresh::in_turn}) {
      DramDevice device = dram_device(
          "ddr4-2400", {"geometry.ranks=" + std::to_string(ranks), "mapping=RoRaBaCoBg"});
      device.controller.rank_refresh = order;
      const std::uint64_t interval = 9360, last = 10 * interval + 500;
      std::vector<IssuedCommand> refreshes =
          only(commands_of(device, {at_rank(device, 0, false, last)}), {REF});
      CAPTURE(ranks);
      CHECK(refreshes.size() == 10 * ranks);
      for (std::uint64_t i = 0; i < refreshes.size(); ++i) {
        // An idle channel refreshes on time; at once means one after the other on the command bus.
        CHECK(refreshes[i].bank == i % ranks * 16);
        const std::uint64_t due = order == RankRefresh::together
                                      ? (i / ranks + 1) * interval + i % ranks
                                      : (i + 1) * (interval / ranks);
        CHECK(refreshes[i].cycle == due);
      }
    }
  }
}

TEST_CASE("with bank queues the other rank goes on while one is refreshed") {
  DramDevice device = with_controller(two_ranks("ddr4-2400", 2), Scheduler::bank_queues);
  device.controller.refresh = RefreshMode::all_bank;
  const std::uint64_t due = 9360 / 2;
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 60; ++i) {
    requests.push_back(at_rank(device, i % 2, false, due - 40 + 5 * i, 0, i / 2));
  }
  const std::vector<IssuedCommand> columns = only(commands_of(device, requests), {RD});
  std::uint64_t resting = 0, going = 0;
  for (const IssuedCommand& each : columns) {
    if (each.cycle < due || each.cycle > due + 350) continue;
    ++(each.bank < 16 ? resting : going);
  }
  CHECK(resting == 0);
  CHECK(going > 20);
}

TEST_CASE("every rank stands by, with open banks or without") {
  const DramDevice device = two_ranks("ddr4-2400", 2);
  Channel channel(device);
  channel.submit(at_rank(device, 0));
  channel.drain();
  const Statistics statistics = channel.statistics(1000);
  // Rank 0 opens a row in cycle 1, rank 1 never.
  CHECK(statistics.all_closed == 1 + 1000);
  const EnergyPerEvent each = *energy_per_event(device);
  CHECK(energy_of(device, statistics)->background ==
        doctest::Approx(999 * each.background_open + 1001 * each.background_closed));
  // What a command costs is one rank's.
  const EnergyPerEvent one = *energy_per_event(dram_device("ddr4-2400"));
  CHECK(each.activate == one.activate);
  CHECK(each.refresh == one.refresh);
  CHECK(each.background_open == one.background_open);
}

TEST_CASE("the data clock of each rank stops and is started by itself") {
  DramDevice device = two_ranks("lpddr5-6400", 2);
  const std::vector<IssuedCommand> starts =
      only(commands_of(device, {at_rank(device, 0), at_rank(device, 1)}), {Command::data_clock});
  REQUIRE(starts.size() == 2);
  CHECK(starts[0].bank == 0);
  CHECK(starts[1].bank == 16);
}

TEST_CASE("a digit of the mapping is the rank's, and ranks add to the device's size") {
  const DramDevice one = dram_device("ddr4-2400");
  const auto ranks_of = [&](const char* mapping, std::uint64_t stride) {
    DramDevice device =
        dram_device("ddr4-2400", {"geometry.ranks=2", std::string("mapping=") + mapping});
    device.controller.refresh = RefreshMode::none;
    std::vector<std::uint32_t> ranks;
    for (std::uint64_t i = 0; i < 4; ++i) {
      const auto commands = only(commands_of(device, {{i * stride, false, 0}}), {RD});
      ranks.push_back(commands.front().bank / 16);
    }
    CHECK(device.geometry.bytes() == 2 * one.geometry.bytes());
    CHECK(Allocator(device).place(device.geometry.bytes()) == 0);
    return ranks;
  };
  CHECK(ranks_of("RoBaCoBgRa", 64) == std::vector<std::uint32_t>{0, 1, 0, 1});
  CHECK(ranks_of("RoRaBaCoBg", 128 << 10) == std::vector<std::uint32_t>{0, 1, 0, 1});
  CHECK(ranks_of("RoRaBaCoBg", 64 << 10) == std::vector<std::uint32_t>{0, 0, 1, 1});
  CHECK(ranks_of("RoRaBaBgCo", 64) == std::vector<std::uint32_t>{0, 0, 0, 0});
}

TEST_CASE("with one rank its digit and its times change nothing") {
  CHECK(describe(dram_device("ddr4-2400", {"timing.tRTRS=7"})) ==
        describe(dram_device("ddr4-2400")));
  CHECK(refusal("ddr4-2400", {"mapping=RoRaBaCoBg"}) == "accepted");
  CHECK(describe(dram_device("ddr4-2400", {"geometry.ranks=2", "mapping=RoRaBaCoBg"})) !=
        describe(dram_device("ddr4-2400",
                             {"geometry.ranks=2", "mapping=RoRaBaCoBg", "timing.tRTRS=7"})));
}

TEST_CASE("ranks that cannot be are refused with what can") {
  const auto check = [](const std::vector<spillway::workloads::Assignment>& values,
                        const std::string& words) {
    const std::string message = refusal("ddr4-2400", values);
    CAPTURE(message);
    CHECK(message.find(words) != std::string::npos);
  };
  check({"geometry.ranks=2"}, "each of Ro, Ra, Ba, Bg and Co once, such as RoRaBaCoBg");
  check({"geometry.ranks=3"}, "a power of two");
  check({"geometry.ranks=8"}, "at most 64 banks in all ranks");
  check({"geometry.ranks=4", "mapping=RoRaBaCoBg", "timing.tREFI=644"},
        "tREFI > ranks * tRC + tRFC");
  check({"controller.rank_refresh=never"}, "together, in-turn");
  check({"timing.tRTRS=-1"}, "0 to 1048576 cycles");
  check({"mapping=RoRaRaCoBg"}, "RoBaCoBg");
}

}  // namespace spillway::rank_test
