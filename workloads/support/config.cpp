#include "workloads/support/config.hpp"

#include <fmt/format.h>

#include <yaml-cpp/yaml.h>
#include <algorithm>

#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>

#include "workloads/support/error.hpp"
#include "workloads/support/file_formats.hpp"
#include "workloads/support/file_use.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/sizes.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::workloads {

namespace {

constexpr std::uintmax_t largest_file = 4u << 20;
constexpr int deepest_nesting = 64;
constexpr int most_nodes = 100000;

/// The whole of `text` as a number, or nothing.
template <class Number>
std::optional<Number> parse_number(const std::string& text) {
  Number value{};
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (begin != end && *begin == '+') ++begin;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc{} || stop != end || begin == end) return std::nullopt;
  return value;
}

void require_no_foreign_format(const std::string& text, const std::string& file_name) {
  const std::string foreign = foreign_format(text, file_name);
  if (!foreign.empty()) throw InputError(fmt::format("{}: {}", file_name, foreign));
}

std::string beginning_of(const std::filesystem::path& path) {
  std::string text(4096, '\0');
  std::ifstream stream(path, std::ios::binary);
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

std::string child_path(const std::string& parent, const std::string& name) {
  if (parent.empty()) return name;
  return name.front() == '[' ? parent + name : parent + "." + name;
}

}  // namespace

/// Turns yaml-cpp's nodes into a Config.
class ConfigBuilder {
 public:
  explicit ConfigBuilder(std::string file, int fixed_line = -1)
      : file_(std::move(file)), fixed_line_(fixed_line) {}

  Config build(const YAML::Node& node, const std::string& path, int depth = 0) const {
    Config config;
    config.file_ = file_;
    config.line_ = line_of(node);
    config.path_ = path;
    // An alias counts as often as it is used, or a small file could stand for any number of values.
    if (++nodes_ > most_nodes) config.refuse("at most 100000 values in a file, aliases included");
    if (depth > deepest_nesting) config.refuse("at most 64 levels of nesting");
    if (node.IsScalar()) {
      config.kind_ = Config::Kind::scalar;
      config.scalar_ = node.Scalar();
      config.quoted_ = node.Tag() == "!";
    } else if (node.IsSequence()) {
      config.kind_ = Config::Kind::list;
      for (std::size_t i = 0; i < node.size(); ++i) {
        const std::string name = fmt::format("[{}]", i);
        config.children_.push_back(build(node[i], child_path(path, name), depth + 1));
      }
    } else if (node.IsMap()) {
      config.kind_ = Config::Kind::map;
      for (const auto& entry : node) add_entry(config, entry.first, entry.second, depth);
    }
    return config;
  }

 private:
  int line_of(const YAML::Node& node) const {
    return fixed_line_ >= 0 ? fixed_line_ : node.Mark().line + 1;
  }

  void add_entry(Config& map, const YAML::Node& key, const YAML::Node& value, int depth) const {
    if (!key.IsScalar() || key.Scalar().empty()) map.refuse("keys that are plain names");
    const std::string& name = key.Scalar();
    for (const std::string& earlier : map.keys_) {
      if (earlier == name) {
        throw InputError(fmt::format("{}:{}: {}: duplicate key; allowed: each key once", file_,
                                     line_of(key), printable(child_path(map.path_, name))));
      }
    }
    map.keys_.push_back(name);
    map.children_.push_back(build(value, child_path(map.path_, name), depth + 1));
    // An absent value ("key:") has no line of its own; a wrong one is looked for beside its key.
    if (map.children_.back().kind_ == Config::Kind::null) map.children_.back().line_ = line_of(key);
  }

  std::string file_;
  int fixed_line_;
  mutable int nodes_ = 0;
};

Config Config::from_file(const std::filesystem::path& path) {
  will_read(path);
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    throw InputError(fmt::format("{}: no such file", printable(path.string(), 300)));
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw InputError(
        fmt::format("{}: not a regular file; allowed: a YAML file", printable(path.string(), 300)));
  }
  if (std::filesystem::file_size(path, error) > largest_file) {
    require_no_foreign_format(beginning_of(path), path.string());
    throw InputError(fmt::format("{}: larger than 4 MiB; allowed: a YAML file up to 4 MiB",
                                 printable(path.string(), 300)));
  }
  const std::optional<std::string> text = file_content(path);
  if (!text) throw InputError(fmt::format("{}: cannot be read", path.string()));
  return from_text(*text, path.string());
}

