// Every table that a command prints says what the same command says in JSON and CSV: column by
// column, under the right heading.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "analysis/commands/command.hpp"
#include "tests/support/printed.hpp"
#include "tests/support/program.hpp"
#include "tests/support/text_table.hpp"
#include "workloads/support/json.hpp"
#include "workloads/support/sizes.hpp"

namespace spillway::tables_test {

using test::printed;
using test::Printed;
using test::shows;
using test::table_with;
using test::TemporaryFolder;
using test::TextTable;

namespace {

constexpr const char* network =
    "input: [2, 8, 8]\nclasses: 4\nlayers:\n"
    "  - {type: conv, out: 6, kernel: 3, padding: same, max_pool: {kernel: 2}, batch_norm: true}\n"
    "  - {type: conv, out: 8, kernel: 3, stride: 2, padding: same}\n"
    "  - {type: fc, out: 20}\n";
constexpr const char* experiment =
    "network: net.yaml\nrule: bp\ndevice: {base: paper, buffer: 4KiB}\nbatch: 10\npolicy: best\n"
    "data: {base: random, train: 60, test: 20}\nidealisations: [labels, seeds, readout layer]\n";

TemporaryFolder& with_files(TemporaryFolder& folder) {
  folder.write("net.yaml", network);
  folder.write("e.yaml", experiment);
  return folder;
}

void require_shown(const std::string& what, const std::string& cell, double value) {
  CAPTURE(what);
  CAPTURE(cell);
  CAPTURE(value);
  CHECK(shows(cell, value));
}

/// A column beside a key of JSON rows, in their order and `scale` times as large.
void require_column(const TextTable& table, const std::string& heading, const Json& rows,
                    const Json::json_pointer& key, double scale = 1) {
  const std::vector<std::string> cells = table.column(heading);
  REQUIRE(cells.size() >= rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(heading);
    if (!rows[i].contains(key)) {
      CHECK(cells[i] == "-");
    } else if (rows[i].at(key).is_string()) {
      CHECK(cells[i] == rows[i].at(key).get<std::string>());
    } else {
      require_shown(heading, cells[i], rows[i].at(key).get<double>() * scale);
    }
  }
}

Json::json_pointer operator""_key(const char* text, std::size_t size) {
  return Json::json_pointer("/" + std::string(text, size));
}

/// Sum over rows of a key.
double sum_of(const Json& rows, const char* key) {
  double sum = 0;
  for (const Json& row : rows) sum += row.value(key, 0.0);
  return sum;
}

/// The ledger's lines, which the text has in another order.
void require_ledger(const TextTable& table, const Json& result, const std::string& words) {
  std::map<std::string, double> lines;
  for (const Json& row : result.at("ledger")) {
    lines[row.at("layer").get<std::string>() + "/" + row.at("phase").get<std::string>() + "/" +
          row.at("tensor").get<std::string>() + "/" + row.at("direction").get<std::string>()] =
        row.at("words");
  }
  lines["total///read"] = result.at("dram").at("read_words");
  lines["total///write"] = result.at("dram").at("write_words");
  CHECK(table.rows.size() == lines.size());
  const std::vector<std::string> cells = table.column(words);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto& row = table.rows[i];
    const std::string name = row[0] + "/" + row[1] + "/" + row[2] + "/" + row[3];
    REQUIRE(lines.contains(name));
    require_shown(name, cells[i], lines.at(name));
  }
  CHECK(table.header[0] == "layer");
  CHECK(table.header[1] == "phase");
  CHECK(table.header[2] == "tensor");
  CHECK(table.header[3] == "direction");
}

void require_items(const TextTable& table, const Json& result) {
  const double counted = result.at("dram").at("read_words").get<double>() +
                         result.at("dram").at("write_words").get<double>();
  std::size_t idealised = 0;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string item = table.column("item")[i];
    CAPTURE(item);
    const bool at_host = result.at("idealised_words").contains(item);
    CHECK(table.column("where")[i] == (at_host ? "host" : "DRAM"));
    if (!at_host) {
      CHECK(table.column("added to all DRAM words")[i] == "counted above");
      continue;
    }
    ++idealised;
    const double words = result.at("idealised_words").at(item);
    CHECK(test::number_of(table.column("read words")[i]) +
              test::number_of(table.column("written words")[i]) ==
          words);
    require_shown(item, table.column("added to all DRAM words")[i], 100 * words / counted);
  }
  CHECK(idealised == result.at("idealised_words").size());
}

