// A comparison of two results as text and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/comparisons/result_diff.hpp"
#include "analysis/formats/output.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace {

struct SectionName {
  ResultSection section;
  const char *title, *key;
};
constexpr std::array section_names{SectionName{ResultSection::settings, "Settings", "settings"},
                                   SectionName{ResultSection::counts, "Counts", "counts"},
                                   SectionName{ResultSection::bytes, "Bytes", "bytes"},
                                   SectionName{ResultSection::time, "Time", "time"},
                                   SectionName{ResultSection::energy, "Energy", "energy"},
                                   SectionName{ResultSection::other, "Other results", "other"}};

constexpr std::size_t most_details = 20;  // that a section shows

std::string number_text(const Json& value) {
  if (value.is_number_unsigned()) return grouped(value.get<std::uint64_t>());
  if (value.is_number_integer()) return value.dump();
  const double number = value.get<double>();
  if (std::abs(number) < 1000) return fmt::format("{:.6g}", number);
  if (std::abs(number) >= 1e18) return fmt::format("{:g}", number);
  const auto thousandths = static_cast<std::uint64_t>(std::llround(std::abs(number) * 1000));
  return fmt::format("{}{}.{:03}", number < 0 ? "-" : "", grouped(thousandths / 1000),
                     thousandths % 1000);
}

std::string value_text(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_number()) return number_text(value);
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  return workloads::printable(text, 60);
}

std::string change_text(const ResultDifference& d) {
  if (!d.is_number()) return "";
  if (d.before.is_number_unsigned() && d.after.is_number_unsigned()) {
    const auto before = d.before.get<std::uint64_t>(), after = d.after.get<std::uint64_t>();
    return after < before ? "-" + grouped(before - after) : "+" + grouped(after - before);
  }
  return (d.change() < 0 ? "" : "+") + number_text(d.change());
}

/// Nothing where the first is zero: there is no such percentage.
std::optional<double> percent(const ResultDifference& d) {
  if (!d.is_number() || d.before.get<double>() == 0) return std::nullopt;
  return 100 * d.change() / std::abs(d.before.get<double>());
}

std::string percent_text(const ResultDifference& d) {
  const std::optional<double> share = percent(d);
  return share ? fmt::format("{:+.2f} %", *share) : d.is_number() ? "new" : "";
}

/// Totals in their order, then what belongs to single layers, the largest change first.
std::vector<const ResultDifference*> shown(const ResultComparison& comparison,
                                           ResultSection section) {
  std::vector<const ResultDifference*> rows;
  for (const ResultDifference& d : comparison.differences) {
    if (d.section == section && !d.repeated) rows.push_back(&d);
  }
  std::ranges::stable_sort(rows, [](const ResultDifference* a, const ResultDifference* b) {
    if (a->detail != b->detail) return b->detail;
    if (!a->detail || a->is_number() != b->is_number()) return !a->is_number() && b->is_number();
    return a->is_number() && std::abs(a->change()) > std::abs(b->change());
  });
  return rows;
}

std::string section_text(const ResultComparison& comparison, const SectionName& name, bool all) {
  const std::vector<const ResultDifference*> rows = shown(comparison, name.section);
  const auto of_section = [&](const ResultDifference& d) { return d.section == name.section; };
  if (std::ranges::none_of(comparison.differences, of_section)) {
    return name.section == ResultSection::other ? "" : fmt::format("\n{}: the same\n", name.title);
  }
  const bool settings = name.section == ResultSection::settings;
  std::vector<std::string> header{settings ? "setting" : "what", "A", "B"};
  if (!settings) header.insert(header.end(), {"B - A", "%"});
  Table table(header);
  std::size_t details = 0;
  for (const ResultDifference* d : rows) {
    if (d->detail && ++details > most_details && !all) continue;
    std::vector<std::string> row{d->what, value_text(d->before), value_text(d->after)};
    if (!settings) row.insert(row.end(), {change_text(*d), percent_text(*d)});
    table.add(row);
  }
  std::string text = fmt::format(
      "\n{} that differ{}\n{}", name.title,
      name.section == ResultSection::time || name.section == ResultSection::energy ? "s" : "",
      table.text());
  if (!all && details > most_details) {
    text += fmt::format("  and {} more, smaller ones; --all shows them\n",
                        grouped(details - most_details));
  }
  return text;
}

}  // namespace

std::string comparison_text(const ResultComparison& comparison, bool all) {
  std::string text;
  if (comparison.plan_and_run) {
    text += "One is a plan, the other a run: only what both have is compared.\n";
  }
  if (comparison.same()) return text + "The same settings and the same results.\n";
  for (const SectionName& name : section_names) text += section_text(comparison, name, all);
  return text;
}

std::string comparison_json(const ResultComparison& comparison) {
  Json json = {{"same", comparison.same()}};
  for (const SectionName& name : section_names) {
    Json rows = Json::array();
    for (const ResultDifference& d : comparison.differences) {
      if (d.section != name.section) continue;
      Json row = {{"what", d.what}, {"a", d.before}, {"b", d.after}};
      if (d.is_number()) row["difference"] = d.change();
      if (const auto share = percent(d)) row["percent"] = *share;
      rows.push_back(std::move(row));
    }
    json[name.key] = std::move(rows);
  }
  return dump(json);
}

}  // namespace spillway::analysis
