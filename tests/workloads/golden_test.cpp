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

const fs::path data_folder = fs::path(SPILLWAY_SOURCE_DIR) / "tests" / "data";
const fs::path golden_folder = data_folder / "golden";
/// Graphs, larger blocks, direct feedback alignment.
const fs::path second_folder = data_folder / "golden2";

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

/// Writes copies of a golden file with one value changed each.
void write_changed(const test::TemporaryFolder& folder, const fs::path& path, int copies,
                   workloads::SplitMix& numbers) {
  std::ifstream stream(path);
  const Json file = parse_json(stream);
  const std::vector<Json::json_pointer> places = compared_values(file);
  REQUIRE(places.size() > 1000);
  for (int i = 0; i < copies; ++i) {
    Json changed = file;
    Json& value = changed[places[numbers.below(places.size())]];
    value = value.get<double>() + (i % 2 == 0 ? 1e-3 : -1e-3);
    folder.write(path.stem().string() + "_" + std::to_string(i) + ".json", changed.dump());
  }
}

TEST_CASE("a golden file with one value changed by 1e-3 fails") {
  const test::TemporaryFolder folder;
  workloads::SplitMix numbers(31);
  std::size_t files = 0;
  for (const char* name : {"mlp_BP_nag", "mlp_FA_sgd_do", "mlp_LEL_SYM_sgd", "mlp_LEL_TLC_nag",
                           "convbias_BP_nag", "conv_LEL_SCFB_sgd_do"}) {
    write_changed(folder, golden_folder / (std::string(name) + ".json"), 25, numbers);
    files += 25;
  }
  for (const char* name :
       {"res_BP_nag", "res_LEL_SYM_nag_blocks", "inception_FA_nag", "dense_LEL_SYM_nag",
        "invres_LEL_TLC_nag", "mixed_FA_nag", "mlp3_LEL_SCFB_nag_blocks12", "mlp_DFA_nag"}) {
    write_changed(folder, second_folder / (std::string(name) + ".json"), 10, numbers);
    files += 10;
  }
  const auto [status, out] = run_golden(folder.path());
  CHECK(status != 0);
  CHECK(count(out, ": FAILED: ") == files);
}

TEST_CASE("the golden runner gives each file a result of its own and skips none") {
  for (const auto& [set, size] :
       {std::pair(golden_folder, std::size_t{36}), std::pair(second_folder, std::size_t{29})}) {
    const auto [status, out] = run_golden(set);
    CHECK(status == 0);
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(set)) {
      if (entry.path().extension() != ".json") continue;
      CHECK(count(out, "golden " + entry.path().stem().string() + ": ") == 1);
      ++files;
    }
    CHECK(files == size);
    CHECK(count(out, ": passed (") == size);
  }
}

TEST_CASE("a folder without golden files is a failure, not a pass") {
  const test::TemporaryFolder empty;
  CHECK(run_golden(empty.path()).first != 0);
}

}  // namespace spillway::golden_test
