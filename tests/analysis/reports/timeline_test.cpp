// The timeline as trace events: tracks whose slices follow each other, and sums that are the run's.
#include "analysis/reports/timeline.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>

#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"
#include "workloads/support/json.hpp"

namespace spillway::timeline_test {

using analysis::Timeline;

namespace {

struct Run {
  sim::Result result;
  std::string text;
  bool aggregated = false;
};

Run timeline_of(const sim::Experiment& experiment, std::size_t most) {
  Timeline timeline(experiment.device, models::Picoseconds(100'000), most);
  sim::Simulation simulation(experiment, models::DeviceOptions{true, false, {&timeline}, {}});
  timeline.begin(simulation.plan().map());
  Run run{simulation.run_step({}), "", false};
  run.text = timeline.json("small \"one\"", run.result);
  run.aggregated = timeline.is_aggregated();
  CHECK(timeline.slices() <= most);
  return run;
}

sim::Experiment small(std::uint64_t buffer) {
  sim::Experiment experiment = test::experiment(
      workloads::make_network("convs", {3, 10, 10}, 5,
                              {test::pooled(test::conv(6, 3), 2, 2), test::conv(8, 3)}),
      "lel", 6);
  experiment.policy = sim::Policy::best;
  experiment.device.buffer = workloads::Bytes(buffer);
  experiment.device.dram.channels = 2;
  return experiment;
}

/// Picoseconds of a number of microseconds, which has them all.
std::uint64_t picoseconds(const Json& microseconds) {
  return static_cast<std::uint64_t>(std::llround(microseconds.get<double>() * 1e6));
}

/// What a viewer takes for granted of events of each kind, and that slices of a track follow.
void check_events(const Json& events) {
  std::map<std::pair<int, int>, std::uint64_t> end;
  std::map<std::pair<int, std::string>, std::uint64_t> counted;
  std::set<std::pair<int, int>> named;
  for (const Json& event : events) {
    const std::string kind = event["ph"], name = event["name"];
    const int process = event["pid"];
    if (kind == "M") {
      if (name == "thread_name") named.insert({process, event["tid"].get<int>()});
      continue;
    }
    if (kind == "C") {
      std::uint64_t& before = counted[{process, name}];
      CHECK(picoseconds(event["ts"]) >= before);
      before = picoseconds(event["ts"]);
      for (const auto& value : event["args"]) CHECK(value.is_number());
      continue;
    }
    REQUIRE(kind == "X");
    const std::pair<int, int> track{process, event["tid"].get<int>()};
    CHECK(named.contains(track));
    CHECK(event["cat"].is_string());
    CHECK(picoseconds(event["ts"]) >= end[track]);
    end[track] = picoseconds(event["ts"]) + picoseconds(event["dur"]);
  }
  CHECK(counted.contains({1, "buffer reserved"}));
  CHECK(counted.contains({2, "DRAM bandwidth"}));
  CHECK(counted.contains({2, "row hits"}));
}

/// What slices say to be busy adds up to each engine's time, by layer and phase.
void check_sums(const Json& events, const sim::Result& result) {
  std::map<std::string, std::map<std::string, std::uint64_t>> busy;
  std::uint64_t sent = 0;
  for (const Json& event : events) {
    if (event["ph"] != "X") continue;
    if (event["pid"] == 2) {
      sent += event["args"]["read bytes"].get<std::uint64_t>() +
              event["args"]["written bytes"].get<std::uint64_t>();
      continue;
    }
    for (const auto& [line, time] : event["args"]["busy us"].items()) {
      busy[event["cat"].get<std::string>()][line] += picoseconds(time);
    }
  }
  for (const models::EngineKind engine : models::all_engines) {
    for (const sim::LayerTime& line : result.timing) {
      CAPTURE(line.name);
      CHECK(busy[engine_name(engine)][line.name + " " + to_string(line.phase)] ==
            line.times.busy.of(engine).count());
    }
  }
  std::uint64_t asked = 0;
  for (const models::Transferred& moved : result.execution.by_label) asked += moved.bytes.count();
  std::uint64_t host =
      (result.execution.host.read_bytes + result.execution.host.write_bytes).count();
  CHECK(sent == asked - host);
}

}  // namespace

TEST_CASE("a timeline has a track for each engine and channel and its sums are the report's") {
  const Run run = timeline_of(small(2 << 10), Timeline::usual_most_slices);
  CHECK_FALSE(run.aggregated);
  const Json json = parse_json(run.text);
  CHECK(json["otherData"]["experiment"] == "small \"one\"");
  CHECK(json["otherData"]["aggregated"] == "no");
  check_events(json["traceEvents"]);
  check_sums(json["traceEvents"], run.result);
  bool named = false;
  for (const Json& event : json["traceEvents"]) {
    named = named || (event["ph"] == "X" && event["name"].get<std::string>().starts_with(
                                                "conv1 forward: load conv1.weights"));
  }
  CHECK(named);
}

TEST_CASE("a timeline of more slices than it may have joins those of a window and loses no time") {
  for (const std::size_t most : {64, 100, 500}) {
    const Run run = timeline_of(small(2 << 10), most);
    CHECK(run.aggregated);
    const Json json = parse_json(run.text);
    CHECK(json["otherData"]["aggregated"].get<std::string>().starts_with("instructions"));
    check_events(json["traceEvents"]);
    check_sums(json["traceEvents"], run.result);
  }
}

}  // namespace spillway::timeline_test
