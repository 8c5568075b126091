// MACs of backpropagation beside published figures: every difference adds up.
#include "analysis/comparisons/published_macs.hpp"

#include <doctest/doctest.h>

#include "tests/support/printed.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::published_macs_test {

using analysis::MacComparison;

namespace {

std::vector<MacComparison> shipped() {
  return analysis::compare_macs(analysis::read_published_macs(analysis::published_macs_file()));
}

}  // namespace

TEST_CASE("published MACs are ours and what has a reason") {
  const std::vector<MacComparison> rows = shipped();
  REQUIRE(rows.size() == 4);
  for (const MacComparison& row : rows) {
    CAPTURE(row.published.network);
    CHECK(row.ours + row.error + row.softmax + row.pooling + row.sums + row.published.slip ==
          row.published.macs);
    CHECK(row.unexplained() == 0);
  }
  CHECK(rows[0].ours + 640 == 711'296);  // the error of 640 outputs, nothing else
  CHECK(rows[0].error == 640);
}

TEST_CASE("our MACs are three passes over padded products without the first layer's errors") {
  for (const MacComparison& row : shipped()) {
    CAPTURE(row.published.network);
    const workloads::Network network = workloads::read_network(
        workloads::shared_folder() / "workloads" / "networks" / (row.published.network + ".yaml"));
    std::uint64_t all = 0, first = 0;
    for (const workloads::Layer& layer : network.layers) {
      if (!is_weighted(layer.kind)) continue;
      all += layer.macs_padded().count();
      if (first == 0) first = layer.macs_padded().count();
    }
    CHECK(row.ours == 3 * all - first);
  }
}

TEST_CASE("the slip is one depthwise layer with maps of another size") {
  const MacComparison mobilenet = shipped()[2];
  CHECK(mobilenet.published.slip == 3 * 9 * 64 * (16 * 16 - 6 * 6));
  const workloads::Network network = workloads::read_network(
      workloads::shared_folder() / "workloads" / "networks" / "mobilenet-v1-025.yaml");
  int layers = 0;
  for (const workloads::Layer& layer : network.layers) {
    layers += layer.groups == 64 && layer.output == workloads::ImageShape{64, 6, 6} &&
              layer.stride[0] == 2;
  }
  CHECK(layers == 1);
}

TEST_CASE("a published figure that is off by one is not explained") {
  std::vector<analysis::PublishedMacs> figures =
      analysis::read_published_macs(analysis::published_macs_file());
  figures[3].macs += 1;
  const std::vector<MacComparison> rows = analysis::compare_macs(figures);
  CHECK(rows[2].unexplained() == 0);
  CHECK(rows[3].unexplained() == 1);
}

TEST_CASE("the table of macs says what its JSON says") {
  const test::TemporaryFolder folder;
  const test::Printed macs = test::printed(folder, {"macs"});
  REQUIRE(macs.tables.size() == 1);
  const Json& rows = macs.result.at("rows");
  REQUIRE(rows.size() == macs.tables[0].rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(macs.tables[0].column("network")[i] == rows[i].at("network"));
    for (const char* key :
         {"ours", "published", "difference", "error", "softmax", "pooling", "sums", "slip"}) {
      CAPTURE(key);
      CHECK(test::shows(macs.tables[0].column(key)[i], rows[i].at(key).get<double>()));
    }
    CHECK(test::shows(macs.tables[0].column("left")[i], rows[i].at("unexplained").get<double>()));
  }
}

}  // namespace spillway::published_macs_test
