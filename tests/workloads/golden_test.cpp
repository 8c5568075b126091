// The golden runner itself: it must notice a wrong value.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/program.hpp"
#include "workloads/initialise.hpp"
#include "workloads/support/json.hpp"

namespace spillway::golden_test {

namespace {

namespace fs = std::filesystem;

const fs::path golden_folder = fs::path(SPILLWAY_SOURCE_DIR) / "tests" / "data" / "golden";

/// Output of the golden runner on a folder, and its exit code.
std::pair<int, std::string> run_golden(const fs::path& folder) {
  const test::TemporaryFolder output;
  const std::string command = "SPILLWAY_GOLDEN_DIR='" + folder.string() + "' '" +
                              SPILLWAY_GOLDEN_PROGRAM + "' >'" + (output.path() / "out").string() +
                              "' 2>&1";
  const int status = std::system(command.c_str());
  return {status, output.read("out")};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

/// Every number that the runner compares: results, and the parameters that it starts from.
std::vector<Json::json_pointer> compared_values(const Json& file) {
  std::vector<Json::json_pointer> places;
  const Json flat = file.flatten();
  for (const auto& [place, value] : flat.items()) {
    const bool tensor = place.find("/data/") != std::string::npos &&
                        place.find("/x/data/") == std::string::npos &&
                        place.find("/masks/") == std::string::npos;
    if (tensor || place.find("/loss/") != std::string::npos) places.emplace_back(place);
  }
  return places;
}

}  // namespace

TEST_CASE("a golden file with one value changed by 1e-3 fails") {
  const test::TemporaryFolder folder;
  workloads::SplitMix numbers(31);
  std::size_t files = 0;
  for (const char* name : {"mlp_BP_nag", "mlp_FA_sgd_do", "mlp_LEL_SYM_sgd", "mlp_LEL_TLC_nag",
                           "convbias_BP_nag", "conv_LEL_SCFB_sgd_do"}) {
    std::ifstream stream(golden_folder / (std::string(name) + ".json"));
    const Json file = parse_json(stream);
    const std::vector<Json::json_pointer> places = compared_values(file);
    REQUIRE(places.size() > 1000);
    for (int i = 0; i < 25; ++i) {
      Json changed = file;
      Json& value = changed[places[numbers.below(places.size())]];
      value = value.get<double>() + (i % 2 == 0 ? 1e-3 : -1e-3);
      folder.write(std::string(name) + "_" + std::to_string(i) + ".json", changed.dump());
      ++files;
    }
  }
  const auto [status, out] = run_golden(folder.path());
  CHECK(status != 0);
  CHECK(count(out, ": FAILED: ") == files);
}

TEST_CASE("the golden runner gives each file a result of its own and skips none") {
  const auto [status, out] = run_golden(golden_folder);
  CHECK(status == 0);
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(golden_folder)) {
    if (entry.path().extension() != ".json") continue;
    CHECK(count(out, "golden " + entry.path().stem().string() + ": ") == 1);
    ++files;
  }
  CHECK(files == 36);
  CHECK(count(out, ": passed (") == 36);
}

TEST_CASE("a folder without golden files is a failure, not a pass") {
  const test::TemporaryFolder empty;
  CHECK(run_golden(empty.path()).first != 0);
}

}  // namespace spillway::golden_test
