#include "analysis/formats/json.hpp"

namespace spillway::analysis {

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json ledger_json(const sim::Ledger& ledger, models::Port port) {
  Json rows = Json::array();
  for (const sim::LedgerLine& line : ledger.lines()) {
    if (line.key.port != port) continue;
    rows.push_back({{"layer", line.layer},
                    {"phase", to_string(line.key.phase)},
                    {"tensor", to_string(line.key.tensor)},
                    {"direction", to_string(line.key.direction)},
                    {"words", line.words.count()}});
  }
  return rows;
}

}  // namespace spillway::analysis
