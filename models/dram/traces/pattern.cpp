#include "models/dram/traces/pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::models::dram {

namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t first_b = 0x1000'0000, first_c = 0x1800'0000;
// Offsets of the *_off patterns, so that the streams are not on one bank at the same progress.
constexpr std::uint64_t offset_b = 96 * kib, offset_c = 48 * kib;

/// Read a chunk of A, write a chunk of B.
std::vector<PatternRun> copy(std::uint64_t chunk, std::uint64_t offset = 0) {
  return {{0, chunk, chunk, false}, {first_b + offset, chunk, chunk, true}};
}

/// A layer's three streams: two bursts of inputs (A) to one of weights (B) and one written (C).
std::vector<PatternRun> three(std::uint64_t b_offset = 0, std::uint64_t c_offset = 0) {
  return {{0, 2 * kib, kib, false},
          {kib, 2 * kib, kib, false},
          {first_b + b_offset, kib, kib, false},
          {first_c + c_offset, kib, kib, true}};
}

std::vector<PatternDefinition> make_definitions() {
  const std::vector<PatternRun> reads{{0, 64 * kib, 64 * kib, false}};
  const std::vector<PatternRun> writes{{0, 64 * kib, 64 * kib, true}};
  return {
      {.name = "a_seq_rd", .summary = "read one stream", .round = reads, .stream = true},
      {.name = "a_seq_rd_30pct",
       .summary = "the same at 30 % of the peak",
       .round = reads,
       .paced = true},
      {.name = "b_seq_wr", .summary = "write one stream", .round = writes, .stream = true},
      {.name = "c_rw4k",
       .summary = "copy in chunks of 4 KiB",
       .round = copy(4 * kib),
       .stream = true},
      {.name = "c_rw4k_off",
       .summary = "the same, the copy 96 KiB further",
       .round = copy(4 * kib, offset_b),
       .stream = true},
      {.name = "d_rw64k",
       .summary = "copy in chunks of 64 KiB",
       .round = copy(64 * kib),
       .stream = true},
      {.name = "d_rw64k_off",
       .summary = "the same, the copy 96 KiB further",
       .round = copy(64 * kib, offset_b),
       .stream = true},
      {.name = "e_copy256",
       .summary = "copy in chunks of 256 bytes",
       .round = copy(256),
       .stream = true},
      {.name = "e_copy256_off",
       .summary = "the same, the copy 96 KiB further",
       .round = copy(256, offset_b),
       .stream = true},
      {.name = "f_strided",
       .summary = "read 512 bytes of every 8 KiB",
       .round = {{0, 8 * kib, 512, false}}},
      {.name = "g_rand_rd", .summary = "read random bursts of 512 MiB", .seed = 1},
      {.name = "g_rand_rd_30pct",
       .summary = "the same at 30 % of the peak",
       .seed = 1,
       .paced = true},
      {.name = "h_rand_rw",
       .summary = "read and write random bursts of 512 MiB",
       .seed = 2,
       .mixed = true},
      {.name = "i_three",
       .summary = "read two streams and write a third, 1 KiB at a time",
       .round = three(),
       .stream = true},
      {.name = "i_three_off",
       .summary = "the same, the second and third 96 and 48 KiB further",
       .round = three(offset_b, offset_c),
       .stream = true},
  };
}

PatternDefinition definition_of(const std::string& name) {
  for (const PatternDefinition& definition : pattern_definitions()) {
    if (definition.name == name) return definition;
  }
  const std::vector<std::string> names = pattern_names();
  throw workloads::InputError(fmt::format("pattern: found \"{}\"; allowed: {}{}",
                                          workloads::printable(name), workloads::joined(names),
                                          workloads::did_you_mean(name, names)));
}

std::uint64_t bursts_of(Bytes size, std::uint64_t burst_bytes) {
  constexpr std::uint64_t mib = 1024 * kib;
  if (size == Bytes(0) || size.count() % mib != 0) {
    throw workloads::InputError(fmt::format(
        "size of a pattern: found {} bytes; allowed: a whole number of MiB", size.count()));
  }
  return size.count() / burst_bytes;
}

}  // namespace

const std::vector<PatternDefinition>& pattern_definitions() {
  static const std::vector<PatternDefinition> definitions = make_definitions();
  return definitions;
}

std::vector<std::string> pattern_names() {
  std::vector<std::string> names;
  for (const PatternDefinition& definition : pattern_definitions()) {
    names.push_back(definition.name);
  }
  return names;
}

Pattern::Pattern(const std::string& name, Bytes size, std::uint64_t burst_cycles,
                 std::uint64_t burst_bytes)
    : definition_(definition_of(name)),
      burst_bytes_(burst_bytes),
      random_shift_(64 - std::countr_zero(random_bytes / burst_bytes)),
      bursts_(bursts_of(size, burst_bytes)),
      pace_(definition_.paced ? 10 * burst_cycles : 0),
      random_(definition_.seed) {
  for (const PatternRun& run : definition_.round) {
    if (run.bytes % burst_bytes == 0 && run.base % burst_bytes == 0) continue;
    throw workloads::InputError(fmt::format(
        "pattern {}: found bursts of {} bytes; allowed: up to {} bytes, in which it goes", name,
        burst_bytes, std::uint64_t{1} << std::countr_zero(run.bytes | run.base)));
  }
}

std::uint64_t Pattern::end() const {
  if (definition_.round.empty()) return random_bytes;
  std::uint64_t round_bytes = 0, last = 0;
  for (const PatternRun& run : definition_.round) round_bytes += run.bytes;
  const std::uint64_t rounds = workloads::ceil_div(bursts_ * burst_bytes_, round_bytes);
  for (const PatternRun& run : definition_.round) {
    last = std::max(last, run.base + (rounds - 1) * run.stride + run.bytes);
  }
  return last;
}

void Pattern::begin_run() {
  const PatternRun& run = definition_.round[next_run_];
  address_ = run.base + round_ * run.stride;
  run_end_ = address_ + run.bytes;
  run_is_write_ = run.is_write;
  if (++next_run_ == definition_.round.size()) {
    next_run_ = 0;
    ++round_;
  }
}

}  // namespace spillway::models::dram
