// The DRAM model beside other simulators: the bounds that it keeps, and how they are judged.
#include "analysis/comparisons/dram_accuracy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/reports/dram_run.hpp"
#include "tests/support/program.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/json.hpp"

namespace spillway::dram_accuracy_test {

using analysis::AccuracyRow;
using analysis::compare_with_reference;
using analysis::ReferenceRun;
using test::ProgramRun;
using test::run_spillway;
using test::TemporaryFolder;

namespace {

constexpr const char* header =
    "simulator,scheduler,device,mapping,trace,total_MiB,time_ns,bandwidth_GBps,activates,"
    "e_total_uJ\n";

/// A run that took `slower` times as long as our model says.
ReferenceRun run(const char* simulator, const char* scheduler, const char* pattern, double slower) {
  constexpr double mib = 1 << 20;
  ReferenceRun reference{simulator, scheduler, "ddr4-2400", "RoBaCoBg", pattern, 1, 0, 0, {}, {}};
  const auto device =
      models::dram::with_mapping(models::dram::dram_device(reference.device), reference.mapping);
  const double ours =
      analysis::run_dram_pattern(device, pattern, workloads::Bytes(1 << 20)).time_ns();
  reference.time_ns = ours * slower;
  reference.bandwidth = mib / reference.time_ns;
  return reference;
}

std::string refusal(const std::string& text) {
  const TemporaryFolder folder;
  try {
    analysis::read_reference_runs(folder.write("r.csv", text));
  } catch (const workloads::InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the model keeps its bounds against the reference simulators") {
  const std::vector<AccuracyRow> rows =
      compare_with_reference(analysis::read_reference_runs(analysis::reference_runs_file()));
  CHECK(rows.size() == 157);
  std::set<std::string> missed;
  std::size_t judged = 0;
  for (const AccuracyRow& row : rows) {
    judged += row.time.bound || row.in_range ? 1 : 0;
    const std::string name = row.reference.device + " " + row.reference.pattern;
    if (!row.time.kept()) missed.insert(name + " time");
    if (row.activates && !row.activates->kept()) missed.insert(name + " activates");
    if (row.energy && !row.energy->kept()) missed.insert(name + " energy");
    if (!row.in_range.value_or(true)) missed.insert(name + " range");
  }
  CHECK(judged == 57);
  CHECK(missed == std::set<std::string>{});
}

TEST_CASE("two ranks keep the bounds of one against the reference simulators") {
  std::vector<ReferenceRun> runs = analysis::read_reference_runs(
      analysis::reference_runs_file().parent_path() / "dram_ranks.csv");
  CHECK(runs.size() == 133);
  // The larger ones are left to the command: a stream, a copy, random reads of each mapping.
  std::erase_if(runs, [](const ReferenceRun& run) {
    const char pattern = run.pattern.front();
    return run.ranks == 1 || run.mib > 16 || (pattern != 'b' && pattern != 'e' && pattern != 'g');
  });
  const std::vector<AccuracyRow> rows = compare_with_reference(runs),
                                 alike = analysis::compare_alike(runs);
  CHECK(rows.size() == 30);
  CHECK(alike.size() == 8);
  for (const AccuracyRow& row : rows) {
    CAPTURE(row.reference.device);
    CAPTURE(row.reference.mapping);
    CAPTURE(row.reference.pattern);
    CHECK(row.kept());
  }
  // As with one rank.
  for (const AccuracyRow& row : alike) {
    CAPTURE(row.reference.mapping);
    CAPTURE(row.reference.pattern);
    CHECK(std::abs(row.time.percent) < 0.6);
    CHECK(std::abs(row.activates->percent) < 2);
    CHECK(std::abs(row.energy->percent) < 1);
  }
}

TEST_CASE("with the controller of a simulator the model does what that simulator does") {
  const std::vector<AccuracyRow> rows =
      analysis::compare_alike(analysis::read_reference_runs(analysis::reference_runs_file()));
  // DRAMsim3's runs of DDR4 and HBM2, whose files have Ramulator's controller.
  CHECK(rows.size() == 46);
  for (const AccuracyRow& row : rows) {
    CAPTURE(row.reference.device);
    CAPTURE(row.reference.mapping);
    CAPTURE(row.reference.pattern);
    CHECK(row.reference.simulator == "DRAMsim3");
    CHECK_FALSE(row.time.bound);
    // Which of HBM2's two commands of a cycle DRAMsim3 looks for first decides there.
    const bool apart = row.reference.device == "hbm2-2000" && row.reference.mapping == "RoBaCoBg" &&
                       row.reference.pattern == "f_strided";
    CHECK(std::abs(row.time.percent) < (apart ? 6 : 0.6));
    REQUIRE(row.activates);
    CHECK(std::abs(row.activates->percent) < 2);
    REQUIRE(row.energy);
    CHECK(std::abs(row.energy->percent) < 1);
  }
}

TEST_CASE("time is judged by Ramulator with row hits first and bounds are those of the pattern") {
  struct Case {
    const char* pattern;
    double bound;
  };
  for (const Case& c : {Case{"a_seq_rd", 2}, Case{"b_seq_wr", 2}, Case{"c_rw4k", 5},
                        Case{"d_rw64k_off", 2}, Case{"f_strided", 5}, Case{"g_rand_rd", 7},
                        Case{"h_rand_rw", 7}, Case{"g_rand_rd_30pct", 2}}) {
    CAPTURE(c.pattern);
    for (const double slower : {0.999 / (1 - c.bound / 100), 1.001 / (1 - c.bound / 100)}) {
      const std::vector<AccuracyRow> rows = compare_with_reference(
          {run("DRAMsim3", "FRFCFS", c.pattern, 2), run("Ramulator2.1", "FRFCFS", c.pattern, 2),
           run("Ramulator2.1", "FRFCFS-RowHit 32R", c.pattern, slower),
           run("Ramulator2.1", "FRFCFS-RowHit two 64-bit pseudo-channels", c.pattern, 2)});
      CHECK_FALSE(rows[0].time.bound);
      CHECK_FALSE(rows[1].time.bound);
      CHECK_FALSE(rows[3].time.bound);
      REQUIRE(rows[2].time.bound);
      CHECK(*rows[2].time.bound == c.bound);
      CHECK(rows[2].time.percent == doctest::Approx(100 / slower - 100));
      CHECK(all_kept(rows) == (slower < 1 / (1 - c.bound / 100)));
    }
  }
}

TEST_CASE("without Ramulator the nearest of the others judges") {
  const std::vector<AccuracyRow> rows = compare_with_reference(
      {run("DRAMsim3", "FRFCFS", "a_seq_rd", 1.10), run("DRAMSys5.1", "FrFcfs", "a_seq_rd", 0.99)});
  CHECK_FALSE(rows[0].time.bound);
  CHECK(rows[1].time.bound);
  CHECK(all_kept(rows));
}

TEST_CASE("copies of 256 bytes lie in the range of the simulators") {
  const auto kept = [](double least, double most) {
    return all_kept(
        compare_with_reference({run("DRAMsim3", "FRFCFS", "e_copy256", least),
                                run("Ramulator2.1", "FRFCFS-RowHit", "e_copy256", most)}));
  };
  CHECK(kept(0.7, 1));
  CHECK(kept(0.7, 1.3));
  CHECK_FALSE(kept(0.7, 0.9));
  CHECK_FALSE(kept(1.1, 1.3));
}

TEST_CASE("activates and energy are judged too") {
  ReferenceRun reference = run("Ramulator2.1", "FRFCFS-RowHit", "a_seq_rd", 1);
  const auto device =
      models::dram::with_mapping(models::dram::dram_device("ddr4-2400"), "RoBaCoBg");
  const analysis::DramRun ours =
      analysis::run_dram_pattern(device, "a_seq_rd", workloads::Bytes(1 << 20));
  const auto kept = [&](double activates, double energy) {
    reference.activates = static_cast<double>(ours.statistics.activates) * activates;
    reference.energy = ours.energy_uj().value() * energy;
    return all_kept(compare_with_reference({reference}));
  };
  CHECK(kept(1, 1));
  CHECK(kept(0.92, 0.96));
  CHECK_FALSE(kept(0.90, 1));
  CHECK_FALSE(kept(1, 0.95));
  CHECK_FALSE(kept(1.12, 1));
}

TEST_CASE("a reference file is read by the names of its columns and refused with its line") {
  const TemporaryFolder folder;
  const std::vector<ReferenceRun> runs = analysis::read_reference_runs(folder.write(
      "r.csv", std::string(header) + "S,\"a, b\",DDR4-2400,RoBaCoBg,a_seq_rd,16.0,10.5,2,,7\r\n"));
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].scheduler == "a, b");
  CHECK(runs[0].device == "ddr4-2400");
  CHECK(runs[0].mib == 16);
  CHECK(runs[0].time_ns == 10.5);
  CHECK_FALSE(runs[0].activates);
  CHECK(runs[0].energy == 7);

