#include "analysis/formats/json.hpp"

namespace spillway::analysis {

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace spillway::analysis
