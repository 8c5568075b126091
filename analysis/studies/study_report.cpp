// A study's result as text, CSV and JSON.
#include <fmt/format.h>

#include <algorithm>

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

std::string paper_figure(const StudyRow& row, std::size_t decision) {
  return decision < row.paper.size() ? fmt::format("{:.1f}", row.paper[decision]) : "-";
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

}  // namespace

std::string study_text(const StudyResult& result) {
  const bool compare = like_pytorch(result);
  const bool paper = std::ranges::any_of(result.study.rows,
                                         [](const StudyRow& row) { return !row.paper.empty(); });
  std::vector<std::string> header{"rule", "decision at"};
  if (paper) header.emplace_back("paper %");
  header.insert(header.end(), {"test %", "spread", "train %"});
  if (compare) header.insert(header.end(), {"PyTorch %", "difference"});
  Table table(header);
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    const StudyRow& row = result.study.rows[r];
    const StudyOutcome& outcome = result.outcomes[r];
    for (std::size_t i = 0; i < outcome.layers.size(); ++i) {
      std::vector<std::string> cells{i == 0 ? row.label : "", outcome.layers[i]};
      if (paper) cells.push_back(paper_figure(row, i));
      cells.push_back(fmt::format("{:.2f}", mean(outcome.test[i])));
      cells.push_back(outcome.test[i].size() < 2 ? "-"
                                                 : fmt::format("{:.2f}", spread(outcome.test[i])));
      cells.push_back(fmt::format("{:.2f}", mean(outcome.train[i])));
      if (compare) {
        const auto figure = pytorch_figure(row, i);
        cells.push_back(figure ? fmt::format("{:.2f}", *figure) : "-");
        cells.push_back(figure ? fmt::format("{:+.2f}", mean(outcome.test[i]) - *figure) : "-");
      }
      table.add(cells);
    }
  }
  std::string text = result.study.title + "\n\n" + table.text() + "\n" + setting_text(result);
  text +=
      "Spread: sample standard deviation over seeds. Training accuracy is that of the steps of "
      "the last epoch.\n";
  if (compare) {
    text += "PyTorch: an independent implementation in the same setting, mean over its seeds.\n";
  }
  if (result.setting.direct) return text;
  Table traffic({"rule", "words read a step", "words written a step", "MACs a step (millions)"});
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    const sim::Traffic& t = result.outcomes[r].traffic;
    traffic.add({result.study.rows[r].label, grouped(t.dram_read / t.steps),
                 grouped(t.dram_write / t.steps), millions(t.macs / t.steps)});
  }
  return text + "\nTraffic of the same runs, DRAM, per mini-batch\n\n" + traffic.text();
}

std::string study_csv(const StudyResult& result) {
  std::string text =
      "rule,experiment,decision,paper,test_mean,test_spread,train_mean,seeds,pytorch,epochs,"
      "train_images\n";
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    const StudyRow& row = result.study.rows[r];
    const StudyOutcome& outcome = result.outcomes[r];
    for (std::size_t i = 0; i < outcome.layers.size(); ++i) {
      const auto pytorch = like_pytorch(result) ? pytorch_figure(row, i) : std::nullopt;
      text += fmt::format(
          "{},{},{},{},{:.4f},{},{:.4f},{},{},{},{}\n", csv_text(row.label),
          csv_text(row.experiment.stem().string()), csv_text(outcome.layers[i]),
          i < row.paper.size() ? paper_figure(row, i) : "", mean(outcome.test[i]),
          outcome.test[i].size() < 2 ? "" : fmt::format("{:.4f}", spread(outcome.test[i])),
          mean(outcome.train[i]), outcome.test[i].size(),
          pytorch ? fmt::format("{:.3f}", *pytorch) : "", result.setting.epochs,
          result.train_images);
    }
  }
  return text;
}

std::string study_json(const StudyResult& result) {
  Json rows = Json::array();
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    const StudyRow& row = result.study.rows[r];
    const StudyOutcome& outcome = result.outcomes[r];
    Json decisions = Json::array();
    for (std::size_t i = 0; i < outcome.layers.size(); ++i) {
      Json decision = {{"layer", outcome.layers[i]},
                       {"test", outcome.test[i]},
                       {"train", outcome.train[i]},
                       {"test_mean", mean(outcome.test[i])},
                       {"test_spread", spread(outcome.test[i])}};
      if (i < row.paper.size()) decision["paper"] = row.paper[i];
      const auto pytorch = pytorch_figure(row, i);
      if (pytorch && like_pytorch(result)) decision["pytorch"] = *pytorch;
      decisions.push_back(std::move(decision));
    }
    Json entry = {{"rule", row.label},
                  {"experiment", row.experiment.stem().string()},
                  {"decisions", decisions},
                  {"steps", outcome.traffic.steps}};
    if (!result.setting.direct) {
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
