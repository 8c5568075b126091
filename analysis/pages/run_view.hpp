// One result as the page sees it: values by their place, none of which has to be there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/formats/json.hpp"
#include "analysis/pages/report_page.hpp"

namespace spillway::analysis::pages {

/// A key as part of a JSON pointer, with the "/" before it.
std::string part(const std::string& key);
std::string part(std::size_t index);

class RunView {
 public:
  RunView(const NamedResult& result, std::size_t number, bool alone);

  std::size_t number() const { return number_; }
  const Json& json() const { return *json_; }
  const std::string& name() const { return *name_; }
  /// "A", "B" … "Z", "27" …: how tables and figures call it.
  const std::string& letter() const { return letter_; }
  /// Before a heading about it: "" where it is the only one, else "A · ".
  std::string prefix() const { return alone_ ? "" : letter_ + " · "; }

  /// What stands at a JSON pointer; nullptr where nothing or null does.
  const Json* find(const std::string& pointer) const;
  bool has(const std::string& pointer) const { return find(pointer) != nullptr; }
  std::optional<double> number_at(const std::string& pointer) const;
  /// "" where there is no text.
  std::string text_at(const std::string& pointer) const;
  /// Elements of a list; 0 where there is none.
  std::size_t size_of(const std::string& pointer) const;
  std::vector<std::string> keys_of(const std::string& pointer) const;
  bool is_plan() const { return text_at("/command") == "plan"; }
  /// "/simulated" of a run, "/estimated" of a plan.
  std::string costs() const { return has("/simulated") ? "/simulated" : "/estimated"; }

 private:
  const Json* json_;
  const std::string* name_;
  std::size_t number_;
  bool alone_;
  std::string letter_;
};

/// One row of `ledger` or `host_ledger`, with its place.
struct LedgerRow {
  std::string pointer, layer, phase, tensor, direction;
  std::uint64_t words;
};
std::vector<LedgerRow> ledger_rows(const RunView& run, const std::string& ledger);

/// As the network has them; what is none of its layers comes before, but for the readout.
std::vector<std::string> layers_of(const RunView& run, const std::vector<LedgerRow>& rows);

}  // namespace spillway::analysis::pages