/// A line such as "  capacity    4.0 KiB  (1 024 words)".
void require_buffer_line(const std::string& text, const std::string& what, std::uint64_t bytes) {
  const std::size_t at = text.find("\n  " + what);
  CAPTURE(what);
  REQUIRE(at != std::string::npos);
  const std::string line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
  const std::size_t words = line.find('(');
  require_shown(what, line.substr(words + 1), static_cast<double>(bytes) / 4);
  const std::string size = line.substr(2 + what.size(), words - 2 - what.size());
  const auto shown = workloads::parse_size(size.substr(
      size.find_first_not_of(' '), size.find_last_not_of(' ') + 1 - size.find_first_not_of(' ')));
  REQUIRE(shown);
  CHECK(shown->count() >= bytes);
  CHECK(shown->count() <= bytes + bytes / 10);
}

void require_layers(const TextTable& table, const Json& layers) {
  require_column(table, "layer", layers, "layer"_key);
  require_column(table, "forward", layers, "forward_words"_key);
  require_column(table, "loss, backward, update", layers, "other_words"_key);
  require_column(table, "in all", layers, "words"_key);
  require_column(table, "every word once", layers, "each_word_once"_key);
  // Two headings are alike: the bound stands behind what it bounds.
  REQUIRE(table.header[2] == "alone at least");
  REQUIRE(table.header[4] == "alone at least");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (const auto& [column, key] :
         {std::pair{2u, "forward_alone_words"}, {4u, "gradients_alone_words"}}) {
      const std::string& cell = table.rows[i][column];
      if (!layers[i].contains(key)) CHECK(cell == "-");
      if (layers[i].contains(key)) require_shown(key, cell, layers[i].at(key));
    }
  }
  const auto& sum = table.rows.back();
  require_shown("sum", sum[1], sum_of(layers, "forward_words"));
  require_shown("sum", sum[3], sum_of(layers, "other_words"));
  require_shown("sum", sum[5], sum_of(layers, "words"));
  require_shown("sum", sum[6], sum_of(layers, "each_word_once"));
}

/// Shares of the data bus and energies of a run, from nanoseconds or cycles and picojoules.
void require_bus(const TextTable& table, const Json& bus) {
  CHECK(table.rows.size() == bus.size());
  double all = 0;
  for (const Json& part : bus) all += part.get<double>();
  double cycles = 0;
  for (const std::string& cell : table.column("cycles")) cycles += test::number_of(cell);
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    std::string key = table.column("data bus")[i];
    std::ranges::replace(key, ' ', '_');
    CAPTURE(key);
    const double share = bus.at(key).get<double>() / all;
    require_shown(key, table.column("%")[i], 100 * share);
    require_shown(key, table.column("cycles")[i], share * cycles);
  }
}

void require_energy(const TextTable& table, const Json& micro_joules, double interface_uj,
                    double bits) {
  CHECK(table.rows.size() == micro_joules.size() + 1);
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string name = table.column("energy")[i];
    CAPTURE(name);
    const double uj = name == "interface, apart"     ? interface_uj
                      : name == "total of the chips" ? micro_joules.at("total").get<double>()
                                                     : micro_joules.at(name).get<double>();
    require_shown(name, table.column("uJ")[i], uj);
    require_shown(name, table.column("pJ/bit")[i], uj * 1e6 / bits);
  }
}

}  // namespace

