// The command that trains the rows of a study: reproduce.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "analysis/commands/command.hpp"
#include "analysis/commands/interrupts.hpp"
#include "analysis/commands/pace.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/studies/study_run.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds line_interval{60};  // where no terminal shows each step

po::options_description reproduce_options() {
  po::options_description options = json_option();
  options.add_options()("epochs", po::value<std::string>()->value_name("N"),
                        "passes over the training set")(
      "subset", po::value<std::string>()->value_name("N"), "the first N training images alone")(
      "seeds", po::value<std::string>()->value_name("N"), "runs of each row, with seeds 1 to N")(
      "data", po::value<std::string>()->value_name("DIR"),
      "folder of the full data set (workloads/data/fetch); the shipped subset when not given")(
      "paper", "the paper's full setting: its epochs and schedule, its number of runs")(
      "direct",
      "train without the device: the same values; one step of each row is counted on the device")(
      "checkpoints", po::value<std::string>()->value_name("DIR"),
      "keep runs in DIR, also when all is done; when not given, unfinished runs are kept in "
      "STUDY.unfinished in the folder of --out, and the same command continues them")(
      "out", po::value<std::string>()->default_value(".")->value_name("DIR"),
      "folder for STUDY.csv, STUDY.json, STUDY.svg and STUDY-curves.svg (made when missing)")(
      "file", po::value<Arguments>()->value_name("STUDY.yaml"), "");
  return options;
}

StudySetting setting_of(const po::variables_map& values, const Study& study) {
  StudySetting setting = study.usual;
  if (values.count("paper") != 0) {
    if (study.paper_epochs == 0) {
      throw workloads::InputError("--paper: " + study.name +
                                  " is no table of the paper; allowed: table2 to table5");
    }
    setting.epochs = study.paper_epochs;
    setting.seeds = study.paper_seeds;
  }
  const auto count = [&](const char* name, std::int64_t most) {
    return integer_option(values, name, 1, most);
  };
  if (values.count("epochs") != 0) setting.epochs = static_cast<int>(count("epochs", 1'000'000));
  if (values.count("seeds") != 0) setting.seeds = static_cast<int>(count("seeds", 1000));
  if (values.count("subset") != 0) setting.subset = count("subset", 1 << 24);
  if (values.count("data") != 0) setting.data = values["data"].as<std::string>();
  setting.direct = values.count("direct") != 0;
  return setting;
}

/// The folder of runs that are kept; one that is not asked for goes when it is empty.
class KeptRuns {
 public:
  KeptRuns(fs::path folder, bool asked_for) : folder_(std::move(folder)), asked_for_(asked_for) {
    std::error_code error;
    fs::create_directories(folder_, error);
    require_writable(folder_ / "checkpoint");
  }
  ~KeptRuns() {
    std::error_code not_empty;
    if (!asked_for_) fs::remove(folder_, not_empty);
  }
  KeptRuns(const KeptRuns&) = delete;
  KeptRuns& operator=(const KeptRuns&) = delete;

  const fs::path& folder() const { return folder_; }

  /// The results are written.
  void finished(const std::vector<RunOutlook>& runs) const {
    if (asked_for_) return;
    std::error_code error;
    for (const RunOutlook& run : runs) fs::remove(run.checkpoint, error);
    if (!fs::is_empty(folder_, error) && !error) {
      std::cerr << fmt::format(
          "spillway: {} still has runs of other settings; remove it if none is to be continued\n",
          folder_.lexically_normal().string());
    }
  }

 private:
  fs::path folder_;
  bool asked_for_;
};

/// "unfinished runs are kept in DIR …", or what is there already.
std::string kept_text(const std::vector<RunOutlook>& runs, const fs::path& folder) {
  std::size_t done = 0, begun = 0, others = 0;
  const RunOutlook* other = nullptr;
  for (const RunOutlook& run : runs) {
    (run.kept >= run.steps ? done : begun) += run.kept > 0;
    others += !run.other.empty();
    if (!run.other.empty() && other == nullptr) other = &run;
  }
  const std::string where = folder.lexically_normal().string();
  std::string text;
  if (done + begun > 0) {
    text += fmt::format("spillway: continues from {}: of {}, {} finished and {} begun\n", where,
                        counted(runs.size(), "run"), done, begun);
  } else {
    text += fmt::format(
        "spillway: runs are kept in {}; after a stop or a crash the same command "
        "continues them\n",
        where);
  }
  if (other != nullptr) {
    text += fmt::format(
        "spillway: {} in {} of other settings, left as they are; these begin anew ({})\n",
        others == 1 ? "there is 1 run" : fmt::format("there are {} runs", others), where,
        other->other);
  }
  return text;
}

