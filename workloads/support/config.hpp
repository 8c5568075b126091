// A YAML file as a tree that remembers where each value stands, so that every complaint can name
// file:line, the key path, the value found and what is allowed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workloads/support/names.hpp"
#include "workloads/support/units.hpp"

namespace spillway::workloads {

/// An override of one value, "path.to.key=value" (elements as list.0 or list[0]), and what messages
/// about it begin with.
struct Assignment {
  Assignment(const std::string& assignment);  ///< given with --set
  Assignment(const char* assignment) : Assignment(std::string(assignment)) {}
  Assignment(std::string assignment, std::string where)
      : text(std::move(assignment)), origin(std::move(where)) {}

  std::string text, origin;
};

class Config {
 public:
  enum class Kind { null, scalar, list, map };

  /// Read one YAML document. Throws InputError for a missing or unreadable file, a syntax error, a
  /// duplicate key, an empty document, more than one document or more than 4 MiB.
  static Config from_file(const std::filesystem::path& path);
  static Config from_text(const std::string& text, const std::string& file_name);

  Kind kind() const { return kind_; }
  bool is_map() const { return kind_ == Kind::map; }
  bool is_list() const { return kind_ == Kind::list; }
  bool is_scalar() const { return kind_ == Kind::scalar; }
  const std::string& file() const { return file_; }
  int line() const { return line_; }
  const std::string& path() const { return path_; }  ///< e.g. "layers[2].kernel"
  std::string where() const;                         ///< "file:line: path: "

  /// This node must be a map with no keys but these.
  void allow_only(const std::vector<std::string>& keys) const;
  /// The value of a key that must be there.
  const Config& at(const std::string& key) const;
  /// The value of a key, or null when it is absent.
  const Config* find(const std::string& key) const;
  /// The elements of a list, or the values of a map in file order.
  const std::vector<Config>& items() const;
  const std::vector<std::string>& keys() const { return keys_; }

  std::int64_t integer(std::int64_t minimum = std::numeric_limits<std::int64_t>::min(),
                       std::int64_t maximum = std::numeric_limits<std::int64_t>::max()) const;
  double number(double minimum = -std::numeric_limits<double>::max(),
                double maximum = std::numeric_limits<double>::max()) const;
  bool boolean() const;
  std::string text() const;
  /// A size such as "64 KiB", "128MB" or a plain number of bytes (support/sizes.hpp); at least 1.
  Bytes size() const;
  /// Index of the scalar within `allowed`.
  std::size_t choice(const std::vector<std::string>& allowed) const;
  /// The value that the scalar names.
  template <class Enum, std::size_t count>
  Enum choice(const Names<Enum, count>& allowed) const {
    return allowed[choice(names_in(allowed))].value;
  }

  /// Override one value, read as YAML. Keys that do not exist yet are created; a scalar in the way
  /// becomes a map that keeps it under `base`.
  void set(const Assignment& assignment);

  /// This tree with the values of `top` in place of its own: maps are merged key by key, a list's
  /// elements may be replaced by index, and the key `base` of `top` is left out. A text under one
  /// of the keys `named` is the name of something that a map without a base is laid over: it
  /// becomes the `base` of that map.
  Config overlaid(const Config& top, const std::vector<std::string>& named = {}) const;

  /// Throw the InputError that says what was found here and what is allowed.
  [[noreturn]] void refuse(const std::string& allowed, const std::string& hint = "") const;

 private:
  friend class ConfigBuilder;
  /// An element of a list by an index in text; `place` begins the complaint when there is none.
  Config& element(const std::string& index, const std::string& place);
  void place(const std::string& parent_path, const std::string& name);

  Kind kind_ = Kind::null;
  std::string scalar_;
  bool quoted_ = false;
  std::vector<std::string> keys_;
  std::vector<Config> children_;
  std::string file_;
  int line_ = 0;
  std::string path_;
};

}  // namespace spillway::workloads
