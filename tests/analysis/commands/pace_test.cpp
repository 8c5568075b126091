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

TEST_CASE("of pieces whose steps take unlike times the rest is weighed by what was expected") {
  analysis::WorkPace pace({{10, 1}, {10, 3}, {0, 0}, {5, 2}});
  CHECK(pace.seconds_left() == doctest::Approx(10 + 30 + 10));
  // Everything takes twice as long, and the first steps only start the clock.
  double now = 100;
  for (std::size_t left = 9; left > 0; --left) pace.step(0, left, at(now += 2));
  const double after_one = pace.seconds_left();
  CHECK(after_one > 41);
  CHECK(after_one < 82);
  pace.step(0, 0, at(now += 2));
  for (std::size_t left = 9; left > 4; --left) pace.step(1, left, at(now += 6));
  // 9 + 15 seconds were expected of what was timed, which took twice as long.
  CHECK(pace.seconds_left() == doctest::Approx((5 * 3 + 10) * (48 + 2) / 26.0));
  pace.step(3, 1, at(now += 4));  // the third was finished before
  CHECK(pace.seconds_left() > 2);
  pace.step(3, 0, at(now += 4));
  CHECK(pace.seconds_left() == 0);
}

TEST_CASE("a study into a pipe says each row and the time left of all of them") {
  const test::TemporaryFolder folder;
  folder.write("e.yaml",
               "network: {input: 20, classes: 3, layers: [{type: fc, out: 8}]}\nrule: lel\n"
               "device: paper\nbatch: 10\ndata: {base: random, train: 50, test: 10}\n");
  folder.write("s.yaml",
               "title: t\ndefault: {epochs: 2, seeds: 1}\nrows:\n"
               "  - {label: one, experiment: ./e.yaml}\n  - {label: two, experiment: ./e.yaml}\n");
  const ProgramRun run = run_spillway({"reproduce", "s.yaml"}, folder.path());
  CAPTURE(run.err);
  CHECK(run.exit_code == 0);
  CHECK(run.err.find("runs are kept in s.unfinished; after a stop or a crash the same command "
                     "continues them\n") != std::string::npos);
  CHECK(run.err.find("spillway: one: ") != std::string::npos);
  CHECK(run.err.find("spillway: two: ") != std::string::npos);
  CHECK(run.err.find(" left of all rows)\n") != std::string::npos);
  CHECK(run.err.find('\r') == std::string::npos);
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
