// Commands about results that exist already: diff, report.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/commands/command.hpp"
#include "analysis/comparisons/result_diff.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/pages/report_page.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_use.hpp"

namespace spillway::analysis {

namespace {

po::options_description diff_options() {
  po::options_description options = json_option();
  options.add_options()("all", "show the differences of every layer, not only the largest ones")(
      "file", po::value<Arguments>()->value_name("A.json B.json"), "");
  return options;
}

std::string made_by(const std::string& name, const Json& result) {
  const auto text = [&](const char* key) {
    const Json value = result.value(key, Json("?"));
    return workloads::printable(value.is_string() ? value.get<std::string>() : value.dump());
  };
  return fmt::format("{}: {} of {}, spillway {}", name, text("command"), text("experiment"),
                     text("version"));
}

int diff_command(const po::variables_map& values) {
  const Arguments names = values.count("file") != 0 ? values["file"].as<Arguments>() : Arguments{};
  if (names.size() != 2) {
    throw workloads::InputError(fmt::format(
        "diff: {} files given; allowed: two that spillway run --json FILE or plan --json FILE "
        "wrote",
        names.size()));
  }
  for (const std::string& name : names) workloads::will_read(name);
  const std::string target = json_target(values);
  const Json before = read_result(names[0]), after = read_result(names[1]);
  const ResultComparison comparison = compare_results(before, after);
  give(target,
       fmt::format("A: {}\nB: {}\n{}", made_by(names[0], before), made_by(names[1], after),
                   comparison_text(comparison, values.count("all") != 0)),
       comparison_json(comparison));
  return comparison.same() ? 0 : 1;
}

po::options_description report_options() {
  po::options_description options;
  options.add_options()("out", po::value<std::string>()->value_name("FILE.html"),
                        "the page to write; - for standard output")(
      "file", po::value<Arguments>()->value_name("RESULT.json…"), "");
  return options;
}

/// A path's last part where no other of `paths` ends in the same, else the whole path.
std::string short_name(const std::string& path, const Arguments& paths) {
  const auto last = [](const std::string& of) {
    return std::filesystem::path(of).filename().string();
  };
  const auto alike = std::ranges::count_if(
      paths, [&](const std::string& other) { return last(other) == last(path); });
  return alike == 1 ? last(path) : path;
}

int report_command(const po::variables_map& values) {
  const Arguments names = values.count("file") != 0 ? values["file"].as<Arguments>() : Arguments{};
  if (names.empty()) {
    throw workloads::InputError(
        "report: found no file; allowed: one or more that spillway run --json FILE or plan --json "
        "FILE wrote");
  }
  if (values.count("out") == 0) {
    throw workloads::InputError(
        "report: --out: found nothing; allowed: the name of an HTML file to write, or -");
  }
  for (const std::string& name : names) workloads::will_read(name);
  const std::string target = target_of(values, "out");
  std::vector<NamedResult> results;
  for (const std::string& name : names) {
    results.push_back({name, read_result(name)});
    require_result(results.back());
  }
  for (NamedResult& result : results) result.name = short_name(result.name, names);
  write_file(target, report_page(results));
  if (target != "-") {
    write_standard_output(fmt::format("{}: {}\n", workloads::printable(target, 200),
                                      counted(names.size(), "result")));
  }
  return 0;
}

}  // namespace

std::vector<Command> compare_commands() {
  return {
      {"diff", "A.json B.json [--all]",
       "compare two results of run or plan: settings, counts, bytes, time, energy", diff_options,
       diff_command},
      {"report", "RESULT.json... --out FILE.html",
       "results of run or plan as one page for a browser: costs, traffic, time, energy, settings",
       report_options, report_command},
  };
}

}  // namespace spillway::analysis
