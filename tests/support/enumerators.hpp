// All values that an enumeration declares, so that a test can ask something of each.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace spillway::test {

/// Whether a value has a name in its enumeration: compilers spell that name, and a cast, such as
/// (Phase)7, where there is none.
template <auto value>
consteval bool is_enumerator() {
  constexpr std::string_view begin = "value = ";
  const std::string_view function = __PRETTY_FUNCTION__;
  return function[function.find(begin) + begin.size()] != '(';
}

/// The declared values from 0 to 63, in that order.
template <class Enum>
std::vector<Enum> enumerators() {
  std::vector<Enum> values;
  [&]<std::size_t... i>(std::index_sequence<i...>) {
    ((is_enumerator<static_cast<Enum>(i)>() ? values.push_back(static_cast<Enum>(i)) : void()),
     ...);
  }
  (std::make_index_sequence<64>());
  return values;
}

}  // namespace spillway::test
