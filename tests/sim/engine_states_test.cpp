// What engines do besides working: what they are stalled on, what the next instruction waits for,
// and how observers, the overview and the waveform see it.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "sim/run/overview.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/program.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/sanitized.hpp"
#include "workloads/support/error.hpp"

namespace spillway::engine_states_test {

using models::EngineKind;
using models::Picoseconds;
using models::StallCause;
using sim::Experiment;
using sim::Policy;
using workloads::Bytes;

namespace {

/// A chain of two layers, one fc layer's operations after the other.
Experiment small(const char* rule, Policy policy) {
  Experiment experiment = test::experiment(
      workloads::make_network("mlp", {40, 1, 1}, 7, {test::fc(30), test::fc(20)}), rule, 12);
  experiment.policy = policy;
  experiment.device.buffer = Bytes(64 << 10);
  return experiment;
}

models::Execution executed(const Experiment& experiment, models::DeviceOptions options = {}) {
  options.values = false;
  return sim::Simulation(experiment, options).run_step({}).execution;
}

/// Adds up what it is told.
struct Seen : models::Observer {
  models::EngineTimes busy;
  std::map<EngineKind, Picoseconds> last;
  Picoseconds buffer_time;
  Bytes most, read, written;
  std::uint64_t samples = 0;
  models::dram::Statistics counters;