Config Config::from_text(const std::string& text, const std::string& file_name) {
  require_no_foreign_format(text, file_name);
  int line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f) {
      throw InputError(
          fmt::format("{}:{}: found the control byte \\x{:02x}, as in a binary file; "
                      "allowed: YAML text",
                      file_name, line, byte));
    }
  }
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.empty() || documents.front().IsNull()) {
      throw InputError(fmt::format("{}:1: the file is empty; allowed: a YAML map", file_name));
    }
    if (documents.size() > 1) {
      throw InputError(
          fmt::format("{}:{}: a second document (a \"---\" line begins one); allowed: "
                      "one document a file",
                      file_name, documents[1].Mark().line + 1));
    }
    return ConfigBuilder(file_name).build(documents.front(), "");
  } catch (const YAML::Exception& e) {
    throw InputError(fmt::format("{}:{}: not valid YAML: {}", file_name, e.mark.line + 1,
                                 printable(e.msg, 200)));
  }
}

std::string Config::where() const {
  const std::string place = line_ > 0 ? fmt::format("{}:{}: ", file_, line_) : file_ + ": ";
  return path_.empty() ? place : place + printable(path_, 200) + ": ";
}

void Config::refuse(const std::string& allowed, const std::string& hint) const {
  std::string found;
  switch (kind_) {
    case Kind::null: found = "nothing"; break;
    case Kind::scalar: found = '"' + printable(scalar_) + '"'; break;
    case Kind::list: found = fmt::format("a list of {}", children_.size()); break;
    case Kind::map: found = "a map"; break;
  }
  throw InputError(fmt::format("{}found {}; allowed: {}{}", where(), found, allowed, hint));
}

void Config::allow_only(const std::vector<std::string>& keys) const {
  if (!is_map()) refuse(fmt::format("a map with the keys {}", joined(keys)));
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (std::find(keys.begin(), keys.end(), keys_[i]) != keys.end()) continue;
    const Config& child = children_[i];
    throw InputError(fmt::format("{}unknown key \"{}\"; allowed: {}{}", child.where(),
                                 printable(keys_[i]), joined(keys), did_you_mean(keys_[i], keys)));
  }
}

const Config* Config::find(const std::string& key) const {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i] == key) return &children_[i];
  }
  return nullptr;
}

const Config& Config::at(const std::string& key) const {
  if (!is_map()) refuse(fmt::format("a map with the key \"{}\"", key));
  if (const Config* child = find(key)) return *child;
  throw InputError(
      fmt::format("{}found the keys {}; allowed: with the key \"{}\", which is missing", where(),
                  joined(keys_), key));
}

const std::vector<Config>& Config::items() const {
  if (kind_ != Kind::list && kind_ != Kind::map) refuse("a list");
  return children_;
}

std::int64_t Config::integer(std::int64_t minimum, std::int64_t maximum) const {
  const auto value =
      kind_ == Kind::scalar && !quoted_ ? parse_number<std::int64_t>(scalar_) : std::nullopt;
  if (!value || *value < minimum || *value > maximum) {
    const bool open = maximum == std::numeric_limits<std::int64_t>::max();
    refuse(open ? fmt::format("an integer of at least {}", minimum)
                : fmt::format("an integer from {} to {}", minimum, maximum));
  }
  return *value;
}

double Config::number(double minimum, double maximum) const {
  const auto value =
      kind_ == Kind::scalar && !quoted_ ? parse_number<double>(scalar_) : std::nullopt;
  if (!value || !std::isfinite(*value) || *value < minimum || *value > maximum) {
    const bool open = maximum == std::numeric_limits<double>::max();
    refuse(open ? fmt::format("a number of at least {}", minimum)
                : fmt::format("a number from {} to {}", minimum, maximum));
  }
  return *value;
}

bool Config::boolean() const {
  if (kind_ == Kind::scalar && scalar_ == "true") return true;
  if (kind_ == Kind::scalar && scalar_ == "false") return false;
  refuse("true or false");
}

std::string Config::text() const {
  if (kind_ != Kind::scalar || scalar_.empty()) refuse("a text");
  return scalar_;
}

