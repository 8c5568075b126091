#include "analysis/formats/columns.hpp"

namespace spillway::analysis {

std::string text_of(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_unsigned() ? grouped(value.get<std::uint64_t>()) : value.dump();
}

std::string csv_of(const Json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? csv_text(value.get<std::string>()) : value.dump();
}

}  // namespace spillway::analysis
