#include "tests/support/program.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace spillway::test {

namespace fs = std::filesystem;

namespace {

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string content_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

}  // namespace

ProgramRun run_spillway(const std::vector<std::string>& arguments, const fs::path& folder) {
  const TemporaryFolder output;
  std::string command = "cd " + quoted(folder.string()) + " && " + quoted(SPILLWAY_PROGRAM);
  for (const std::string& argument : arguments) command += " " + quoted(argument);
  command += " </dev/null >" + quoted((output.path() / "out").string()) + " 2>" +
             quoted((output.path() / "err").string());
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output.read("out"), output.read("err")};
}

pid_t start_spillway(const std::vector<std::string>& arguments, const fs::path& folder,
                     const std::string& err) {
  const fs::path error_file = err.empty() ? fs::path("/dev/null") : folder / err;
  std::vector<std::string> words{"spillway"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t process = ::fork();
  if (process < 0) throw std::runtime_error("no process");
  if (process != 0) return process;
  const int nothing = ::open("/dev/null", O_RDWR);
  const int error = ::open(error_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(nothing, STDOUT_FILENO);
  ::dup2(error, STDERR_FILENO);
  if (::chdir(folder.c_str()) != 0) ::_exit(126);
  ::execv(SPILLWAY_PROGRAM, pointers.data());
  ::_exit(127);
}

int exit_code_of(pid_t process) {
  int status = 0;
  const bool ended = ::waitpid(process, &status, 0) == process;
  return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "spillway-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path TemporaryFolder::write(const std::string& name, const std::string& content) const {
  fs::create_directories((path_ / name).parent_path());
  std::ofstream(path_ / name, std::ios::binary) << content;
  return path_ / name;
}

std::string TemporaryFolder::read(const std::string& name) const {
  return content_of(path_ / name);
}

std::vector<std::string> TemporaryFolder::files() const {
  // A running program may remove a file between any two steps: what is gone is left out.
  std::vector<std::string> names;
  std::error_code gone;
  fs::recursive_directory_iterator at(path_, gone);
  for (; at != fs::recursive_directory_iterator(); at.increment(gone)) {
    if (at->is_regular_file(gone)) names.push_back(at->path().lexically_relative(path_).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace spillway::test
