#include "models/compute_array.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "workloads/support/error.hpp"

namespace spillway::compute_array_test {

using namespace spillway::workloads::literals;
using spillway::models::ComputeArray;
using spillway::models::Dataflow;
using spillway::models::Gemm;
using spillway::workloads::Cycles;
using spillway::workloads::InputError;

namespace {

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> fields;
  std::stringstream stream(line);
  for (std::string field; std::getline(stream, field, separator);) fields.push_back(field);
  return fields;
}

}  // namespace

TEST_CASE("cycles equal those that SCALE-Sim measured, for all 72 products") {
  std::ifstream file(std::string(SPILLWAY_SOURCE_DIR) + "/tests/data/scalesim_cycles.csv");
  std::string line;
  REQUIRE(std::getline(file, line));
  const auto header = split(line, ',');
  int rows = 0;
  while (std::getline(file, line)) {
    CAPTURE(line);
    const auto fields = split(line, ',');
    REQUIRE(fields.size() == header.size());
    const auto field = [&](const std::string& name) {
      return fields.at(static_cast<std::size_t>(std::ranges::find(header, name) - header.begin()));
    };
    const auto sides = split(field("array"), 'x');
    REQUIRE(sides.size() == 2);
    const auto dataflow =
        field("dataflow") == "os" ? Dataflow::output_stationary : Dataflow::weight_stationary;
    const ComputeArray array(std::stoull(sides[0]), std::stoull(sides[1]), dataflow);
    const Gemm gemm{
        .m = std::stoull(field("M")), .n = std::stoull(field("N")), .k = std::stoull(field("K"))};
    CHECK(array.cycles(gemm) == Cycles(std::stoull(field("measured_demand_rows"))));
    ++rows;
  }
  CHECK(rows == 72);
}

TEST_CASE("a huge fully connected layer at batch one uses a single row of the array") {
  const ComputeArray array(32, 32, Dataflow::output_stationary);
  CHECK(array.cycles({.m = 1, .n = 2048, .k = 4096}) == Cycles(64 * (4096 + 62)));
  CHECK(array.cycles({.m = 1, .n = 2048, .k = 4096}) == 266'112_cycles);
}

TEST_CASE("an oblong array folds rows and columns by its own sides") {
  const ComputeArray output_stationary(4, 8, Dataflow::output_stationary);
  CHECK(output_stationary.cycles({.m = 4, .n = 8, .k = 10}) == 20_cycles);
  CHECK(output_stationary.cycles({.m = 5, .n = 8, .k = 10}) == 40_cycles);
  CHECK(output_stationary.cycles({.m = 4, .n = 9, .k = 10}) == 40_cycles);
  const ComputeArray weight_stationary(4, 8, Dataflow::weight_stationary);
  CHECK(weight_stationary.cycles({.m = 10, .n = 8, .k = 4}) == 24_cycles);
  CHECK(weight_stationary.cycles({.m = 10, .n = 8, .k = 5}) == 48_cycles);
  CHECK(weight_stationary.cycles({.m = 10, .n = 9, .k = 4}) == 48_cycles);
}

TEST_CASE("one unit takes a cycle a term, and two in weight-stationary order load and use it") {
  CHECK(ComputeArray(1, 1, Dataflow::output_stationary).cycles({.m = 3, .n = 2, .k = 5}) ==
        30_cycles);
  CHECK(ComputeArray(1, 1, Dataflow::weight_stationary).cycles({.m = 3, .n = 2, .k = 5}) ==
        Cycles(5 * 2 * (3 + 1)));
}

TEST_CASE("independent products take their sum, and empty ones nothing") {
  const ComputeArray array(4, 8, Dataflow::output_stationary);
  CHECK(array.cycles({.m = 4, .n = 8, .k = 10, .count = 7}) == 140_cycles);
  CHECK(array.cycles({.m = 4, .n = 8, .k = 10, .count = 0}) == 0_cycles);
  CHECK(array.cycles({.m = 0, .n = 8, .k = 10}) == 0_cycles);
  CHECK(array.cycles({.m = 4, .n = 0, .k = 10}) == 0_cycles);
  CHECK(array.cycles({.m = 4, .n = 8, .k = 0}) == 0_cycles);
}

TEST_CASE("cycles beyond 64 bits are an error, never a small number") {
  const ComputeArray array(1, 1, Dataflow::output_stationary);
  const std::uint64_t large = std::uint64_t{1} << 32;
  CHECK(array.cycles({.m = large, .n = large / 2, .k = 1}) == Cycles(std::uint64_t{1} << 63));
  CHECK_THROWS_AS(array.cycles({.m = large, .n = large, .k = 1}), std::overflow_error);
  CHECK_THROWS_AS(array.cycles({.m = 1, .n = 1, .k = large, .count = large}), std::overflow_error);
}

TEST_CASE("single elements take a lane a column") {
  const ComputeArray array(4, 8, Dataflow::output_stationary);
  CHECK(array.elementwise_cycles(0) == 0_cycles);
  CHECK(array.elementwise_cycles(1) == 1_cycles);
  CHECK(array.elementwise_cycles(8) == 1_cycles);
  CHECK(array.elementwise_cycles(9) == 2_cycles);
}

TEST_CASE("an array without units is bad input") {
  CHECK_THROWS_AS(ComputeArray(0, 8, Dataflow::output_stationary), InputError);
  CHECK_THROWS_AS(ComputeArray(4, 0, Dataflow::weight_stationary), InputError);
}

}  // namespace spillway::compute_array_test