  CHECK(refusal(std::string(header) + "S,x,d,m,p,16,1,2,,7\nS,x,d\n").find("r.csv:3: found 3") !=
        std::string::npos);
  CHECK(refusal(std::string(header) + "S,x,d,m,p,16,fast,2,,7\n").find("r.csv:2: time_ns") !=
        std::string::npos);
  CHECK(refusal(std::string(header) + "S,x,d,m,p,16,,2,,7\n").find("above 0") != std::string::npos);
  CHECK(refusal("a,b\n1,2\n").find("r.csv:2: found no column simulator") != std::string::npos);
  CHECK(refusal("").find("cannot be read") != std::string::npos);
}

TEST_CASE("accuracy prints every run and a summary and fails with exit 1 beyond a bound") {
  const TemporaryFolder folder;
  const std::string row = "Ramulator2.1,FRFCFS-RowHit,DDR4-2400,RoBaCoBg,a_seq_rd,1,";
  // 16384 bursts of four cycles of 0.833 ns, a little more with refresh and latency.
  folder.write("good.csv", header + row + "57700,18.2,,\n");
  folder.write("bad.csv", header + row + "57700,18.2,,\n" + row + "40000,26.2,,\n");
  const ProgramRun good = run_spillway({"accuracy", "good.csv", "--json", "j"}, folder.path());
  CAPTURE(good.out);
  CHECK(good.exit_code == 0);
  CHECK(good.out.find("All rows keep their bounds.") != std::string::npos);
  const auto json = parse_json(folder.read("j"));
  CHECK(json.at("kept") == true);
  CHECK(json.at("rows").size() == 1);
  CHECK(json.at("rows")[0].at("class") == "streams");
  CHECK(json.at("rows")[0].at("time").at("bound") == 2);
  CHECK(json.at("alike").empty());
  // A run of DRAMsim3 is told beside its own kind of controller, too.
  folder.write("other.csv", header + row + "57700,18.2,,\nDRAMsim3" + row.substr(row.find(',')) +
                                "57700,18.2,,\n");
  const ProgramRun other = run_spillway({"accuracy", "other.csv", "--json", "k"}, folder.path());
  CHECK(other.out.find("a controller like the simulator's") != std::string::npos);
  CHECK(parse_json(folder.read("k")).at("alike").size() == 1);
  // What nobody could compare is said.
  CHECK(good.out.find("No run of other simulators: devices ddr4-3200") != std::string::npos);
  CHECK(json.at("without_reference").at("patterns").size() == 14);
  CHECK(json.at("without_reference").at("devices").size() == 5);
  const ProgramRun bad = run_spillway({"accuracy", "bad.csv"}, folder.path());
  CHECK(bad.exit_code == 1);
  CHECK(bad.out.find("1 of 2 rows miss a bound.") != std::string::npos);
  CHECK(run_spillway({"accuracy", "no.csv"}, folder.path()).exit_code == 2);
  CHECK(run_spillway({"accuracy", "good.csv", "bad.csv"}, folder.path()).exit_code == 2);
}

}  // namespace spillway::dram_accuracy_test
