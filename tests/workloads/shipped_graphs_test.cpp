// The shipped networks that others have published, beside what they are known to have.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "workloads/blocks.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::shipped_graphs_test {

using namespace workloads;

namespace {

using Row = std::vector<std::string>;

std::vector<Row> rows_of(const char* name) {
  std::ifstream file(std::filesystem::path(SPILLWAY_SOURCE_DIR) / "tests/data/networks" / name);
  std::vector<Row> rows;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    Row row;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    rows.push_back(row);
  }
  return rows;
}

Network shipped(const std::string& name) {
  return read_network(shared_folder() / "workloads" / "networks" / (name + ".yaml"));
}

}  // namespace

TEST_CASE("layers of published networks have their weights, MACs and outputs") {
  std::map<std::string, std::size_t> compared;
  std::map<std::string, Network> networks;
  for (const Row& row : rows_of("layers.csv")) {
    CAPTURE(row[0]);
    CAPTURE(row[1]);
    if (!networks.contains(row[0])) networks.emplace(row[0], shipped(row[0]));
    const Layer& layer = networks.at(row[0]).layers.at(compared[row[0]]++);
    CHECK(layer.name == row[1]);
    CHECK(layer.weights() == Words(std::stoull(row[2])));
    CHECK(layer.macs_padded() == Macs(std::stoull(row[3])));
    CHECK(layer.macs_exact() == Macs(std::stoull(row[4])));
    CHECK(layer.activations() == Words(std::stoull(row[5])));
  }
  CHECK(compared.size() == 8);
  for (const auto& [name, network] : networks) CHECK(network.layers.size() == compared.at(name));
}

TEST_CASE("published networks have their cuts, and so much alive at once") {
  for (const Row& row : rows_of("totals.csv")) {
    CAPTURE(row[0]);
    const Network network = shipped(row[0]);
    CHECK(cuts(network).size() == std::stoul(row[1]));
    CHECK(natural_blocks(network).size() == std::stoul(row[2]));
    CHECK(most_alive_in_inference(network) == std::stoll(row[3]));
    CHECK(most_alive_in_training(network) == std::stoll(row[4]));
  }
}

}  // namespace spillway::shipped_graphs_test
