// An array of the same value everywhere.
#pragma once

#include <array>
#include <cstddef>

namespace spillway::workloads {

template <std::size_t size, class Value>
constexpr std::array<Value, size> filled_array(const Value& value) {
  std::array<Value, size> result{};
  result.fill(value);
  return result;
}

}  // namespace spillway::workloads
