#include "workloads/support/json.hpp"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace spillway {

Json parse_json(std::string_view text) { return Json::parse(text); }
Json parse_json(std::istream& stream) { return Json::parse(stream); }

}  // namespace spillway
