// What `run` says of energy and area, as text and as JSON.
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "tests/support/program.hpp"
#include "tests/support/text_table.hpp"
#include "workloads/support/json.hpp"

namespace spillway::energy_report_test {

using test::TextTable;

namespace {

struct Report {
  Json result;
  std::vector<TextTable> tables;
  std::string text;
};

Report report_of(const std::vector<std::string>& settings,
                 const std::string& experiment = "mnist-mlp-lel") {
  const test::TemporaryFolder folder;
  std::vector<std::string> arguments{"run", experiment, "--no-values", "--json", "r.json"};
  for (const std::string& setting : settings) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  const test::ProgramRun run = test::run_spillway(arguments, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  return {parse_json(folder.read("r.json")), test::text_tables(run.out), run.out};
}

double sum_of(const Json& object) {
  double sum = 0;
  for (const Json& value : object) sum += value.get<double>();
  return sum;
}

/// A column in uJ beside pJ of JSON.
void check_column(const TextTable& table, const std::string& heading,
                  const std::vector<double>& picojoules) {
  CAPTURE(heading);
  const std::vector<std::string> cells = table.column(heading);
  REQUIRE(cells.size() == picojoules.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    CAPTURE(cells[i]);
    CHECK(test::shows(cells[i], picojoules[i] * 1e-6));
  }
}

std::vector<double> column_of(const Json& rows, const std::string& key, double last) {
  std::vector<double> column;
  for (const Json& row : rows) column.push_back(row.at(key).get<double>());
  column.push_back(last);
  return column;
}

const std::vector<std::string> chips{"dram_activate", "dram_read", "dram_write", "dram_refresh",
                                     "dram_background"};

}  // namespace

TEST_CASE("energies of run by part and by layer add up, in JSON and in the tables beside it") {
  const Report report =
      report_of({"device.technology=45nm", "policy=best", "device.buffer=256 KiB"});
  const Json& energy = report.result.at("energy");
  const double total = energy.at("total_pJ").get<double>();
  CHECK(sum_of(energy.at("parts_pJ")) == doctest::Approx(total).epsilon(1e-12));
  const Json& lines = energy.at("by_layer");
  REQUIRE(lines.size() == report.result.at("time_by_layer").size());
  std::map<std::string, double> by_part;
  double all = 0;
  for (const Json& line : lines) {
    double of_line = 0;
    for (const auto& [key, value] : line.items()) {
      if (!key.ends_with("_pJ") || key == "total_pJ") continue;
      by_part[key] += value.get<double>();
      of_line += value.get<double>();
    }
    CHECK(of_line == doctest::Approx(line.at("total_pJ").get<double>()).epsilon(1e-12));
    all += of_line;
  }
  CHECK(all == doctest::Approx(total).epsilon(1e-9));
  for (const auto& [part, pj] : energy.at("parts_pJ").items()) {
    CAPTURE(part);
    CHECK(by_part.at(part + "_pJ") == doctest::Approx(pj.get<double>()).epsilon(1e-9));
  }
  // The DRAM's are those that it says itself.
  const Json& dram = report.result.at("dram");
  for (const std::string& chip : chips) {
    CHECK(energy.at("parts_pJ").at(chip) == dram.at("energy_pJ").at(chip.substr(5)));
  }
  CHECK(energy.at("parts_pJ").at("dram_interface") == dram.at("io_energy_pJ"));
  CHECK(energy.at("macs").get<std::uint64_t>() ==
        report.result.at("macs_padded").get<std::uint64_t>() +
            report.result.at("macs_readout").get<std::uint64_t>());
  double of_users = 0;
  for (const Json& user : energy.at("buffer")) of_users += user.at("pJ").get<double>();
  CHECK(of_users == doctest::Approx(energy.at("parts_pJ").at("buffer").get<double>()));

  const TextTable parts = test::table_with(report.tables, {"part of the device"});
  std::vector<double> column;
  for (const Json& part : energy.at("parts_pJ")) column.push_back(part.get<double>());
  column.push_back(total);
  check_column(parts, "uJ", column);
  for (std::size_t i = 0; i < column.size(); ++i) {
    CHECK(test::shows(parts.column("%")[i], 100 * column[i] / total));
  }
  const TextTable by_layer = test::table_with(report.tables, {"layer", "phase", "DRAM chips, uJ"});
  check_column(by_layer, "total", column_of(lines, "total_pJ", total));
  for (const auto& [heading, key] : {std::pair{"DRAM interface", "dram_interface"},
                                     {"buffer", "buffer"},
                                     {"MACs", "macs"},
                                     {"vector unit", "vector_unit"},
                                     {"PRNG unit", "prng_unit"},
                                     {"static power", "static_power"}}) {
    const double whole = energy.at("parts_pJ").at(key).get<double>();
    check_column(by_layer, heading, column_of(lines, key + std::string("_pJ"), whole));
  }
  std::vector<double> of_chips;
  for (const Json& line : lines) {
    double pj = 0;
    for (const std::string& chip : chips) pj += line.at(chip + "_pJ").get<double>();
    of_chips.push_back(pj);
  }
  of_chips.push_back(dram.at("energy_pJ").at("total").get<double>());
  check_column(by_layer, "DRAM chips, uJ", of_chips);

  const TextTable users = test::table_with(report.tables, {"user of the buffer"});
  for (std::size_t i = 0; i < users.rows.size(); ++i) {
    const Json& user = energy.at("buffer")[i];
    CHECK(test::shows(users.column("bytes read")[i], user.at("read_bytes").get<double>()));
    CHECK(test::shows(users.column("bytes written")[i], user.at("written_bytes").get<double>()));
    CHECK(test::shows(users.column("uJ")[i], user.at("pJ").get<double>() * 1e-6));
  }
}

TEST_CASE("the area of run is its parts', in JSON and in the table beside it") {
  const Report report = report_of({"device.technology=16nm"});
  Json area = report.result.at("area");
  const test::TemporaryFolder folder;
  const test::ProgramRun plan = test::run_spillway(
      {"plan", "mnist-mlp-lel", "--set", "device.technology=16nm", "--json", "-"}, folder.path());
  CHECK(parse_json(plan.out).at("area") == area);
  const TextTable table = test::table_with(report.tables, {"part of the chip"});
  const std::vector<std::string> cells = table.column("mm2");
  REQUIRE(cells.size() == area.size());
  std::size_t i = 0;
  for (const Json& part : area) CHECK(test::shows(cells[i++], part.get<double>()));
  const double total = area.at("total_mm2").get<double>();
  area.erase("total_mm2");
  CHECK(sum_of(area) == doctest::Approx(total));
}

TEST_CASE("every constant of a report has a unit, a status and a source") {
  for (const std::string dram : {"ddr4-2400", "lpddr5-6400"}) {
    const Report report = report_of({"device.technology=7nm", "device.dram=" + dram});
    const Json& constants = report.result.at("energy").at("constants");
    CHECK(constants.size() >= 14);
    for (const Json& constant : constants) {
      CAPTURE(constant.dump());
      for (const char* key : {"constant", "unit", "status", "source"}) {
        CHECK(constant.at(key).get<std::string>() != "");
      }
      CHECK(constant.at("value").is_number());
    }
    const bool of_activate = std::ranges::any_of(
        constants, [](const Json& constant) { return constant.at("constant") == "dram.activate"; });
    CHECK(of_activate == (dram == "ddr4-2400"));
  }
}

TEST_CASE("without a technology, or currents of the DRAM, energies are null and say why") {
  const Report none = report_of({});
  CHECK(none.result.at("energy").is_null());
  CHECK(none.result.at("area").is_null());
  const std::string why = "the device names no technology (shipped: 16nm, 45nm, 7nm)";
  CHECK(none.result.at("energy_missing") == why);
  CHECK(none.result.at("area_missing") == why);
  CHECK(none.text.find(why) != std::string::npos);
  CHECK_FALSE(none.result.at("device").contains("technology"));

  const Report dark = report_of({"device.technology=45nm", "device.dram=lpddr5-6400"});
  const Json& energy = dark.result.at("energy");
  CHECK(dark.result.at("device").at("technology").at("name") == "45nm");
  CHECK(energy.at("total_pJ").is_null());
  CHECK(energy.at("total_missing") == "the DRAM device lpddr5-6400 names no currents");
  CHECK_FALSE(energy.at("parts_pJ").contains("dram_read"));
  CHECK(energy.at("parts_pJ").at("buffer") > 0);
  CHECK_FALSE(energy.at("by_layer")[0].contains("total_pJ"));
  const TextTable by_layer = test::table_with(dark.tables, {"layer", "phase", "DRAM chips, uJ"});
  CHECK(by_layer.column("total")[0] == "-");
}

TEST_CASE("a technology changes no count and no time") {
  Json plain = report_of({}).result, other = report_of({"device.technology=45nm"}).result;
  for (Json* result : {&plain, &other}) {
    for (const char* key : {"energy", "energy_missing", "area", "area_missing"}) result->erase(key);
    result->at("device").erase("technology");
  }
  CHECK(plain == other);
}

}  // namespace spillway::energy_report_test
