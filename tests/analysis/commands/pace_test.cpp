// Progress: how fast training goes, how long the rest takes.
#include "analysis/commands/pace.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/program.hpp"

namespace spillway::pace_test {

using analysis::Moment;
using analysis::TrainingPace;
using test::ProgramRun;
using test::run_spillway;

namespace {

Moment at(double seconds) {
  return Moment(
      std::chrono::duration_cast<Moment::duration>(std::chrono::duration<double>(seconds)));
}

}  // namespace

TEST_CASE("durations are as exact as an estimate is") {
  CHECK(analysis::duration_text(0.4) == "0 s");
  CHECK(analysis::duration_text(99.4) == "99 s");
  CHECK(analysis::duration_text(150) == "3 min");
  CHECK(analysis::duration_text(99 * 60) == "99 min");
  CHECK(analysis::duration_text(7830) == "2 h 11 min");
  CHECK(analysis::duration_text(100 * 3600) == "4 d 4 h");
}

TEST_CASE("what is left takes as long as what was done") {
  CHECK_FALSE(analysis::seconds_left(at(0), at(10), 0, 5));
  CHECK(*analysis::seconds_left(at(0), at(10), 2, 6) == doctest::Approx(30));
  CHECK(*analysis::seconds_left(at(0), at(10), 2, 0) == doctest::Approx(0));
}

TEST_CASE("time between epochs counts for the time left but not for the images in a second") {
  TrainingPace pace;
  CHECK(analysis::pace_text(pace, 100, 8) == "");
  pace.step(at(5));  // starts the clock
  CHECK_FALSE(pace.images_per_second(100));
  CHECK_FALSE(pace.seconds_left(8));
  pace.step(at(6));
  pace.step(at(7));
  CHECK(*pace.images_per_second(100) == doctest::Approx(100));
  CHECK(*pace.seconds_left(8) == doctest::Approx(8));
  CHECK(analysis::pace_text(pace, 100, 8) == "100 images/s, 8 s left");
  pace.epoch(at(17));  // ten seconds of measuring
  pace.step(at(18));
  CHECK(*pace.images_per_second(100) == doctest::Approx(100));
  CHECK(*pace.seconds_left(6) == doctest::Approx(6 * 13.0 / 3));
}

TEST_CASE("training into a pipe says a line an epoch on standard error") {
  const test::TemporaryFolder folder;
  folder.write("e.yaml",
               "network: {input: 20, classes: 3, layers: [{type: fc, out: 8}]}\nrule: lel\n"
               "device: paper\nbatch: 10\ndata: {base: random, train: 50, test: 10}\n");
  for (const char* target : {"-", "out.json"}) {
    const ProgramRun run =
        run_spillway({"train", "e.yaml", "--epochs", "3", "--json", target}, folder.path());
    CAPTURE(run.err);
    CHECK(run.exit_code == 0);
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 3);
    for (const char* part :
         {"epoch 1/3: loss ", "epoch 2/3: loss ", "epoch 3/3: loss ", "images/s", ", 0 s left"}) {
      CAPTURE(part);
      CHECK(run.err.find(part) != std::string::npos);
    }
    CHECK(run.err.find("step") == std::string::npos);
    CHECK(run.err.find('\r') == std::string::npos);
    CHECK(run.out.find("images/s") == std::string::npos);
  }
}

}  // namespace spillway::pace_test
