// Programs that repeat each other, or do not, against a memory that decides every one of them.
#include "models/dram/recorded_memory.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace spillway::models::dram::recorded_memory_test {

namespace {

struct Transfer {
  Request first;
  std::uint64_t bursts;
};

std::vector<Transfer> random_program(std::uint64_t seed, int transfers) {
  std::mt19937_64 random(seed);
  std::vector<Transfer> program;
  std::uint64_t cycle = 0;
  for (int i = 0; i < transfers; ++i) {
    cycle += random() % 200;
    const auto requester = static_cast<std::uint8_t>(random() % 2);
    program.push_back(
        {{random() % (1 << 24) / 64 * 64, random() % 2 == 0, cycle, requester}, 1 + random() % 40});
  }
  return program;
}

struct Seen {
  std::vector<std::uint64_t> answers;
  Statistics statistics;
  bool operator==(const Seen&) const = default;
};

/// Ask what the DRAM channel asks. `memory` has RecordedMemory's functions.
template <class Asked>
Seen run(Asked& memory, const std::vector<Transfer>& program) {
  Seen seen;
  for (const Transfer& transfer : program) {
    const std::uint64_t accepted = memory.transfer(transfer.first, transfer.bursts);
    seen.answers.push_back(accepted);
    if (transfer.first.is_write) continue;
    seen.answers.push_back(memory.outstanding_reads(transfer.first.requester, accepted + 1));
    seen.answers.push_back(memory.reads_done(transfer.first.requester));
  }
  seen.answers.push_back(memory.drain());
  seen.statistics = memory.statistics(seen.answers.back() + 100);
  return seen;
}

struct Plain : Memory {
  using Memory::Memory;
  std::uint64_t outstanding_reads(std::uint8_t requester, std::uint64_t cycle) {
    advance(cycle);
    return Memory::outstanding_reads(requester);
  }
  Statistics statistics(std::uint64_t cycle) {
    advance(cycle);
    return Memory::statistics(cycle);
  }
};

Seen decided_anew(const std::vector<Transfer>& program) {
  Plain memory(dram_device("ddr4-2400"));
  return run(memory, program);
}

}  // namespace

TEST_CASE("a program that repeats the last one gets its answers, and no cycle is decided for it") {
  const std::vector<Transfer> program = random_program(1, 300);
  const Seen wanted = decided_anew(program);
  RecordedMemory memory(dram_device("ddr4-2400"));
  for (int round = 0; round < 3; ++round) {
    memory.reset();
    CHECK(run(memory, program) == wanted);
    CHECK(memory.decided() == wanted.answers.size() + 1);
  }
}

TEST_CASE("a program that departs from the last one is answered as if it had run alone") {
  std::vector<std::vector<Transfer>> programs(5, random_program(2, 200));
  programs[1][150].first.address ^= 1 << 20;
  programs[2][0].bursts += 1;
  programs[3].resize(120);  // then the one before goes on where this one ends
  RecordedMemory memory(dram_device("ddr4-2400"));
  for (const int which : {0, 1, 0, 2, 2, 3, 0, 3, 4}) {
    const std::vector<Transfer>& program = programs[static_cast<std::size_t>(which)];
    memory.reset();
    CHECK(run(memory, program) == decided_anew(program));
  }
}

TEST_CASE(
    "programs too long to be kept are decided every time, and a short one after them is kept") {
  const std::vector<Transfer> program = random_program(3, 100), short_one = random_program(3, 10);
  RecordedMemory memory(dram_device("ddr4-2400"), 50);
  for (int round = 1; round <= 2; ++round) {
    memory.reset();
    const Seen seen = run(memory, program);
    CHECK(seen == decided_anew(program));
    CHECK(memory.decided() == static_cast<std::uint64_t>(round) * (seen.answers.size() + 1));
  }
  std::uint64_t decided = 0;
  for (int round = 0; round < 2; ++round) {
    memory.reset();
    CHECK(run(memory, short_one) == decided_anew(short_one));
    if (round == 0) decided = memory.decided();
  }
  CHECK(memory.decided() == decided);
}

}  // namespace spillway::models::dram::recorded_memory_test
