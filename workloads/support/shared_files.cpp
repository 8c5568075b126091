#include "workloads/support/shared_files.hpp"

#include <algorithm>

#include "workloads/support/error.hpp"
#include "workloads/support/file_kinds.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::workloads {

namespace fs = std::filesystem;

fs::path shared_folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    const fs::path installed = program.parent_path().parent_path() / "share" / "spillway";
    if (fs::exists(installed / "workloads" / "networks")) return installed;
  }
  return SPILLWAY_SOURCE_DIR;
}

std::vector<std::string> shared_names(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(shared_folder() / folder, error)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

/// For a name that is none of `names`: what it is, or which one it is near.
std::string hint_for(const std::string& name, const std::vector<std::string>& names) {
  const std::string kind = what_it_is(name);
  return kind.empty() ? did_you_mean(name, names)
                      : " (\"" + printable(name) + "\"" + kind.substr(kind.find(" is")) + ")";
}

constexpr int deepest_base = 16;

/// The file that a name or a path stands for.
Config named_file(const Config& value, const std::string& folder) {
  const std::string text = value.text();
  const bool is_path = text.find('/') != std::string::npos || text.ends_with(".yaml");
  if (is_path) {
    const bool from_file = value.line() > 0;
    const fs::path path = from_file ? fs::path(value.file()).parent_path() / text : fs::path(text);
    if (!fs::exists(path)) {
      value.refuse("an existing file (looked for " + path.string() + ")");
    }
    return Config::from_file(path);
  }
  const std::vector<std::string> names = shared_names(folder);
  if (std::find(names.begin(), names.end(), text) == names.end()) {
    value.refuse(joined(names) + ", or a path to a YAML file", hint_for(text, names));
  }
  return Config::from_file(shared_folder() / folder / (text + ".yaml"));
}

Config resolved(const Config& value, const std::string& folder,
                const std::vector<std::string>& named, int depth) {
  if (!value.is_map()) {
    const Config file = named_file(value, folder);
    return file.is_map() ? resolved(file, folder, named, depth) : file;
  }
  const Config* base = value.find("base");
  if (base == nullptr) return value;
  if (depth == deepest_base) base->refuse("a base that does not come back to this file");
  return resolved(*base, folder, named, depth + 1).overlaid(value, named);
}

}  // namespace

Config resolve_shared(const Config& value, const std::string& folder,
                      const std::vector<std::string>& named) {
  return resolved(value, folder, named, 0);
}

}  // namespace spillway::workloads
