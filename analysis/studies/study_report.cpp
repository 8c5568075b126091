// A study's result as text, CSV and JSON.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/studies/study.hpp"

namespace spillway::analysis {

namespace {

/// Whether the figures of the independent implementation were got in this setting.
bool like_pytorch(const StudyResult& result) {
  return result.study.pytorch_epochs == result.setting.epochs &&
         static_cast<std::size_t>(result.study.pytorch_images) == result.train_images;
}

/// Mean over its seeds of the independent implementation's figure, if there is one.
std::optional<double> pytorch_figure(const StudyRow& row, std::size_t decision) {
  std::vector<double> seeds;
  for (const std::vector<double>& seed : row.pytorch) {
    if (decision < seed.size()) seeds.push_back(seed[decision]);
  }
  if (seeds.empty()) return std::nullopt;
  return mean(seeds);
}

/// A decision of a row, with what it is compared with.
struct DecisionRow {
  const StudyResult& result;
  const StudyRow& row;
  const StudyOutcome& outcome;
  std::size_t decision;

  const std::vector<double>& test() const { return outcome.test[decision]; }
  const std::vector<double>& train() const { return outcome.train[decision]; }
  std::optional<double> paper() const {
    return decision < row.paper.size() ? std::optional(row.paper[decision]) : std::nullopt;
  }
  std::optional<double> pytorch() const {
    return like_pytorch(result) ? pytorch_figure(row, decision) : std::nullopt;
  }
};

std::vector<DecisionRow> rows_of(const StudyResult& result, std::size_t row) {
  std::vector<DecisionRow> rows;
  const StudyOutcome& outcome = result.outcomes[row];
  for (std::size_t i = 0; i < outcome.layers.size(); ++i) {
    rows.push_back({result, result.study.rows[row], outcome, i});
  }
  return rows;
}

/// A figure with so many decimals, or what stands for none.
std::string figure_text(const std::optional<double>& figure, int decimals, const char* none) {
  return figure ? fmt::format("{:.{}f}", *figure, decimals) : none;
}

Json figure_json(const std::optional<double>& figure) {
  return figure ? Json(*figure) : Json(nullptr);
}

/// In text, the paper's and PyTorch's figures only where they are asked for.
Columns<DecisionRow> columns(bool paper = false, bool pytorch = false) {
  using Row = DecisionRow;
  const auto text_if = [](bool shown, const char* name) { return shown ? name : ""; };
  const auto spread_text = [](const Row& row, int decimals, const char* none) {
    return row.test().size() < 2 ? none : fmt::format("{:.{}f}", spread(row.test()), decimals);
  };
  return {
      {{"rule", "rule", ""},
       [](const Row& row) { return row.row.label; },
       [](const Row& row) { return row.decision == 0 ? row.row.label : ""; }},
      {{"", "experiment", ""}, [](const Row& row) { return row.row.experiment.stem().string(); }},
      {{"decision at", "decision", "layer"},
       [](const Row& row) { return row.outcome.layers[row.decision]; }},
      {{text_if(paper, "paper %"), "paper", "paper"},
       [](const Row& row) { return figure_json(row.paper()); },
       [](const Row& row) { return figure_text(row.paper(), 1, "-"); },
       [](const Row& row) { return figure_text(row.paper(), 1, ""); },
       true},
      {{"", "", "test"}, [](const Row& row) { return row.test(); }},
      {{"", "", "train"}, [](const Row& row) { return row.train(); }},
      {{"test %", "test_mean", "test_mean"},
       [](const Row& row) { return mean(row.test()); },
       [](const Row& row) { return figure_text(mean(row.test()), 2, ""); },
       [](const Row& row) { return figure_text(mean(row.test()), 4, ""); }},
      {{text_if(paper, "test - paper"), "", ""},
       [](const Row& row) {
         const std::optional<double> figure = row.paper();
         return figure ? fmt::format("{:+.2f}", mean(row.test()) - *figure) : "-";
       }},
      {{"spread", "test_spread", "test_spread"},
       [](const Row& row) { return spread(row.test()); },
       [spread_text](const Row& row) { return spread_text(row, 2, "-"); },
       [spread_text](const Row& row) { return spread_text(row, 4, ""); }},
      {{"train %", "train_mean", ""},
       [](const Row& row) { return mean(row.train()); },
       [](const Row& row) { return figure_text(mean(row.train()), 2, ""); },
       [](const Row& row) { return figure_text(mean(row.train()), 4, ""); }},
      {{"", "seeds", ""}, [](const Row& row) { return row.test().size(); }},
      {{text_if(pytorch, "PyTorch %"), "pytorch", "pytorch"},
       [](const Row& row) { return figure_json(row.pytorch()); },
       [](const Row& row) { return figure_text(row.pytorch(), 2, "-"); },
       [](const Row& row) { return figure_text(row.pytorch(), 3, ""); },
       true},
      {{text_if(pytorch, "test - PyTorch"), "", ""},
       [](const Row& row) {
         const std::optional<double> figure = row.pytorch();
         return figure ? fmt::format("{:+.2f}", mean(row.test()) - *figure) : "-";
       }},
      {{"", "epochs", ""}, [](const Row& row) { return row.result.setting.epochs; }},
      {{"", "train_images", ""}, [](const Row& row) { return row.result.train_images; }},
  };
}

std::string setting_text(const StudyResult& result) {
  const StudySetting& setting = result.setting;
  std::string text =
      fmt::format("Obtained: {} on {} training and {} test images ({}), {}, {}.\n",
                  counted(static_cast<std::uint64_t>(setting.epochs), "epoch"),
                  grouped(result.train_images), grouped(result.test_images),
                  setting.data.empty() ? "the subset that Spillway ships" : "from the folder given",
                  counted(static_cast<std::uint64_t>(setting.seeds), "seed"),
                  setting.direct ? "without a device" : "through the device");
  if (setting.epochs != result.study.paper_epochs) {
    text += "The learning rate was divided by 5 after about 60 % and 80 % of the epochs.\n";
  }
  if (result.study.paper_epochs > 0 && result.study.paper_seeds > 0) {
    text += fmt::format("Paper: {} on the full data, mean of {}.\n",
                        counted(static_cast<std::uint64_t>(result.study.paper_epochs), "epoch"),
                        counted(static_cast<std::uint64_t>(result.study.paper_seeds), "run"));
  }
  return text;
}

/// What an epoch moves, of each row.
std::string traffic_text(const StudyResult& result) {
  Table table({"rule", "steps", "words read", "words written", "MACs (millions)", "time (ms)"});
  std::string notes;
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    const StudyOutcome& outcome = result.outcomes[r];
    const sim::Traffic& t = outcome.traffic;
    const std::uint64_t epochs = outcome.epochs;
    std::vector<std::string> cells{result.study.rows[r].label, grouped(t.steps / epochs)};
    if (outcome.not_counted.empty()) {
      const double milliseconds = static_cast<double>(t.time_ps) / 1e9;
      cells.insert(
          cells.end(),
          {grouped(t.dram_read / epochs), grouped(t.dram_write / epochs), millions(t.macs / epochs),
           fmt::format("{:.2f}", milliseconds / static_cast<double>(epochs))});
    } else {
      cells.insert(cells.end(), 4, "-");
      notes +=
          fmt::format("{} is not counted: {}\n", result.study.rows[r].label, outcome.not_counted);
    }
    table.add(std::move(cells));
  }
  const char* source = result.setting.direct
                           ? "from one step of each row through the device, all of which are alike"
                           : "counted in the same runs";
  return fmt::format("\nTraffic of an epoch, DRAM, and simulated time, {}\n\n{}{}{}", source,
                     table.text(), notes.empty() ? "" : "\n", notes);
}

}  // namespace

