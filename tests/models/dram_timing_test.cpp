#include "models/dram_timing.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "workloads/support/error.hpp"

using namespace spillway::workloads::literals;
using spillway::models::DramAccess;
using spillway::models::DramCounters;
using spillway::models::DramTiming;
using spillway::models::DramTimingConfig;
using spillway::workloads::Bytes;
using spillway::workloads::InputError;
using spillway::workloads::Picoseconds;
using spillway::workloads::ProgramError;
using spillway::workloads::Words;

namespace {

// Four banks of 256-byte rows; every time has its own order of magnitude or digit, so that a sum
// tells which of them went into it.
DramTimingConfig small_channel() {
  return {.banks = 4,
          .row = 256_B,
          .burst = 64_B,
          .burst_time = 10_ps,
          .activate = 100_ps,
          .precharge = 200_ps,
          .row_active_min = 3000_ps,
          .read_latency = 50_ps,
          .write_latency = 40_ps,
          .write_recovery = 5000_ps,
          .read_to_write = 3_ps,
          .write_to_read = 70_ps};
}

// DDR4-2400 at 17-17-17, one 64-bit rank of 8 Gb x8 devices (JESD79-4); tWTR_L for the turnaround.
DramTimingConfig ddr4_2400() {
  return {.banks = 16,
          .row = 8_KiB,
          .burst = 64_B,
          .burst_time = 3332_ps,
          .activate = 14161_ps,
          .precharge = 14161_ps,
          .row_active_min = 32487_ps,
          .read_latency = 14161_ps,
          .write_latency = 9996_ps,
          .write_recovery = 14994_ps,
          .read_to_write = 1666_ps,
          .write_to_read = 21658_ps};
}

constexpr std::uint64_t row_of_bank(std::uint64_t row, std::uint64_t bank) {
  return (row * 4 + bank) * 256;
}

constexpr bool read = false;
constexpr bool write = true;

// Stream `size` bytes from address 0 in runs of `chunk`, each requested when the one before it
// starts on the bus. Returns the end of the last one.
Picoseconds stream(DramTiming& dram, Bytes size, Bytes chunk, bool direction) {
  DramAccess last;
  for (std::uint64_t address = 0; address < size.count(); address += chunk.count()) {
    last = dram.access(last.bus_start, address, chunk, direction);
  }
  return last.bus_end;
}

}  // namespace

TEST_CASE("a read of an idle bank pays activation and latency before its bursts") {
  DramTiming dram(small_channel());
  const DramAccess access = dram.access(7_ps, 0, 256_B, read);
  CHECK(access.bus_start == Picoseconds(7 + 100 + 50));
  CHECK(access.bus_end == access.bus_start + 40_ps);
  CHECK(access.data_ready == access.bus_end);
}

TEST_CASE("a write pays its own latency") {
  DramTiming dram(small_channel());
  CHECK(dram.access(7_ps, 0, 64_B, write).bus_start == Picoseconds(7 + 100 + 40));
}

TEST_CASE("a hit in the open row pays latency only") {
  DramTiming dram(small_channel());
  dram.access(0_ps, 0, 64_B, read);
  CHECK(dram.access(1000_ps, 192, 64_B, read).bus_start == Picoseconds(1000 + 50));
  CHECK(dram.counters().activates == 1);
  CHECK(dram.counters().row_hits == 1);
}

TEST_CASE("a hit right behind its activation waits for it, and for the bus") {
  DramTiming dram(small_channel());
  const DramAccess first = dram.access(0_ps, 0, 64_B, read);
  CHECK(dram.access(0_ps, 64, 64_B, read).bus_start == first.bus_end);
}

TEST_CASE("a hit hides its latency exactly when requested that long before the bus is free") {
  DramTiming dram(small_channel());
  const Picoseconds end = dram.access(0_ps, 0, 192_B, read).bus_end;
  DramTiming late = dram;
  CHECK(dram.access(end - 50_ps, 192, 64_B, read).bus_start == end);
  CHECK(late.access(end - 49_ps, 192, 64_B, read).bus_start == end + 1_ps);
}