TEST_CASE("the tables of run say what its JSON says") {
  TemporaryFolder folder;
  const Printed run = printed(with_files(folder), {"run", "e.yaml", "--ledger"});
  const TextTable ledger = table_with(run.tables, {"layer", "phase", "tensor"});
  require_ledger(ledger, run.result, "planned words");
  require_ledger(ledger, run.result, "simulated words");
  require_items(table_with(run.tables, {"item"}), run.result);
  const TextTable times = table_with(run.tables, {"layer", "phase", "load"});
  const Json& by_layer = run.result.at("time_by_layer");
  require_column(times, "layer", by_layer, "layer"_key);
  require_column(times, "phase", by_layer, "phase"_key);
  require_column(times, "first cycle", by_layer, "first_cycle"_key);
  require_column(times, "last cycle", by_layer, "last_cycle"_key);
  require_column(times, "bound by", by_layer, "bound"_key);
  require_column(times, "array %", by_layer, "array_pct"_key);
  CHECK(times.column("bound by").back() == run.result.at("bound"));
  for (const std::string engine : {"load", "store", "compute", "generate"}) {
    const Json::json_pointer busy("/" + engine);
    require_column(times, engine, by_layer, busy / "busy_cycles");
    require_column(times, engine + ", ns", by_layer, busy / "busy_ns");
  }
  const Json& dram = run.result.at("dram");
  require_bus(table_with(run.tables, {"data bus"}), dram.at("bus_ns"));
  Json energy = dram.at("energy_pJ");
  for (Json& part : energy) part = part.get<double>() * 1e-6;
  const double bits =
      (dram.at("read_bytes").get<double>() + dram.at("write_bytes").get<double>()) * 8;
  require_energy(table_with(run.tables, {"energy"}), energy,
                 dram.at("io_energy_pJ").get<double>() * 1e-6, bits);
  require_buffer_line(run.text, "capacity", run.result.at("buffer").at("capacity_bytes"));
  require_buffer_line(run.text, "high-water mark, engines overlapping",
                      run.result.at("buffer").at("high_water_bytes"));
}

TEST_CASE("the tables of plan say what its JSON says") {
  TemporaryFolder folder;
  const Printed plan = printed(with_files(folder), {"plan", "e.yaml", "--ledger"});
  require_ledger(table_with(plan.tables, {"layer", "phase", "tensor"}), plan.result,
                 "planned words");
  require_items(table_with(plan.tables, {"item"}), plan.result);
  require_layers(table_with(plan.tables, {"layer", "forward"}), plan.result.at("layers"));
  const TextTable nests = table_with(plan.tables, {"nest"});
  REQUIRE(nests.rows.size() == plan.result.at("nests").size());
  require_column(nests, "DRAM words", plan.result.at("nests"), "dram_words"_key);
  require_column(nests, "each word once", plan.result.at("nests"), "each_word_once"_key);
  for (std::size_t i = 0; i < nests.rows.size(); ++i) {
    CHECK(nests.column("nest")[i] == std::to_string(i + 1));
    const Json& nest = plan.result.at("nests")[i];
    for (const Json& loop : nest.at("loops")) {
      CHECK(nests.column("loops, outermost first")[i].find(loop.get<std::string>()) !=
            std::string::npos);
    }
    const std::string operations = nests.column("operations")[i];
    if (nest.at("operations").size() <= 6) {
      CHECK(operations.starts_with(nest.at("operations")[0].get<std::string>()));
    }
  }
  require_buffer_line(plan.text, "needed, one instruction after another",
                      plan.result.at("buffer").at("high_water_bytes"));
}