Bytes Config::size() const {
  const auto value = kind_ == Kind::scalar ? parse_size(scalar_) : std::nullopt;
  if (!value || *value == Bytes(0)) {
    refuse(allowed_sizes(), kind_ == Kind::scalar ? size_hint(scalar_) : "");
  }
  return *value;
}

std::size_t Config::choice(const std::vector<std::string>& allowed) const {
  if (kind_ == Kind::scalar) {
    for (std::size_t i = 0; i < allowed.size(); ++i) {
      if (allowed[i] == scalar_) return i;
    }
  }
  refuse(joined(allowed), kind_ == Kind::scalar ? did_you_mean(scalar_, allowed) : "");
}

void Config::place(const std::string& parent_path, const std::string& name) {
  path_ = child_path(parent_path, name);
  for (std::size_t i = 0; i < children_.size(); ++i) {
    children_[i].place(path_, is_map() ? keys_[i] : fmt::format("[{}]", i));
  }
}

Config& Config::element(const std::string& index, const std::string& place) {
  const auto number = parse_number<std::size_t>(index);
  if (!number || *number >= children_.size()) {
    throw InputError(fmt::format("{}found \"{}\"; allowed: an index below {}", place,
                                 printable(index), children_.size()));
  }
  return children_[*number];
}

namespace {

/// "layers[0].out", as messages name a place, as "layers.0.out".
std::string dotted(std::string path) {
  std::replace(path.begin(), path.end(), '[', '.');
  std::erase(path, ']');
  return path;
}

}  // namespace

Assignment::Assignment(const std::string& assignment)
    : Assignment(assignment, fmt::format("--set {}", printable(assignment, 200))) {}

void Config::set(const Assignment& assignment) {
  const auto& [text, origin] = assignment;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw InputError(origin + ": allowed: path.to.key=value");
  }
  YAML::Node node;
  try {
    node = YAML::Load(text.substr(equals + 1));
  } catch (const YAML::Exception& e) {
    throw InputError(fmt::format("{}: not a YAML value: {}", origin, printable(e.msg, 200)));
  }
  const std::string path = dotted(text.substr(0, equals));
  Config* target = this;
  std::stringstream parts(path);
  std::string part;
  if (path.back() == '.') throw InputError(origin + ": allowed: path.to.key=value");
  while (std::getline(parts, part, '.')) {
    if (part.empty()) throw InputError(origin + ": allowed: path.to.key=value");
    if (target->is_list()) {
      target = &target->element(part, fmt::format("{}: {}: ", origin, target->path_));
      continue;
    }
    if (!target->is_map()) {
      const Config before = *target;
      target->kind_ = Kind::map;
      target->keys_.clear();
      target->children_.clear();
      if (before.kind_ == Kind::scalar) {
        target->keys_.push_back("base");
        target->children_.push_back(before);
        target->children_.back().place(target->path_, "base");
      }
    }
    Config* child = const_cast<Config*>(target->find(part));
    if (child == nullptr) {
      target->keys_.push_back(part);
      target->children_.emplace_back();
      child = &target->children_.back();
      child->place(target->path_, part);
      child->file_ = origin;
    }
    target = child;
  }
  *target = ConfigBuilder(origin, 0).build(node, target->path_);
}

Config Config::overlaid(const Config& top, const std::vector<std::string>& named) const {
  if (!top.is_map() || (!is_map() && !is_list())) return top;
  Config result = *this;
  for (std::size_t i = 0; i < top.keys_.size(); ++i) {
    const std::string& key = top.keys_[i];
    const Config& value = top.children_[i];
    if (key == "base") continue;
    Config* own =
        is_list() ? &result.element(key, value.where()) : const_cast<Config*>(result.find(key));
    if (own == nullptr) {
      result.keys_.push_back(key);
      result.children_.push_back(value);
    } else if (value.is_map() && value.find("base") != nullptr) {
      *own = value;  // what names a base of its own is not laid over another one
    } else if (value.is_map() && own->is_scalar() &&
               std::find(named.begin(), named.end(), key) != named.end()) {
      Config laid = value;
      laid.keys_.insert(laid.keys_.begin(), "base");
      laid.children_.insert(laid.children_.begin(), *own);
      laid.children_.front().place(laid.path_, "base");
      *own = laid;
    } else {
      *own = own->overlaid(value, named);
    }
  }
  return result;
}

}  // namespace spillway::workloads