TEST_CASE("another row of a bank pays precharge and activation") {
  DramTiming dram(small_channel());
  dram.access(0_ps, row_of_bank(0, 2), 64_B, read);
  const DramAccess conflict = dram.access(50'000_ps, row_of_bank(1, 2), 64_B, read);
  CHECK(conflict.bus_start == Picoseconds(50'000 + 200 + 100 + 50));
  CHECK(dram.counters().activates == 2);
  CHECK(dram.counters().row_hits == 0);
}

TEST_CASE("a row stays open for the shortest time after its activation") {
  for (const std::uint64_t now : {1000u, 2999u, 3000u, 3001u}) {
    DramTiming dram(small_channel());
    dram.access(0_ps, row_of_bank(0, 0), 64_B, read);  // activation at 0
    const DramAccess conflict = dram.access(Picoseconds(now), row_of_bank(1, 0), 64_B, read);
    CHECK(conflict.bus_start == Picoseconds(std::max<std::uint64_t>(now, 3000) + 350));
  }
}

TEST_CASE("a row is closed only after the last run has left the bus") {
  DramTimingConfig config = small_channel();
  config.row_active_min = 0_ps;
  DramTiming dram(config);
  const DramAccess first = dram.access(0_ps, row_of_bank(0, 0), 256_B, read);
  const DramAccess conflict = dram.access(0_ps, row_of_bank(1, 0), 64_B, read);
  CHECK(conflict.bus_start == first.bus_end + 350_ps);
}

TEST_CASE("a written row is closed only after write recovery, also when read since") {
  DramTiming dram(small_channel());
  const DramAccess written = dram.access(0_ps, row_of_bank(0, 0), 64_B, write);
  DramTiming read_since = dram;
  CHECK(dram.access(0_ps, row_of_bank(1, 0), 64_B, write).bus_start ==
        written.bus_end + Picoseconds(5000 + 200 + 100 + 40));
  read_since.access(0_ps, row_of_bank(0, 0), 64_B, read);
  CHECK(read_since.access(0_ps, row_of_bank(1, 0), 64_B, read).bus_start ==
        written.bus_end + Picoseconds(5000 + 200 + 100 + 50));
}

TEST_CASE("a row activated since starts its own shortest time") {
  DramTiming dram(small_channel());
  dram.access(0_ps, row_of_bank(0, 0), 64_B, read);
  dram.access(10'000_ps, row_of_bank(1, 0), 64_B, read);  // activation at 10 200
  CHECK(dram.access(10'000_ps, row_of_bank(2, 0), 64_B, read).bus_start ==
        Picoseconds(10'200 + 3000 + 350));
}

TEST_CASE("another bank is activated while the bus is busy") {
  DramTimingConfig config = small_channel();
  config.burst_time = 40_ps;  // a whole row of 160 ps covers activation and latency of 150 ps
  DramTiming dram(config);
  const DramAccess first = dram.access(0_ps, row_of_bank(0, 0), 256_B, read);
  DramTiming early = dram;
  DramTiming late = dram;
  CHECK(early.access(first.bus_end - 150_ps, row_of_bank(0, 1), 64_B, read).bus_start ==
        first.bus_end);
  CHECK(late.access(first.bus_end - 149_ps, row_of_bank(0, 1), 64_B, read).bus_start ==
        first.bus_end + 1_ps);
}

TEST_CASE("no command is given before the request, so a late one hides nothing") {
  DramTiming dram(small_channel());
  Picoseconds now;
  for (std::uint64_t bank = 0; bank < 4; ++bank) {
    const DramAccess access = dram.access(now, row_of_bank(0, bank), 256_B, read);
    CHECK(access.bus_end == now + Picoseconds(100 + 50 + 40));
    now = access.bus_end;
  }
}

TEST_CASE("a change of direction leaves the bus idle") {
  DramTiming dram(small_channel());
  const DramAccess first = dram.access(0_ps, 0, 64_B, read);
  const DramAccess second = dram.access(0_ps, 64, 64_B, write);
  const DramAccess third = dram.access(0_ps, 128, 64_B, write);
  const DramAccess fourth = dram.access(0_ps, 192, 64_B, read);
  CHECK(second.bus_start == first.bus_end + 3_ps);
  CHECK(third.bus_start == second.bus_end);
  CHECK(fourth.bus_start == third.bus_end + 70_ps);
}

TEST_CASE("the idle bus of a change of direction overlaps with waiting for the request") {
  DramTiming dram(small_channel());
  const Picoseconds end = dram.access(0_ps, 0, 64_B, write).bus_end;
  DramTiming late = dram;
  CHECK(dram.access(end + 20_ps, 64, 64_B, read).bus_start == end + 70_ps);
  CHECK(late.access(end + 21_ps, 64, 64_B, read).bus_start == end + 71_ps);
}

TEST_CASE("the first run has no change of direction") {
  DramTimingConfig config = small_channel();
  config.activate = config.write_latency = 0_ps;
  DramTiming dram(config);
  CHECK(dram.access(0_ps, 0, 64_B, write).bus_start == 0_ps);
}

TEST_CASE("unaligned runs move more bursts than their words need") {
  DramTiming dram(small_channel());
  dram.access(0_ps, 60, 8_B, read);  // two words across the border of two bursts
  CHECK(dram.counters().read_words == 2_words);
  CHECK(dram.counters().read_bursts == 2);
  CHECK(dram.counters().read_bytes == 128_B);
  dram.access(0_ps, 129, 5_B, write);  // not even whole words
  CHECK(dram.counters().write_words == 2_words);
  CHECK(dram.counters().write_bursts == 1);
  CHECK(dram.counters().write_bytes == 64_B);
  CHECK(dram.counters().activates == 1);
  CHECK(dram.counters().row_hits == 2);
}

TEST_CASE("a run costs one burst more exactly when it passes a border") {
  struct Case {
    std::uint64_t address, size, bursts;
  };
  for (const auto& [address, size, bursts] : {Case{0, 64, 1}, Case{0, 65, 2}, Case{63, 1, 1},
                                              Case{63, 2, 2}, Case{1, 64, 2}, Case{255, 1, 1}}) {
    DramTiming dram(small_channel());
    const DramAccess access = dram.access(0_ps, address, Bytes(size), read);
    CHECK(dram.counters().read_bursts == bursts);
    CHECK(access.bus_end - access.bus_start == bursts * 10_ps);
  }
}

TEST_CASE("rows rotate over the banks") {
  DramTiming dram(small_channel());
  for (std::uint64_t row = 0; row < 4; ++row) dram.access(0_ps, row * 256, 256_B, read);
  CHECK(dram.counters().activates == 4);
  for (std::uint64_t row = 0; row < 4; ++row) dram.access(0_ps, row * 256, 256_B, read);
  CHECK(dram.counters().activates == 4);  // all four are still open
  dram.access(0_ps, 4 * 256, 256_B, read);
  dram.access(0_ps, 0, 256_B, read);
  CHECK(dram.counters().activates == 6);  // bank 0 changed twice
}

TEST_CASE("a run that is empty or crosses a row is refused and leaves no trace") {
  DramTiming dram(small_channel());
  CHECK_THROWS_AS(dram.access(0_ps, 0, 0_B, read), ProgramError);
  CHECK_THROWS_AS(dram.access(0_ps, 0, 257_B, read), ProgramError);
  CHECK_THROWS_AS(dram.access(0_ps, 255, 2_B, write), ProgramError);
  CHECK_THROWS_AS(dram.access(0_ps, 1, Bytes(~std::uint64_t{0}), write), ProgramError);
  CHECK(dram.counters() == DramCounters{});
  CHECK(dram.access(0_ps, ~std::uint64_t{0}, 1_B, read).bus_start == 150_ps);
}

TEST_CASE("a channel that cannot exist is bad input") {
  const auto refused = [](auto change) {
    DramTimingConfig config = small_channel();
    change(config);
    CHECK_THROWS_AS(DramTiming{config}, InputError);
  };
  refused([](DramTimingConfig& config) { config.banks = 0; });
  refused([](DramTimingConfig& config) { config.row = 0_B; });
  refused([](DramTimingConfig& config) { config.row = 100_B; });
  refused([](DramTimingConfig& config) { config.burst = 0_B; });
  refused([](DramTimingConfig& config) { config.burst = 2_B; });
  refused([](DramTimingConfig& config) { config.burst_time = 0_ps; });
}

TEST_CASE("a sequential stream reaches the bus rate when one run waits in the queue") {
  const DramTimingConfig config = ddr4_2400();
  constexpr std::uint64_t size = 8 * 1024 * 1024;
  const Picoseconds ideal = config.burst_time * (size / 64);
  for (const bool direction : {read, write}) {
    DramTiming dram(config);
    const Picoseconds total = stream(dram, Bytes(size), 8_KiB, direction);
    CHECK(total >= ideal);
    CHECK(total.count() < ideal.count() + ideal.count() / 50);
    CHECK(dram.counters().activates == size / 8192);
  }
}

TEST_CASE("chunks of any size, in either direction, count the same words, bytes and activates") {
  for (const bool direction : {read, write}) {
    DramTiming whole(small_channel());
    stream(whole, 8_KiB, 256_B, direction);
    CHECK((direction ? whole.counters().write_words : whole.counters().read_words) == 2048_words);
    CHECK(whole.counters().activates == 32);
    for (const Bytes chunk : {64_B, 128_B}) {
      DramTiming split(small_channel());
      stream(split, 8_KiB, chunk, direction);
      CHECK(split.counters() == whole.counters());
    }
  }
}

TEST_CASE("random runs: the totals are sums over runs, and the bus serves them in order") {
  std::mt19937_64 random(3);
  const DramTimingConfig config = small_channel();
  DramTiming dram(config);
  DramCounters sum;
  std::vector<std::uint64_t> open_rows(config.banks, ~std::uint64_t{0});
  Picoseconds now;
  Picoseconds bus_end;
  for (int run = 0; run < 20'000; ++run) {
    const std::uint64_t row = random() % 12;
    const std::uint64_t column = random() % 256;
    const std::uint64_t size = 1 + random() % (256 - column);
    const bool direction = random() % 2 == 0;
    now += Picoseconds(random() % 100);
    const DramAccess access = dram.access(now, row * 256 + column, Bytes(size), direction);

    std::uint64_t bursts = 0;
    for (std::uint64_t block = 0; block < 256; block += 64) {
      bursts += column < block + 64 && column + size > block;
    }
    const bool miss = open_rows[row % 4] != row;
    open_rows[row % 4] = row;
    (direction ? sum.write_words : sum.read_words) += Words((size + 3) / 4);
    (direction ? sum.write_bytes : sum.read_bytes) += bursts * 64_B;
    (direction ? sum.write_bursts : sum.read_bursts) += bursts;
    sum.activates += miss;
    sum.row_hits += bursts - miss;

    const Picoseconds latency = direction ? config.write_latency : config.read_latency;
    REQUIRE(access.bus_start >= bus_end);
    REQUIRE(access.bus_start >= now + latency + (miss ? config.activate : 0_ps));
    REQUIRE(access.bus_end == access.bus_start + config.burst_time * bursts);
    bus_end = access.bus_end;
  }
  CHECK(dram.counters() == sum);
}