TEST_CASE("the tables of train and infer say what their JSON and CSV say") {
  TemporaryFolder folder;
  with_files(folder);
  const std::vector<std::string> local{"--set", "rule=lel", "--set", "training.validation=10"};
  std::vector<std::string> arguments{"train", "e.yaml", "--checkpoint", "c", "--epochs", "2"};
  arguments.insert(arguments.end(), local.begin(), local.end());
  const Printed train = printed(folder, arguments);
  REQUIRE(train.tables.size() == 2);
  for (std::size_t e = 0; e < 2; ++e) {
    const Json& epoch = train.result.at("epochs")[e];
    const TextTable& table = train.tables[e];
    REQUIRE(table.header == std::vector<std::string>{"decision at", "loss", "train accuracy %",
                                                     "validation accuracy %", "test accuracy %"});
    REQUIRE(table.rows.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(table.rows[i][0] == epoch.at("layers")[i].get<std::string>());
      require_shown("loss", table.rows[i][1], epoch.at("layer_loss")[i]);
      const char* const keys[] = {"train_accuracy", "validation_accuracy", "test_accuracy"};
      for (std::size_t k = 0; k < 3; ++k) {
        require_shown(keys[k], table.rows[i][k + 2], 100 * epoch.at(keys[k])[i].get<double>());
      }
    }
  }
  arguments = {"infer", "e.yaml", "--checkpoint", "c", "--out", "."};
  arguments.insert(arguments.end(), local.begin(), local.end());
  const Printed infer = printed(folder, arguments);
  REQUIRE(infer.tables.size() == 1);
  const TextTable& table = infer.tables[0];
  const Json& exits = infer.result.at("exits");
  REQUIRE(table.rows.size() == 3);
  REQUIRE(table.header.size() == 9);
  require_column(table, "exit at", exits, "exit"_key);
  require_column(table, "accuracy %", exits, "accuracy"_key, 100);
  require_column(table, "loss", exits, "loss"_key);
  require_column(table, "words read", exits, "read_words"_key);
  require_column(table, "words written", exits, "write_words"_key);
  require_column(table, "MACs (millions)", exits, "macs"_key, 1e-6);
  require_column(table, "time (us)", exits, "time_ns"_key, 1e-3);
  const TextTable csv = test::csv_table(folder.read("infer.csv"));
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string share = table.column("of the last exit's time")[i];
    CHECK(share.ends_with(" %"));
    require_shown(
        "share", share,
        100 * exits[i].at("time_ns").get<double>() / exits.back().at("time_ns").get<double>());
    const auto bytes = 4 * exits[i].at("buffer_words").get<std::uint64_t>();
    CHECK(table.column("needed on chip")[i] == workloads::needed_size(workloads::Bytes(bytes)));
    for (const auto& [column, key] : {std::pair{"words_read", "read_words"},
                                      {"words_written", "write_words"},
                                      {"macs", "macs"},
                                      {"buffer_words", "buffer_words"},
                                      {"loss", "loss"},
                                      {"accuracy", "accuracy"}}) {
      require_shown(column, csv.column(column)[i], exits[i].at(key));
    }
    require_shown("time_us", csv.column("time_us")[i], exits[i].at("time_ns").get<double>() / 1000);
  }
}

TEST_CASE("the tables of network and table1 say what their JSON says") {
  TemporaryFolder folder;
  const Printed shapes = printed(with_files(folder), {"network", "net.yaml"});
  const TextTable table = table_with(shapes.tables, {"layer"});
  const Json& layers = shapes.result.at("layers");
  require_column(table, "layer", layers, "layer"_key);
  require_column(table, "|P|", layers, "weights"_key);
  require_column(table, "parameters", layers, "parameters"_key);
  require_column(table, "|Y|", layers, "activations_before_pool"_key);
  require_column(table, "|A|", layers, "activations"_key);
  require_column(table, "R", layers, "fan_out"_key);
  require_column(table, "MACs padded", layers, "macs_padded"_key);
  require_column(table, "MACs exact", layers, "macs"_key);
  require_shown("sum", table.column("|P|").back(), shapes.result.at("weights"));
  require_shown("sum", table.column("|A|").back(), shapes.result.at("activations"));
  const TextTable parameters = table_with(shapes.tables, {"parameters"});
  const char* const keys[] = {"weights",         "biases",         "batch_norm_parameters",
                              "readout_weights", "readout_biases", "parameters"};
  REQUIRE(parameters.rows.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    require_shown(keys[i], parameters.column("words")[i], shapes.result.at(keys[i]));
  }

  const Printed closed = printed(folder, {"table1", "net.yaml", "--epochs", "2", "--batches", "3"});
  REQUIRE(closed.tables.size() == 1);
  const Json& rows = closed.result.at("rows");
  require_column(closed.tables[0], "network", rows, "network"_key);
  require_column(closed.tables[0], "rule", rows, "rule"_key);
  require_column(closed.tables[0], "reads", rows, "reads"_key);
  require_column(closed.tables[0], "writes", rows, "writes"_key);
  require_column(closed.tables[0], "MACs Figure 2", rows, "macs_figure2"_key, 1e-6);
  require_column(closed.tables[0], "MACs printed", rows, "macs_printed"_key, 1e-6);
  require_column(closed.tables[0], "MACs exact", rows, "macs_exact"_key, 1e-6);
}