std::string study_text(const StudyResult& result) {
  const bool compare = like_pytorch(result);
  const bool paper = std::ranges::any_of(result.study.rows,
                                         [](const StudyRow& row) { return !row.paper.empty(); });
  const Columns<DecisionRow> shown = columns(paper, compare);
  Table table(text_header(shown));
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    for (const DecisionRow& row : rows_of(result, r)) table.add(text_cells(shown, row));
  }
  std::string text = result.study.title + "\n\n" + table.text() + "\n" + setting_text(result);
  text +=
      "Spread: sample standard deviation over seeds. Training accuracy is that of the steps of "
      "the last epoch.\n";
  if (compare) {
    text += "PyTorch: an independent implementation in the same setting, mean over its seeds.\n";
  }
  return text + traffic_text(result);
}

std::string study_csv(const StudyResult& result) {
  std::string text = csv_header(columns()) + "\n";
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    for (const DecisionRow& row : rows_of(result, r)) text += csv_line(columns(), row) + "\n";
  }
  return text;
}

std::string study_json(const StudyResult& result) {
  Json rows = Json::array();
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    const StudyRow& row = result.study.rows[r];
    const StudyOutcome& outcome = result.outcomes[r];
    Json entry = {{"rule", row.label},
                  {"experiment", row.experiment.stem().string()},
                  {"decisions", json_rows(columns(), rows_of(result, r))},
                  {"epochs", outcome.epochs},
                  {"steps", outcome.traffic.steps}};
    for (std::size_t i = 0; i < outcome.by_epoch.size(); ++i) {
      entry["decisions"][i]["test_by_epoch"] = outcome.by_epoch[i];
    }
    if (outcome.not_counted.empty()) {
      entry["dram"] = {{"read_words", outcome.traffic.dram_read},
                       {"write_words", outcome.traffic.dram_write}};
      entry["macs"] = outcome.traffic.macs;
      entry["time_ns"] = static_cast<double>(outcome.traffic.time_ps) / 1000;
    }
    rows.push_back(std::move(entry));
  }
  return dump({{"study", result.study.name},
               {"title", result.study.title},
               {"epochs", result.setting.epochs},
               {"seeds", result.setting.seeds},
               {"train_images", result.train_images},
               {"test_images", result.test_images},
               {"device", !result.setting.direct},
               {"rows", rows}});
}

}  // namespace spillway::analysis
