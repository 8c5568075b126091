#include "analysis/sweeps/sweep_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>

#include "analysis/formats/output.hpp"
#include "analysis/sweeps/sha256.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::analysis {

namespace fs = std::filesystem;
using workloads::InputError;

namespace {

constexpr std::string_view begin_of_list = "# points of the sweep ";

/// Nothing where there is no such file.
std::string content_of(const fs::path& path) { return workloads::file_content(path).value_or(""); }

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// Which machine and process a half-written file is of.
std::string own_mark() { return fmt::format(".{}.{}", host_name(), ::getpid()); }

std::string choice_text(const Choice& choice) {
  std::vector<std::string> parts;
  for (const std::uint32_t index : choice) {
    parts.push_back(index == no_choice ? "-" : std::to_string(index));
  }
  return fmt::format("{}", fmt::join(parts, ","));
}

Choice choice_of(const std::string& text) {
  Choice choice;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    std::uint32_t index = no_choice;
    if (part != "-") std::from_chars(part.data(), part.data() + part.size(), index);
    choice.push_back(index);
  }
  return choice;
}

}  // namespace

fs::path SweepFolder::result_file(const std::string& hash) const {
  return path_ / "points" / (hash + ".json");
}

fs::path SweepFolder::failure_file(const std::string& hash) const {
  return path_ / "failed" / (hash + ".json");
}

void SweepFolder::put(const fs::path& target, std::string_view content) const {
  workloads::UnfinishedFile file(target,
                                 path_ / "unfinished" / (target.filename().string() + own_mark()));
  file.write(content);
  file.finish();
}

void SweepFolder::require_usable() const {
  std::error_code error;
  if (fs::exists(path_, error) && !fs::is_directory(path_, error)) {
    throw InputError(path_.string() + ": is no folder; allowed: a folder, made when missing");
  }
  // What is there nearest to it has to take files; others may be at it at the same time.
  fs::path there = fs::absolute(path_, error);
  while (!fs::exists(there, error) && there.has_relative_path()) there = there.parent_path();
  const fs::path attempt = there / (".spillway" + own_mark());
  const int file = ::open(attempt.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    throw InputError(
        fmt::format("{}: could not be written ({}); allowed: a folder that takes files",
                    path_.string(), std::strerror(errno)));
  }
  ::close(file);
  fs::remove(attempt, error);
}

void SweepFolder::prepare() const {
  require_usable();
  std::error_code error;
  for (const char* name : {"points", "failed", "unfinished"}) {
    fs::create_directories(path_ / name, error);
    if (!fs::is_directory(path_ / name)) {
      throw InputError((path_ / name).string() + ": could not be written; allowed: a folder");
    }
  }
  std::vector<fs::path> growing;
  for (const auto& entry : fs::directory_iterator(path_ / "unfinished", error)) {
    growing.push_back(entry.path());
  }
  for (const fs::path& path : growing) workloads::remove_unfinished(path);
}

void SweepFolder::write_list(const Sweep& sweep, const std::vector<ListedPoint>& points) const {
  const std::string text = content_of(sweep.file);
  std::string list = fmt::format("{}{}\n", begin_of_list, sha256(text));
  for (const ListedPoint& point : points) {
    list += point.hash + "\t" + choice_text(point.choice) + "\n";
  }
  if (content_of(path_ / "points.tsv") != list) put(path_ / "points.tsv", list);
  if (content_of(sweep_file()) != text) put(sweep_file(), text);
}

void SweepFolder::for_each_listed(const std::function<void(const ListedPoint&)>& take) const {
  std::ifstream stream(path_ / "points.tsv", std::ios::binary);
  std::string line;
  if (!stream || !std::getline(stream, line)) {
    throw InputError(fmt::format(
        "{}: found no points; allowed: the --out folder of `spillway sweep FILE`", path_.string()));
  }
  if (line != std::string(begin_of_list) + sha256(content_of(sweep_file()))) {
    throw InputError(
        fmt::format("{}: its list of points is that of another sweep; allowed: what "
                    "`spillway sweep FILE --out {}` writes, which puts it right",
                    path_.string(), path_.string()));
  }
  while (std::getline(stream, line)) {
    const std::size_t tab = line.find('\t');
    take({line.substr(0, tab), choice_of(line.substr(tab + 1))});
  }
}

bool SweepFolder::has_result(const std::string& hash) const {
  std::ifstream stream(result_file(hash), std::ios::binary | std::ios::ate);
  if (!stream || stream.tellg() < 2) return false;
  stream.seekg(-2, std::ios::end);  // a machine that lost its power may have left an empty file
  std::array<char, 2> end{};
  stream.read(end.data(), end.size());
  return stream && end[0] == '}' && end[1] == '\n';
}

void SweepFolder::write_result(const std::string& hash, const std::string& command,
                               const Json& settings, const std::string& result) const {
  put(result_file(hash),
      fmt::format("{{\"hash\": {},\n\"command\": {},\n\"settings\": {},\n\"result\":\n{}}}\n",
                  Json(hash).dump(), Json(command).dump(), settings.dump(), result));
}

std::optional<Json> SweepFolder::read_result(const std::string& hash) const {
  if (!has_result(hash)) return std::nullopt;
  try {
    return parse_json(content_of(result_file(hash)));
  } catch (const Json::exception&) {
    throw InputError(
        fmt::format("{}: no result of a point; allowed: what `spillway sweep` wrote, "
                    "which it does again where the file is removed",
                    result_file(hash).string()));
  }
}

void SweepFolder::write_failure(const std::string& hash, const PointFailure& failure) const {
  const Json json = {{"hash", hash},
                     {"status", failure.refused ? "refused" : "failed"},
                     {"message", failure.reason},
                     {"command", failure.command}};
  put(failure_file(hash), dump(json));
}

std::optional<PointFailure> SweepFolder::read_failure(const std::string& hash) const {
  const std::string text = content_of(failure_file(hash));
  if (text.empty()) return std::nullopt;
  try {
    const Json json = parse_json(text);
    return PointFailure{json.at("status") == "refused", json.at("message").get<std::string>(),
                        json.at("command").get<std::string>()};
  } catch (const Json::exception&) {
    return std::nullopt;  // it is tried again
  }
}

void SweepFolder::forget_failure(const std::string& hash) const {
  std::error_code ignored;
  fs::remove(failure_file(hash), ignored);
}

}  // namespace spillway::analysis
