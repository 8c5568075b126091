// Enumerations and what files and reports call their values: one table each, read in both
// directions, so that nothing depends on the order in which values are declared.
#pragma once

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace spillway::workloads {

template <class Enum>
struct Named {
  Enum value;
  std::string_view name;
};

/// The names of an enumeration, each value once, in the order in which users see them.
template <class Enum, std::size_t count>
using Names = std::array<Named<Enum>, count>;

/// Throws std::logic_error for a value that the table has not.
template <class Enum, std::size_t count>
std::string name_in(const Names<Enum, count>& table, Enum value) {
  for (const Named<Enum>& named : table) {
    if (named.value == value) return std::string(named.name);
  }
  throw std::logic_error("a value without a name");
}

template <class Enum, std::size_t count>
std::optional<Enum> value_in(const Names<Enum, count>& table, std::string_view name) {
  for (const Named<Enum>& named : table) {
    if (named.name == name) return named.value;
  }
  return std::nullopt;
}

template <class Enum, std::size_t count>
std::vector<std::string> names_in(const Names<Enum, count>& table) {
  std::vector<std::string> names;
  for (const Named<Enum>& named : table) names.emplace_back(named.name);
  return names;
}

}  // namespace spillway::workloads
