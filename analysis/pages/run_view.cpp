#include "analysis/pages/run_view.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace spillway::analysis::pages {

std::string part(const std::string& key) {
  std::string text = "/";
  for (const char c : key) {
    text += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  }
  return text;
}

std::string part(std::size_t index) { return "/" + std::to_string(index); }

RunView::RunView(const NamedResult& result, std::size_t number, bool alone)
    : json_(&result.result),
      name_(&result.name),
      number_(number),
      alone_(alone),
      letter_(number < 26 ? std::string(1, static_cast<char>('A' + number))
                          : std::to_string(number + 1)) {}

const Json* RunView::find(const std::string& pointer) const {
  const Json::json_pointer at(pointer);
  if (!json_->contains(at)) return nullptr;
  const Json& value = json_->at(at);
  return value.is_null() ? nullptr : &value;
}

std::optional<double> RunView::number_at(const std::string& pointer) const {
  const Json* value = find(pointer);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->get<double>();
}

std::string RunView::text_at(const std::string& pointer) const {
  const Json* value = find(pointer);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

std::size_t RunView::size_of(const std::string& pointer) const {
  const Json* value = find(pointer);
  return value != nullptr && value->is_array() ? value->size() : 0;
}

std::vector<std::string> RunView::keys_of(const std::string& pointer) const {
  std::vector<std::string> keys;
  const Json* value = find(pointer);
  if (value == nullptr || !value->is_object()) return keys;
  for (const auto& [key, inner] : value->items()) keys.push_back(key);
  return keys;
}

std::vector<LedgerRow> ledger_rows(const RunView& run, const std::string& ledger) {
  std::vector<LedgerRow> rows;
  for (std::size_t i = 0; i < run.size_of(ledger); ++i) {
    const std::string at = ledger + part(i);
    const Json* words = run.find(at + "/words");
    rows.push_back(
        {at + "/words", run.text_at(at + "/layer"), run.text_at(at + "/phase"),
         run.text_at(at + "/tensor"), run.text_at(at + "/direction"),
         words != nullptr && words->is_number_integer() ? words->get<std::uint64_t>() : 0});
  }
  return rows;
}

std::vector<std::string> layers_of(const RunView& run, const std::vector<LedgerRow>& rows) {
  std::map<std::string, std::size_t> order{{"readout", run.size_of("/network_layers") + 1}};
  for (std::size_t i = 0; i < run.size_of("/network_layers"); ++i) {
    order.emplace(run.text_at("/network_layers" + part(i) + "/layer"), i + 1);
  }
  std::vector<std::string> layers;
  std::set<std::string> seen;
  for (const LedgerRow& row : rows) {
    if (seen.insert(row.layer).second) layers.push_back(row.layer);
  }
  std::ranges::stable_sort(layers, {}, [&](const std::string& layer) {
    const auto place = order.find(layer);
    return place == order.end() ? 0 : place->second;
  });
  return layers;
}

}  // namespace spillway::analysis::pages