TEST_CASE("the tables of explore-buffer say what its JSON and CSV say") {
  TemporaryFolder folder;
  const Printed explored =
      printed(with_files(folder), {"explore-buffer", "net.yaml", "--batch", "4", "--sizes",
                                   "100,1000,3KB,8K", "--csv", "x.csv"});
  const TextTable csv = test::csv_table(folder.read("x.csv"));
  const Json& rows = explored.result.at("rows");
  REQUIRE(csv.rows.size() == rows.size());
  std::vector<const TextTable*> words, again;
  for (const TextTable& table : explored.tables) {
    (table.has("BP / LEL") ? words : again).push_back(&table);
  }
  REQUIRE(words.size() == 2);  // without batch-norm and with it
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Json& row = rows[i];
    const std::size_t block = i / 4, line = i % 4;
    const auto cell = [&](const char* column) { return words[block]->column(column)[line]; };
    for (const auto& [column, key] : {std::pair{"BP", "bp"},
                                      {"BP recomputing", "bp_recompute"},
                                      {"LEL", "lel"},
                                      {"LEL recomputing", "lel_recompute"}}) {
      CAPTURE(column);
      if (row.at(key).contains("refused")) {
        CHECK(cell(column) == "refused");
        require_shown(key, csv.column(std::string(key) + "_smallest_bytes")[i],
                      row.at(key).at("smallest_bytes"));
        continue;
      }
      require_shown(column, cell(column), row.at(key).at("words"));
      for (const char* part : {"reads", "writes", "words", "macs", "macs_again"}) {
        require_shown(part, csv.column(std::string(key) + "_" + part)[i], row.at(key).at(part));
      }
      if (block >= again.size()) continue;
      const std::string repeated = again[block]->column(column)[line];
      const double macs = row.at(key).at("macs_again");
      if (macs == 0) CHECK(repeated == "none");
      if (macs > 0) require_shown("again", repeated, macs * 1e-6);
    }
    for (const auto& [column, key] :
         {std::pair{"BP / LEL", "bp_over_lel"},
          {"BP recomputing / LEL recomputing", "bp_recompute_over_lel_recompute"}}) {
      if (!row.contains(key)) CHECK(cell(column) == "-");
      if (!row.contains(key)) continue;
      require_shown(column, cell(column), row.at(key));
      require_shown(column, csv.column(key)[i], row.at(key));
    }
    require_shown("forward", cell("forward pass alone"), row.at("forward_alone_words"));
    require_shown("forward", csv.column("forward_alone_words")[i], row.at("forward_alone_words"));
    require_shown("buffer", csv.column("buffer_bytes")[i], row.at("buffer_bytes"));
    CHECK(workloads::parse_size(cell("buffer"))->count() == row.at("buffer_bytes"));
  }
}

