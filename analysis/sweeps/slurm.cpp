#include "analysis/sweeps/slurm.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <thread>

#include "analysis/formats/output.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::analysis {

namespace fs = std::filesystem;

namespace {

constexpr auto between_looks = std::chrono::seconds(2);
constexpr int most_submissions = 4;  // of one command: tasks may die again and again

struct CommandRun {
  int exit_code;
  std::string output;
};

CommandRun run_shell(const std::string& line) {
  CommandRun run{-1, ""};
  std::FILE* pipe = ::popen(line.c_str(), "r");
  if (pipe == nullptr) return run;
  std::array<char, 4096> part{};
  for (std::size_t count = 0; (count = std::fread(part.data(), 1, part.size(), pipe)) > 0;) {
    run.output.append(part.data(), count);
  }
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) run.exit_code = WEXITSTATUS(status);
  return run;
}

std::optional<std::size_t> environment_number(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  char* end = nullptr;
  const unsigned long value = std::strtoul(text, &end, 10);
  if (end == text || *end != '\0') return std::nullopt;
  return value;
}

fs::path job_file(const fs::path& folder) { return folder / "slurm" / "job"; }

std::string job_of(const fs::path& folder) {
  std::ifstream stream(job_file(folder));
  std::string job;
  std::getline(stream, job);
  const bool number = !job.empty() && job.find_first_not_of("0123456789") == std::string::npos;
  return number ? job : "";
}

/// States of a job's tasks and how many are in each; empty when it is in the queue no longer.
std::map<std::string, int> tasks_in_queue(const std::string& job) {
  std::map<std::string, int> states;
  const CommandRun run = run_shell("squeue -h -r -j " + job + " -o %T 2>/dev/null");
  std::istringstream lines(run.output);
  for (std::string state; lines >> state;) {
    std::ranges::transform(state, state.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    ++states[state];
  }
  return states;
}

/// The numbers of the tasks that have points to do, "1,4,5".
std::string tasks_to_do(const Sweep& sweep, const std::vector<ListedPoint>& points,
                        const SweepFolder& folder, const SlurmOptions& options) {
  std::string numbers;
  const auto of = static_cast<std::size_t>(sweep.slurm.tasks);
  for (std::size_t number = 1; number <= of; ++number) {
    SweepOptions share;
    share.retry_failed = options.retry_failed;
    share.shard = {number, of};
    SweepOutcome ignored;
    if (missing_points(points, folder, share, ignored).empty()) continue;
    numbers += (numbers.empty() ? "" : ",") + std::to_string(number);
  }
  return numbers;
}

/// The script of the array job, which says all that it asks for.
std::string script(const Sweep& sweep, const fs::path& folder, const std::string& tasks,
                   const SlurmOptions& options) {
  std::string text = fmt::format(
      "#!/bin/sh\n#SBATCH --job-name={}\n#SBATCH --array={}\n#SBATCH --cpus-per-task={}\n"
      "#SBATCH --output={}\n",
      shell_word("spillway-" + sweep.name), tasks, options.jobs,
      (fs::absolute(folder) / "slurm" / "task-%a.log").string());
  const SlurmSettings& slurm = sweep.slurm;
  if (!slurm.time.empty()) text += "#SBATCH --time=" + slurm.time + "\n";
  if (!slurm.partition.empty()) text += "#SBATCH --partition=" + slurm.partition + "\n";
  for (const std::string& option : slurm.options) text += "#SBATCH " + option + "\n";
  return text +
         fmt::format("exec {} sweep {} --out {} --shard \"$SLURM_ARRAY_TASK_ID/{}\" -j {}{}\n",
                     shell_word(fs::read_symlink("/proc/self/exe").string()),
                     shell_word(fs::absolute(sweep.file).string()),
                     shell_word(fs::absolute(folder).string()), slurm.tasks, options.jobs,
                     options.retry_failed ? " --retry-failed" : "");
}

/// Submits, and returns the job's number.
std::string submit(const Sweep& sweep, const fs::path& folder, const std::string& tasks,
                   const SlurmOptions& options) {
  std::error_code error;
  fs::create_directories(folder / "slurm", error);
  const fs::path file = folder / "slurm" / "job.sh";
  workloads::replace_file(file, script(sweep, folder, tasks, options));
  const CommandRun run = run_shell("sbatch --parsable " + shell_word(file.string()) + " 2>&1");
  if (run.exit_code == 127) {
    throw workloads::InputError(
        "--engine: found \"slurm\" without the command sbatch; allowed: local, or slurm where a "
        "cluster takes jobs");
  }
  const std::string job = run.output.substr(0, run.output.find_first_of(";\n"));
  if (run.exit_code != 0 || job.find_first_not_of("0123456789") != std::string::npos) {
    throw workloads::InputError(
        fmt::format("--engine: sbatch took no job: {}; allowed: what the "
                    "sweep's `slurm` may ask of this cluster",
                    workloads::printable(run.output, 300)));
  }
  workloads::replace_file(job_file(folder), job + "\n");
  options.say(fmt::format("Slurm job {}: tasks {} of {}", job, tasks, sweep.slurm.tasks));
  return job;
}

}  // namespace