  void work(const models::WorkSlice& slice) override {
    CHECK(slice.instruction != nullptr);
    CHECK(slice.begin >= last[slice.engine]);
    CHECK(slice.end >= slice.begin);
    last[slice.engine] = slice.end;
    busy.of(slice.engine) += slice.end - slice.begin;
  }
  void buffer(Picoseconds now, Bytes used) override {
    CHECK(now >= buffer_time);
    buffer_time = now;
    most = std::max(most, used);
  }
  void transaction(const models::dram::Transaction& sent) override {
    (sent.is_write ? written : read) += sent.size;
  }
  Picoseconds sampling_interval() const override { return Picoseconds(50'000); }
  void sample(Picoseconds, const models::dram::Statistics& now) override {
    CHECK(now.bursts() >= counters.bursts());
    CHECK(now.row_hits() >= counters.row_hits());
    counters = now;
    ++samples;
  }
};

/// Of a value change dump: for how long a signal had each value.
std::map<std::uint64_t, std::uint64_t> times_by_value(const std::string& text,
                                                      const std::string& module,
                                                      const std::string& signal,
                                                      std::uint64_t end) {
  std::istringstream lines(text);
  std::string line, scope, code;
  std::uint64_t time = 0, since = 0, value = 0;
  std::map<std::uint64_t, std::uint64_t> result;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string first, second, third, fourth, name;
    words >> first >> second >> third >> fourth >> name;
    if (first == "$scope") scope = third;
    if (first == "$var" && scope == module && name == signal) code = fourth;
    if (first.starts_with("#")) time = std::stoull(first.substr(1));
    if (code.empty() || !first.starts_with("b") || second != code) continue;
    result[value] += time - since;
    since = time;
    value = std::stoull(first.substr(1), nullptr, 2);
  }
  REQUIRE_FALSE(code.empty());
  result[value] += end - since;
  return result;
}

}  // namespace

TEST_CASE("by whole tensors a kernel is stalled on its loads and a store on its kernel alone") {
  const models::Execution execution = executed(small("bp", Policy::layer));
  const models::Stalls& compute = execution.stalled.of(EngineKind::compute);
  CHECK(compute.on(StallCause::load) > Picoseconds(0));
  CHECK(compute.on(StallCause::compute) == Picoseconds(0));  // it works in order
  CHECK(compute.on(StallCause::generate) == Picoseconds(0));
  const models::Stalls& store = execution.stalled.of(EngineKind::store);
  CHECK(store.on(StallCause::compute) == store.total());
  // Nothing that has been loaded is loaded over.
  CHECK(execution.stalled.of(EngineKind::load).on(StallCause::load) == Picoseconds(0));
}

TEST_CASE("kernels that take random values as they are made wait for the PRNG unit") {
  // 20 000 random words at ten a clock, for a product of one example.
  Experiment experiment =
      test::experiment(workloads::make_network("wide", {40, 1, 1}, 100, {test::fc(200)}), "lel", 1);
  experiment.policy = Policy::best;
  experiment.device.buffer = Bytes(256 << 10);
  const models::Execution execution = executed(experiment);
  CHECK(execution.stalled.of(EngineKind::compute).on(StallCause::random_words) > Picoseconds(0));
  CHECK(execution.stalled.of(EngineKind::generate).on(StallCause::random_words) == Picoseconds(0));
}

TEST_CASE("a small buffer holds up instructions and a queue of one does so sooner") {
  Experiment experiment = small("bp", Policy::best);
  experiment.device.buffer = Bytes(3 << 10);
  const models::Execution tight = executed(experiment);
  CHECK(tight.not_issued.buffer_space > Picoseconds(0));
  experiment.device.buffer = Bytes(64 << 10);
  const models::Execution wide = executed(experiment);
  CHECK(wide.not_issued.buffer_space < tight.not_issued.buffer_space);
  experiment.device.queue_depth = 1;
  CHECK(executed(experiment).not_issued.full_queue >= wide.not_issued.full_queue);
}

TEST_CASE(
    "observers see all the work, all that is reserved and all transactions, and change nothing") {
  int run = 0;
  for (int number = 0; number < test::cases(40, 6); ++number) {
    workloads::SplitMix numbers(31'000 + static_cast<std::uint64_t>(number));
    const std::vector<std::string> rules = workloads::learning_rule_names();
    Experiment experiment =
        test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    experiment.policy = number % 2 == 0 ? Policy::layer : Policy::best;
    experiment.device.buffer = Bytes(8 << 10);
    CAPTURE(test::description(experiment));
    models::Execution alone;
    try {
      alone = executed(experiment);
    } catch (const workloads::InputError&) {
      continue;  // too small a buffer
    }
    Seen seen;
    sim::Overview overview(experiment.device.dram, 16);
    const models::Execution execution = executed(experiment, {true, false, {&seen, &overview}, {}});
    overview.finish(execution.time);
    ++run;
    CHECK(execution.time == alone.time);
    CHECK(execution.dram.channel == alone.dram.channel);
    models::EngineTimes busy;
    Bytes most, read, written;
    for (const sim::OverviewWindow& window : overview.windows()) {
      for (const EngineKind engine : models::all_engines) {
        CHECK(window.busy.of(engine) <= overview.window());
        busy.of(engine) += window.busy.of(engine);
      }
      most = std::max(most, window.buffer);
      for (const auto& channel : window.channels) {
        read += channel.read;
        written += channel.written;
      }
    }
    for (const EngineKind engine : models::all_engines) {
      CHECK(seen.busy.of(engine) == execution.busy.of(engine));
      CHECK(busy.of(engine) == execution.busy.of(engine));
    }
    CHECK(seen.most == execution.high_water);
    CHECK(most == execution.high_water);
    CHECK(read == seen.read);
    CHECK(written == seen.written);
    CHECK(overview.windows().size() <= 16);
    CHECK(overview.windows().size() ==
          workloads::ceil_div(execution.time.count(), overview.window().count()));
    CHECK(seen.counters == execution.dram.channel);
  }
  CHECK(run >= test::cases(20, 3));
}

TEST_CASE("the waveform's states last as long as the engines are busy, stalled and idle") {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "signals.vcd";
  models::DeviceOptions options;
  options.waveform = path;
  for (const char* rule : {"bp", "lel"}) {
    const models::Execution execution = executed(small(rule, Policy::best), options);
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    for (const EngineKind engine : {EngineKind::load, EngineKind::store, EngineKind::compute}) {
      CAPTURE(engine_name(engine));
      auto times = times_by_value(text.str(), engine_name(engine), "state", execution.time.count());
      const models::Stalls& stalled = execution.stalled.of(engine);
      const Picoseconds random = stalled.on(StallCause::random_words);  // within its work
      CHECK(times[2] == (execution.busy.of(engine) + random).count());
      CHECK(times[1] == (stalled.total() - random).count());
      CHECK(times[0] == execution.idle.of(engine).count());
    }
    auto reserved = times_by_value(text.str(), "buffer", "reserved_bytes", execution.time.count());
    CHECK(reserved.rbegin()->first == execution.high_water.count());
    auto waits = times_by_value(text.str(), "issue", "waits_for", execution.time.count());
    CHECK(waits[1] == execution.not_issued.buffer_space.count());
    CHECK(waits[2] == execution.not_issued.full_queue.count());
  }
}

}  // namespace spillway::engine_states_test