TEST_CASE("the tables of dram and accuracy say what their JSON says") {
  TemporaryFolder folder;
  const Printed dram = printed(folder, {"dram", "ddr4-2400", "--pattern", "c_rw4k", "--mib", "1"});
  require_bus(table_with(dram.tables, {"data bus"}), dram.result.at("bus_cycles"));
  const double bits = dram.result.at("bursts").get<double>() * 64 * 8;
  require_energy(table_with(dram.tables, {"energy"}), dram.result.at("energy_uJ"),
                 dram.result.at("io_energy_uJ"), bits);
  const auto line = [&](const std::string& what) {
    const std::size_t at = dram.text.find("\n  " + what + "  ") + 3 + what.size();
    const std::size_t begin = dram.text.find_first_not_of(' ', at);
    return dram.text.substr(begin, dram.text.find('\n', begin) - begin);
  };
  for (const char* key : {"bursts", "cycles", "activates", "precharges", "refreshes"}) {
    require_shown(key, line(key), dram.result.at(key));
  }
  require_shown("row hits", line("row hits"), dram.result.at("row_hits"));
  require_shown("time", line("time"), dram.result.at("time_ns").get<double>() / 1000);
  require_shown("bandwidth", line("bandwidth"), dram.result.at("bandwidth_GBps"));
  require_shown("latency", line("average read latency"), dram.result.at("avg_read_latency_ns"));

  folder.write("reference.csv",
               "simulator,scheduler,device,mapping,trace,total_MiB,time_ns,bandwidth_GBps,"
               "activates,e_total_uJ\n"
               "ramulator2,FRFCFS,ddr4-2400,RoBaCoBg,c_rw4k,1,70000,15,2100,160\n"
               "dramsim3,x,ddr4-2400,RoBaCoBg,c_rw4k,1,90000,12,2000,150\n");
  test::run_spillway({"accuracy", "reference.csv", "--json", "a.json"}, folder.path());
  const test::ProgramRun run = test::run_spillway({"accuracy", "reference.csv"}, folder.path());
  const Json result = parse_json(folder.read("a.json"));
  const std::vector<TextTable> tables = test::text_tables(run.out);
  const Json& rows = result.at("rows");
  const auto beside = std::ranges::find_if(
      tables, [](const TextTable& table) { return table.header.front() == "device"; });
  REQUIRE(beside != tables.end());
  REQUIRE(beside->rows.size() == rows.size());
  require_column(*beside, "device", rows, "device"_key);
  require_column(*beside, "mapping", rows, "mapping"_key);
  require_column(*beside, "pattern", rows, "pattern"_key);
  require_column(*beside, "MiB", rows, "mib"_key);
  require_column(*beside, "us", rows, "reference_ns"_key, 1e-3);
  require_column(*beside, "ours, us", rows, "time_ns"_key, 1e-3);
  require_column(*beside, "time, %", rows, "time/percent"_key);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(beside->column("simulator")[i].starts_with(rows[i].at("simulator").get<std::string>()));
    for (const auto& [column, key] :
         {std::pair{"activates, %", "activates"}, {"energy, %", "energy"}}) {
      const std::string cell = beside->column(column)[i];
      if (rows[i].at(key).is_null()) CHECK(cell == "");
      if (!rows[i].at(key).is_null()) require_shown(column, cell, rows[i].at(key).at("percent"));
    }
  }
  // One judged row: mean and maximum are its difference.
  const TextTable summary = table_with(tables, {"judged"});
  double difference = 0;
  int judged = 0;
  for (const Json& row : rows) {
    if (row.at("time").at("bound").is_null()) continue;
    difference = std::abs(row.at("time").at("percent").get<double>());
    ++judged;
  }
  REQUIRE(judged == 1);
  CHECK(summary.column("rows")[0] == "1");
  require_shown("mean", summary.column("mean, %")[0], difference);
  require_shown("maximum", summary.column("maximum, %")[0], difference);
}

TEST_CASE("check's lines say what its JSON says") {
  TemporaryFolder folder;
  folder.write("net.yaml", network);
  folder.write("e.yaml", "network: net.yaml\nrule: lel\ndevice: paper\nbatch: 10\ndata: random\n");
  REQUIRE(test::run_spillway({"check", "e.yaml", "--update"}, folder.path()).exit_code == 0);
  const Printed same = printed(folder, {"check", "e.yaml"});
  const Json& entry = same.result.at("experiments")[0];
  CHECK(same.text ==
        "e.yaml: " + std::to_string(entry.at("rows").get<int>()) + " counts as in the baseline\n");
}

TEST_CASE("no command prints a table that no test compares") {
  const std::set<std::string> compared{// here
                                       "run", "plan", "train", "infer", "network", "table1",
                                       "explore-buffer", "dram", "accuracy", "check",
                                       // comparisons/published_macs_test.cpp
                                       "macs",
                                       // figures/locality_test.cpp
                                       "locality",
                                       // pages/report_page_test.cpp
                                       "report",
                                       // result_diff_test.cpp
                                       "diff",
                                       // results_tables_test.cpp
                                       "figure6", "rules", "items", "reproduce", "bench",
                                       // sweeps/sweep_test.cpp
                                       "sweep"};
  for (const analysis::Command& command : analysis::commands()) {
    CAPTURE(command.name);
    CHECK(compared.contains(command.name));
  }
}

}  // namespace spillway::tables_test