std::optional<Shard> slurm_task_shard() {
  const auto id = environment_number("SLURM_ARRAY_TASK_ID");
  const auto count = environment_number("SLURM_ARRAY_TASK_COUNT");
  if (!id || !count || *count == 0) return std::nullopt;
  const std::size_t first = environment_number("SLURM_ARRAY_TASK_MIN").value_or(0);
  const std::size_t step =
      std::max<std::size_t>(environment_number("SLURM_ARRAY_TASK_STEP").value_or(1), 1);
  const std::size_t number = *id >= first ? (*id - first) / step + 1 : 0;
  if (number == 0 || number > *count) {
    throw workloads::InputError(
        fmt::format("SLURM_ARRAY_TASK_ID: found {} in an array of {}; allowed: tasks at equal "
                    "distances, or --shard I/N",
                    *id, *count));
  }
  return Shard{number, *count};
}

std::optional<SweepOutcome> run_with_slurm(const Sweep& sweep, const fs::path& path,
                                           const SlurmOptions& options) {
  if (sweep.search.method == SearchMethod::nsga2) {
    throw workloads::InputError(
        "--engine: found \"slurm\" with method nsga2, whose points depend on earlier ones; "
        "allowed: local");
  }
  const SweepFolder folder(path);
  folder.require_usable();
  PointReader reader(sweep);
  const std::vector<ListedPoint> points = list_points(sweep, reader, {});
  folder.prepare();
  folder.write_list(sweep, points);
  SweepOptions all;
  all.retry_failed = options.retry_failed;
  SweepOutcome before;
  missing_points(points, folder, all, before);
  std::string job = job_of(path);
  if (!job.empty() && !tasks_in_queue(job).empty()) {
    options.say(fmt::format("Slurm job {} is under way", job));
  } else {
    job.clear();
  }
  for (int submissions = 0; submissions < most_submissions; ++submissions) {
    if (job.empty()) {
      const std::string tasks = tasks_to_do(sweep, points, folder, options);
      if (tasks.empty()) break;
      job = submit(sweep, path, tasks, options);
    }
    if (!options.wait) return std::nullopt;
    while (!tasks_in_queue(job).empty()) std::this_thread::sleep_for(between_looks);
    job.clear();
    // What failed by itself has said so; what says nothing was in a task that died.
    const bool died = std::ranges::any_of(points, [&](const ListedPoint& point) {
      return !folder.has_result(point.hash) && !folder.read_failure(point.hash);
    });
    if (!died) break;
  }
  SweepOutcome outcome;
  all.retry_failed = false;
  const std::vector<ListedPoint> left = missing_points(points, folder, all, outcome);
  outcome.done = outcome.kept - before.kept;
  outcome.kept = before.kept;
  outcome.failed = left.size();
  for (const ListedPoint& point : left) {
    if (outcome.failures.size() == most_shown_failures) break;
    const std::optional<PointFailure> failure = folder.read_failure(point.hash);
    outcome.failures.push_back({reader.command_line(point.choice),
                                failure ? failure->reason : "its task of the array job died"});
  }
  return outcome;
}

std::string slurm_job_text(const fs::path& folder) {
  const std::string job = job_of(folder);
  if (job.empty()) return "";
  std::string text;
  for (const auto& [state, count] : tasks_in_queue(job)) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, state);
  }
  return fmt::format("Slurm job {}: {}", job, text.empty() ? "no longer in the queue" : text);
}

}  // namespace spillway::analysis
