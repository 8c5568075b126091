#include "analysis/comparisons/published_macs.hpp"

#include <fmt/format.h>

#include "analysis/comparisons/reference_file.hpp"
#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace {

using workloads::LayerKind;

Columns<MacComparison> mac_columns() {
  using Row = MacComparison;
  return {
      {{"network", "", "network"}, [](const Row& row) { return row.published.network; }},
      {{"ours", "", "ours"}, [](const Row& row) { return row.ours; }},
      {{"published", "", "published"}, [](const Row& row) { return row.published.macs; }},
      {{"difference", "", "difference"},
       [](const Row& row) { return row.difference(); },
       [](const Row& row) {
         const std::int64_t difference = row.difference();
         return (difference < 0 ? "-" : "+") +
                grouped(static_cast<std::uint64_t>(difference < 0 ? -difference : difference));
       }},
      {{"error", "", "error"}, [](const Row& row) { return row.error; }},
      {{"softmax", "", "softmax"}, [](const Row& row) { return row.softmax; }},
      {{"pooling", "", "pooling"}, [](const Row& row) { return row.pooling; }},
      {{"sums", "", "sums"}, [](const Row& row) { return row.sums; }},
      {{"slip", "", "slip"}, [](const Row& row) { return row.published.slip; }},
      {{"left", "", "unexplained"}, [](const Row& row) { return row.unexplained(); }},
      {{"", "", "slip_reason"},
       [](const Row& row) {
         return row.published.slip == 0 ? Json(nullptr) : Json(row.published.slip_reason);
       }},
  };
}

}  // namespace

std::filesystem::path published_macs_file() { return reference_file("mlperf_tiny_macs.csv"); }

std::vector<PublishedMacs> read_published_macs(const std::filesystem::path& path) {
  std::vector<PublishedMacs> published;
  for (const CsvLine& line : read_reference_lines(path, "a CSV file of published MACs")) {
    const auto count = [&](const char* name) {
      return static_cast<std::uint64_t>(line.number(name).value_or(0));
    };
    published.push_back({line.text("network"), static_cast<std::uint64_t>(line.positive("bp_macs")),
                         count("softmax_macs_per_output"), count("slip_macs"), line.text("slip")});
  }
  return published;
}

MacComparison compare_macs(const workloads::Network& network, const PublishedMacs& published) {
  workloads::StepOptions options;
  options.batch = 1;
  MacComparison row{published};
  row.ours = workloads::learning_rule("bp").training_step(network, options).macs_padded().count();
  const auto outputs = static_cast<std::uint64_t>(network.classes);
  row.error = outputs;
  row.softmax = published.softmax * outputs;
  for (const workloads::Layer& layer : network.layers) {
    const auto values = [](const workloads::ImageShape& shape) {
      return static_cast<std::uint64_t>(shape.elements());
    };
    if (layer.kind == LayerKind::avg_pool || layer.kind == LayerKind::global_avg_pool) {
      row.pooling += 2 * values(layer.input);
    }
    if (layer.kind == LayerKind::add) row.sums += values(layer.output);
  }
  return row;
}

std::vector<MacComparison> compare_macs(const std::vector<PublishedMacs>& published) {
  std::vector<MacComparison> rows;
  for (const PublishedMacs& figure : published) {
    const workloads::Network network = workloads::read_network(
        workloads::shared_folder() / "workloads" / "networks" / (figure.network + ".yaml"));
    rows.push_back(compare_macs(network, figure));
  }
  return rows;
}

std::string published_macs_text(const std::vector<MacComparison>& rows) {
  std::string slips;
  for (const MacComparison& row : rows) {
    if (row.published.slip == 0) continue;
    slips += fmt::format("Slip, {}: {}.\n", row.published.network, row.published.slip_reason);
  }
  return "MACs of one step of backpropagation on one example, taps on padding counted, beside "
         "those\n"
         "of Pau and Aymone (COINS 2023, doi 10.1109/COINS57856.2023.10189239)\n\n" +
         text_table(mac_columns(), rows).text() +
         "\nOurs are products with weights, in three passes but for the first layer's errors. "
         "They\n"
         "count beside them: error, one for each output; softmax, 15 for each output and 2 for "
         "each\n"
         "of two converters; pooling, one for each value averaged, forward and backward; sums, "
         "one\n"
         "for each value of a sum of branches, forward.\n" +
         slips;
}

std::string published_macs_json(const std::vector<MacComparison>& rows) {
  return dump({{"rows", json_rows(mac_columns(), rows)}});
}

}  // namespace spillway::analysis
