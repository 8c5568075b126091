// The DRAM channel on traffic at large: it gives the commands of the plain oracle, none of them
// breaks a rule, every request is served, and what is served as a whole takes as long as one by
// one.
#include "models/dram/channel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "models/dram/traces/pattern.hpp"
#include "tests/support/dram_checker.hpp"
#include "tests/support/dram_oracle.hpp"

namespace spillway::channel_test {

using namespace spillway::models::dram;
using spillway::tests::dram_faults;
using spillway::tests::dram_oracle;
using spillway::tests::OracleResult;

namespace {

struct Served {
  std::vector<IssuedCommand> commands;
  Statistics statistics;
};

Served serve(const DramDevice& device, const std::vector<Request>& requests) {
  Served result;
  Channel channel(device);
  channel.observe([&](const IssuedCommand& command) { result.commands.push_back(command); });
  for (const Request& request : requests) channel.submit(request);
  channel.drain();
  result.statistics = channel.statistics();
  return result;
}

struct VectorSource {
  const std::vector<Request>& requests;
  std::size_t made = 0;
  bool next(Request& request) {
    if (made == requests.size()) return false;
    request = requests[made++];
    return true;
  }
};

/// Runs, single bursts, both directions, paced or not, near each other or far apart.
std::vector<Request> random_traffic(std::mt19937_64& random, std::size_t bursts) {
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const std::uint64_t span = std::uint64_t{1} << (12 + below(18));
  const std::uint64_t longest = std::uint64_t{1} << below(11);
  const bool paced = below(3) == 0, reads_only = below(4) == 0;
  std::vector<Request> requests;
  std::uint64_t cycle = 0;
  while (requests.size() < bursts) {
    const std::uint64_t address = below(span) / 64 * 64, run = 1 + below(longest);
    const bool is_write = !reads_only && below(2) == 1;
    for (std::uint64_t i = 0; i < run; ++i) {
      requests.push_back({address + i * 64, is_write, paced ? cycle : 0});
      cycle += below(10);
    }
    if (below(40) == 0) cycle += below(20000);
  }
  return requests;
}

/// Runs from a few places near each other, which go on where they stopped, and single bursts in
/// between.
std::vector<Request> streaming_traffic(std::mt19937_64& random, std::size_t bursts) {
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const std::uint64_t row = std::uint64_t{2048} << below(3);
  std::vector<std::uint64_t> places(1 + below(4));
  for (std::uint64_t& place : places) place = below(12) * row + below(32) * 64;
  const std::uint64_t longest = 40 + below(300);
  std::vector<Request> requests;
  while (requests.size() < bursts) {
    std::uint64_t& place = places[below(places.size())];
    const bool is_write = below(2) == 1;
    for (std::uint64_t left = 1 + below(longest); left > 0; --left, place += 64) {
      requests.push_back({place, is_write});
    }
    if (below(2) == 0) requests.push_back({below(12) * row, !is_write});
    if (below(8) == 0) place = below(12) * row;
  }
  return requests;
}

DramDevice random_controller(DramDevice device, std::mt19937_64& random) {
  const auto up_to = [&](std::uint32_t n) { return 1 + static_cast<std::uint32_t>(random() % n); };
  Controller& controller = device.controller;
  controller.read_queue = up_to(40);
  controller.write_queue = 1 + up_to(39);
  controller.write_high = up_to(controller.write_queue - 1);
  controller.write_low = up_to(controller.write_high);
  controller.window = up_to(50);
  if (up_to(2) == 1) controller.scheduler = Scheduler::bank_queues;
  controller.bank_queue = up_to(12);
  controller.row_hits = up_to(6);
  controller.page = up_to(2) == 1 ? PagePolicy::open : PagePolicy::closed;
  const std::uint32_t refresh = up_to(3);
  controller.refresh = refresh == 1                                     ? RefreshMode::none
                       : refresh == 2 && device.timing.refresh_bank > 0 ? RefreshMode::per_bank
                                                                        : RefreshMode::all_bank;
  constexpr const char* mappings[] = {"RoBaCoBg", "RoBaBgCo", "CoRoBaBg", "BgBaRoCo"};
  return with_mapping(std::move(device), mappings[up_to(4) - 1]);
}

/// With two ranks or four, whose digit may be anywhere.
DramDevice random_ranks(DramDevice device, std::mt19937_64& random) {
  const auto below = [&](std::uint64_t n) { return random() % n; };
  device.geometry.ranks = below(3) == 0 && device.geometry.banks() <= 16 ? 4 : 2;
  device.timing.rank_to_rank = static_cast<std::uint32_t>(below(5));
  device.controller.rank_refresh = below(2) == 0 ? RankRefresh::together : RankRefresh::in_turn;
  constexpr const char* mappings[] = {"RoRaBaCoBg", "RoBaCoBgRa", "RoRaBaBgCo", "RoBaBgCoRa",
                                      "RoBaRaCoBg", "CoRoBaRaBg", "RaBgBaRoCo"};
  return with_mapping(std::move(device), mappings[below(7)]);
}

/// Commands of a kind, or of two.
std::uint64_t count(const std::vector<IssuedCommand>& commands, Command kind) {
  return static_cast<std::uint64_t>(
      std::count_if(commands.begin(), commands.end(),
                    [&](const IssuedCommand& command) { return command.command == kind; }));
}

void require_conserved(const DramDevice& device, const std::vector<Request>& requests,
                       const Served& served) {
  // Each request is one column command at its place.
  std::map<std::uint64_t, std::int64_t> balance;
  for (const Request& request : requests) {
    ++balance[request.address / 64 * 2 + (request.is_write ? 1 : 0)];
  }
  const Geometry& geometry = device.geometry;
  std::map<std::uint32_t, std::uint64_t> open, activated, closed;
  std::set<std::uint32_t> unused;
  std::uint64_t rows_used = 0;
  for (const IssuedCommand& command : served.commands) {
    if (command.command == Command::activate) {
      ++activated[command.bank];
      ++open[command.bank];
      unused.insert(command.bank);
    }
    const bool column = command.command == Command::read || command.command == Command::write;
    if (column) rows_used += unused.erase(command.bank);
    if (command.command == Command::precharge || (column && command.closes)) {
      ++closed[command.bank];
      --open[command.bank];
    }
    if (command.command == Command::precharge_all) {
      for (auto& [bank, rows] : open) {
        if (bank / device.geometry.banks_per_rank() !=
            command.bank / device.geometry.banks_per_rank()) {
          continue;
        }
        closed[bank] += rows;
        rows = 0;
      }
    }
    if (!column) continue;
    std::uint64_t number = 0, place = 1;
    for (const Digit digit : device.mapping) {
      const auto add = [&](std::uint64_t value, std::uint64_t size) {
        number += value * place;
        place *= size;
      };
      if (digit == Digit::bank_group)
        add(command.bank / geometry.banks_per_group % geometry.bank_groups, geometry.bank_groups);
      if (digit == Digit::bank)
        add(command.bank % geometry.banks_per_group, geometry.banks_per_group);
      if (digit == Digit::column) add(command.column, geometry.bursts_per_row);
      if (digit == Digit::rank) add(command.bank / geometry.banks_per_rank(), geometry.ranks);
      if (digit == Digit::row) add(command.row, geometry.rows_per_bank);
    }
    --balance[number * 2 + (command.command == Command::write ? 1 : 0)];
  }
  for (const auto& [burst, left] : balance) REQUIRE(left == 0);
  // An activation has its precharge, or the bank is open.
  for (const auto& [bank, rows] : activated) {
    REQUIRE(rows == closed[bank] + open[bank]);
    REQUIRE(open[bank] <= 1);
  }
  const Statistics& s = served.statistics;
  REQUIRE(s.reads == count(served.commands, Command::read));
  REQUIRE(s.writes == count(served.commands, Command::write));
  REQUIRE(s.bursts() == requests.size());
  REQUIRE(s.activates == count(served.commands, Command::activate));
  REQUIRE(s.precharges == count(served.commands, Command::precharge) +
                              count(served.commands, Command::precharge_all));
  REQUIRE(s.refreshes == count(served.commands, Command::refresh_all));
  REQUIRE(s.bank_refreshes == count(served.commands, Command::refresh_bank));
  REQUIRE(s.row_hits() + rows_used == s.bursts());
  if (device.controller.scheduler == Scheduler::row_hits_first) REQUIRE(rows_used == s.activates);
  // The bus is accounted for from the first cycle to the end of the last data.
  std::uint64_t data_end = 0;
  for (const IssuedCommand& command : served.commands) {
    const bool read = command.command == Command::read;
    if (!read && command.command != Command::write) continue;
    data_end =
        std::max(data_end, command.cycle + device.timing.burst +
                               (read ? device.timing.read_latency : device.timing.write_latency));
  }
  REQUIRE(s.busy + s.idle + s.lost_refresh + s.lost_turnaround + s.lost_row + s.lost_spacing ==
          data_end);
}

/// Visits the shipped devices, first as they are, then with random controllers, each with requests.
template <class Visit>
void for_random_traffic(unsigned seed, Visit visit) {
  std::mt19937_64 random(seed);
  for (int round = 0; round < 12; ++round) {
    for (const std::string& name : dram_device_names()) {
      DramDevice device = dram_device(name);
      if (round > 1) device = random_controller(std::move(device), random);
      if (round % 2 == 1) device = random_ranks(std::move(device), random);
      CAPTURE(name);
      CAPTURE(round);
      visit(device, random_traffic(random, 1500));
    }
  }
}

}  // namespace

TEST_CASE("a DRAM channel gives the commands of a controller that looks at every cycle") {
  for_random_traffic(1, [](const DramDevice& device, const std::vector<Request>& requests) {
    const Served served = serve(device, requests);
    const OracleResult oracle = dram_oracle(device, requests);
    const auto [ours, other] = std::mismatch(served.commands.begin(), served.commands.end(),
                                             oracle.commands.begin(), oracle.commands.end());
    CAPTURE(ours - served.commands.begin());
    REQUIRE(ours == served.commands.end());
    REQUIRE(other == oracle.commands.end());
    REQUIRE(served.statistics.finish == oracle.finish);
    REQUIRE(served.statistics.read_latency_sum == oracle.read_latency_sum);
  });
}

TEST_CASE("a DRAM channel breaks no timing rule and loses no request") {
  for_random_traffic(2, [](const DramDevice& device, const std::vector<Request>& requests) {
    const Served served = serve(device, requests);
    const std::vector<std::string> faults = dram_faults(device, served.commands);
    REQUIRE_MESSAGE(faults.empty(), (faults.empty() ? "" : faults.front()));
    require_conserved(device, requests, served);
  });
}

TEST_CASE("runs of row hits take as long as their bursts one by one") {
  std::mt19937_64 random(3);
  std::map<Scheduler, std::uint64_t> streams, in_runs;
  for (int round = 0; round < 300; ++round) {
    for (const std::string& name : dram_device_names()) {
      DramDevice device = dram_device(name);
      if (round > 4) device = random_controller(std::move(device), random);
      if (round % 3 == 1) device = random_ranks(std::move(device), random);
      CAPTURE(name);
      CAPTURE(round);
      const std::vector<Request> requests =
          round % 4 == 0 ? random_traffic(random, 6000) : streaming_traffic(random, 3000);
      Channel one(device), whole(device);
      const auto require_same = [&] {
        bool same = whole.statistics() == one.statistics();
        for (std::uint8_t who = 0; who < most_requesters; ++who) {
          same &= whole.outstanding_reads(who) == one.outstanding_reads(who);
          same &= whole.reads_done(who) == one.reads_done(who);
        }
        REQUIRE(same);
      };
      // Each run has a requester of its own.
      for (std::size_t begin = 0, end = 0; begin < requests.size(); begin = end) {
        Request first = requests[begin];
        first.requester = static_cast<std::uint8_t>(random() % most_requesters);
        std::uint64_t accepted = 0;
        for (end = begin; end < requests.size(); ++end) {
          Request request = first;
          request.address += (end - begin) * 64;
          if (request.address != requests[end].address ||
              request.is_write != requests[end].is_write ||
              request.earliest_cycle != requests[end].earliest_cycle) {
            break;
          }
          accepted = one.submit(request);
        }
        REQUIRE(whole.submit_run(first, end - begin) == accepted);
        require_same();
      }
      one.drain();
      whole.drain();
      require_same();
      REQUIRE(one.served_in_runs() == 0);
      streams[device.controller.scheduler] += whole.statistics().row_hits();
      in_runs[device.controller.scheduler] += whole.served_in_runs();
    }
  }
  for (const Scheduler scheduler : {Scheduler::row_hits_first, Scheduler::bank_queues}) {
    CAPTURE(scheduler_name(scheduler));
    CHECK(streams[scheduler] > 500'000);
    CHECK(in_runs[scheduler] > 100'000);
  }
}

TEST_CASE("patterns take as long as a whole as burst by burst") {
  const auto check = [](const DramDevice& device, const std::string& pattern) {
    CAPTURE(pattern);
    Channel one(device), whole(device);
    const spillway::workloads::Bytes size(1 << 20);
    Pattern source(pattern, size, device.timing.burst), again(pattern, size, device.timing.burst);
    Request request;
    std::uint64_t left = 20'000;  // some patterns are larger than asked for
    while (left-- > 0 && source.next(request)) one.submit(request);
    one.drain();
    struct {
      Pattern& pattern;
      std::uint64_t left;
      bool next(Request& r) { return left-- > 0 && pattern.next(r); }
    } some{again, 20'000};
    whole.serve(some);
    REQUIRE(whole.statistics() == one.statistics());
  };
  for (const std::string& name : dram_device_names()) {
    CAPTURE(name);
    for (const char* mapping : {"RoBaCoBg", "RoBaBgCo"}) {
      for (const Scheduler scheduler : {Scheduler::row_hits_first, Scheduler::bank_queues}) {
        CAPTURE(scheduler_name(scheduler));
        const DramDevice device =
            with_controller(with_mapping(dram_device(name), mapping), scheduler);
        for (const std::string& pattern : pattern_names()) check(device, pattern);
      }
    }
  }
}

TEST_CASE("a channel under load is refreshed once every tREFI") {
  for (const std::string& name : dram_device_names()) {
    for (const RefreshMode mode : {RefreshMode::all_bank, RefreshMode::per_bank}) {
      DramDevice device = dram_device(name);
      if (mode == RefreshMode::per_bank && device.timing.refresh_bank == 0) continue;
      device.controller.refresh = mode;
      for (const char* pattern : {"a_seq_rd", "c_rw4k", "h_rand_rw"}) {
        CAPTURE(name);
        CAPTURE(pattern);
        Channel channel(device);
        Pattern source(pattern, spillway::workloads::Bytes(1 << 20), device.timing.burst);
        const std::uint64_t finish = channel.serve(source);
        const Statistics s = channel.statistics();
        const std::uint64_t interval = mode == RefreshMode::per_bank
                                           ? device.timing.refresh_bank_interval
                                           : device.timing.refresh_interval;
        const std::uint64_t refreshes = s.refreshes + s.bank_refreshes;
        CHECK((mode == RefreshMode::per_bank ? s.refreshes : s.bank_refreshes) == 0);
        REQUIRE(finish / interval > 1);
        // The last one may be due and still wait for what was served last.
        CHECK(refreshes <= finish / interval);
        CHECK(refreshes + 1 >= finish / interval);
      }
    }
  }
}

TEST_CASE("an idle channel is refreshed as often as one whose every command is seen") {
  std::mt19937_64 random(6);
  for (const std::string& name : dram_device_names()) {
    for (int round = 0; round < 20; ++round) {
      CAPTURE(name);
      CAPTURE(round);
      DramDevice device = random_controller(dram_device(name), random);
      if (round % 2 == 1) device = random_ranks(std::move(device), random);
      Channel skipping(device), seen(device);
      seen.observe([](const IssuedCommand&) {});
      std::uint64_t cycle = 0;
      for (int i = 0; i < 30; ++i) {
        cycle += random() % 3 == 0 ? random() % 1'000'000 : random() % 300;
        const Request request{random() % (1 << 24) / 64 * 64, random() % 2 == 0, cycle};
        REQUIRE(skipping.submit(request) == seen.submit(request));
      }
      skipping.drain();
      seen.drain();
      REQUIRE(skipping.statistics() == seen.statistics());
    }
  }
  // Hours of it are counted, not lived through.
  const DramDevice device = dram_device("ddr4-2400");
  Channel channel(device);
  constexpr std::uint64_t hours = std::uint64_t{1} << 44;
  channel.advance(hours);
  CHECK(channel.statistics().refreshes == hours / device.timing.refresh_interval);
}

TEST_CASE("a reset DRAM channel is as at power-up") {
  const DramDevice device = dram_device("ddr4-2400");
  std::mt19937_64 random(4);
  const std::vector<Request> first = random_traffic(random, 1000),
                             second = random_traffic(random, 1000);
  Channel used(device), fresh(device);
  used.serve(VectorSource{first});
  used.reset();
  used.serve(VectorSource{second});
  fresh.serve(VectorSource{second});
  CHECK(used.statistics() == fresh.statistics());
}

}  // namespace spillway::channel_test
