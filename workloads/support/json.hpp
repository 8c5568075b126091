// JSON with keys in the order in which they are written. The class behind it is compiled once, in
// json.cpp: a file that includes this takes a third of the time of one that compiles it again.
#pragma once

#include <istream>
#include <nlohmann/json.hpp>
#include <string_view>

extern template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace spillway {

using Json = nlohmann::ordered_json;

/// Throw Json::parse_error.
Json parse_json(std::string_view text);
Json parse_json(std::istream& stream);

}  // namespace spillway