/// Tells what runs: at a terminal each step, elsewhere a line now and then.
class StudyReport {
 public:
  explicit StudyReport(const std::vector<RunOutlook>& runs) : pace_(pieces_of(runs)) {}

  void step(const StudyMoment& at) {
    const Moment now = std::chrono::steady_clock::now();
    pace_.step(at.run, at.steps_left, now);
    progress_.show(at.text + ": " + left());
    if (progress_.is_shown() || now - line_ < line_interval) return;
    std::cerr << "spillway: " << at.text << ": " << left() << std::endl;
    line_ = now;
  }
  void row(const std::string& text) {
    progress_.show("");
    std::cerr << "spillway: " << text << " (" << left() << ")" << std::endl;
    line_ = std::chrono::steady_clock::now();
  }
  void end() { progress_.show(""); }

 private:
  static std::vector<WorkPace::Piece> pieces_of(const std::vector<RunOutlook>& runs) {
    std::vector<WorkPace::Piece> pieces;
    for (const RunOutlook& run : runs) {
      pieces.push_back({run.steps - std::min(run.kept, run.steps), run.step_seconds});
    }
    return pieces;
  }
  std::string left() const { return duration_text(pace_.seconds_left()) + " left of all rows"; }

  WorkPace pace_;
  Progress progress_;
  Moment line_ = std::chrono::steady_clock::now();
};

int reproduce_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const Study study = read_study(single_file(values, "analysis/studies"));
  StudySetting setting = setting_of(values, study);
  const fs::path out = output_folder(values, {study.name + ".csv", study.name + ".json",
                                              study.name + ".svg", study.name + "-curves.svg"});
  const bool asked_for = values.count("checkpoints") != 0;
  const KeptRuns kept(asked_for ? fs::path(values["checkpoints"].as<std::string>())
                                : out / (study.name + ".unfinished"),
                      asked_for);
  setting.checkpoints = kept.folder();
  const std::vector<RunOutlook> runs = look_ahead(study, setting);
  std::cerr << fmt::format("spillway: {}: {}, {}, {}: about {}\n", study.name,
                           counted(study.rows.size(), "row"),
                           counted(static_cast<std::uint64_t>(setting.epochs), "epoch"),
                           counted(static_cast<std::uint64_t>(setting.seeds), "seed"),
                           duration_text(seconds_ahead(runs)))
            << kept_text(runs, kept.folder());
  const NoteInterrupts note_interrupts;
  StudyReport report(runs);
  StudyResult result;
  try {
    result = run_study(study, setting,
                       {[&](const StudyMoment& at) { report.step(at); },
                        [&](const std::string& text) { report.row(text); }, NoteInterrupts::noted});
  } catch (const StudyStopped& stopped) {
    report.end();
    std::cerr << fmt::format("spillway: {}; the same command continues from {}\n", stopped.what(),
                             kept.folder().lexically_normal().string());
    return exit_interrupted;
  }
  const fs::path file = (out / study.name).lexically_normal();
  write_file(file.string() + ".csv", study_csv(result));
  write_file(file.string() + ".json", study_json(result));
  write_file(file.string() + ".svg", study_svg(result));
  write_file(file.string() + "-curves.svg", study_curves_svg(result));
  give(json,
       study_text(result) + fmt::format("\nWritten: {0}.csv, {1}.json, {1}.svg, {1}-curves.svg\n",
                                        file.string(), study.name),
       study_json(result));
  kept.finished(runs);
  return 0;
}

}  // namespace

std::vector<Command> study_commands() {
  return {
      {"reproduce",
       "table2|table3|table4|table5|mnist-short|cifar10-scaled|STUDY.yaml [--epochs N]",
       "train the rows of an accuracy table of the paper and compare", reproduce_options,
       reproduce_command},
  };
}

}  // namespace spillway::analysis
