#include "analysis/pages/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/formats/output.hpp"
#include "analysis/formats/svg.hpp"

namespace spillway::analysis::pages {

std::string escaped(const std::string& text) { return svg::escaped(text); }

std::string shown(double value) {
  const double size = std::abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-3)) return fmt::format("{:.4g}", value);
  if (size == std::floor(size)) {
    return (value < 0 ? "-" : "") + grouped(static_cast<std::uint64_t>(size));
  }
  if (size >= 1000) {
    const auto tenths = static_cast<std::uint64_t>(std::llround(size * 10));
    return fmt::format("{}{}.{}", value < 0 ? "-" : "", grouped(tenths / 10), tenths % 10);
  }
  return size < 1 ? fmt::format("{:.4g}", value) : fmt::format("{:.3f}", value);
}

std::string shown(const Json& value, double scale) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  const bool counts =
      value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
  if (counts && scale == 1) return grouped(value.get<std::uint64_t>());
  if (value.is_number_integer() && scale == 1) return value.dump();
  if (value.is_number()) return shown(value.get<double>() * scale);
  if (value.empty()) return "none";
  std::string text;
  for (const auto& [key, inner] : value.items()) {
    text += text.empty() ? "" : ", ";
    if (value.is_object()) text += key + ": ";
    text += inner.is_structured() ? "(" + shown(inner) + ")" : shown(inner);
  }
  return text;
}

std::string short_number(double value) {
  constexpr const char* units[] = {"", " k", " M", " G", " T", " P", " E"};
  std::size_t unit = 0;
  while (std::abs(value) >= 1000 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g}{}", value, units[unit]);
}

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string change(double before, double after) {
  const double ratio = after / before, percent = 100 * (after - before) / std::abs(before);
  if (ratio >= 10 || (ratio > 0 && ratio < 0.001)) return fmt::format("× {:.3g}", ratio);
  if (percent != 0 && std::abs(percent) < 0.05) return fmt::format("{:+.1g} %", percent);
  return fmt::format("{:+.1f} %", percent);
}

std::string place(const RunView& run, const std::string& pointer) {
  const Json* found = run.find(pointer);
  if (found == nullptr) return "";
  return fmt::format(" data-run=\"{}\" data-key=\"{}\" data-value=\"{}\"", run.number(),
                     escaped(pointer),
                     escaped(found->dump(-1, ' ', false, Json::error_handler_t::replace)));
}

std::string value(const RunView& run, const std::string& pointer, double scale) {
  const Json* found = run.find(pointer);
  if (found == nullptr) return "<span class=\"none\">not known</span>";
  return fmt::format("<span{}{}>{}</span>", found->is_number() ? " class=\"v\"" : "",
                     place(run, pointer), escaped(shown(*found, scale)));
}

std::string value_cell(const RunView& run, const std::string& pointer, double scale,
                       const std::string& below) {
  const Json* found = run.find(pointer);
  if (found == nullptr) return "<td class=\"n none\">-</td>";
  const std::string note = below.empty() ? "" : "<small>" + escaped(below) + "</small>";
  return fmt::format("<td{}><span{}>{}</span>{}</td>", found->is_number() ? " class=\"n\"" : "",
                     place(run, pointer), escaped(shown(*found, scale)), note);
}

std::string text_cell(const std::string& text) { return "<td>" + escaped(text) + "</td>"; }

std::string number_cell(const std::string& text, const std::string& attributes) {
  return fmt::format("<td class=\"n\"{}>{}</td>", attributes, escaped(text));
}

Sum sum_of(const RunView& run, const std::string& ledger, const std::vector<LedgerRow>& rows,
           const Where& where) {
  Sum sum;
  bool any = false;
  for (const LedgerRow& row : rows) {
    const bool among = std::ranges::all_of(where, [&](const auto& key) {
      return (key.first == "layer"    ? row.layer
              : key.first == "phase"  ? row.phase
              : key.first == "tensor" ? row.tensor
                                      : row.direction) == key.second;
    });
    if (!among) continue;
    any = true;
    sum.words += row.words;
  }
  if (!any) return sum;
  sum.attributes = fmt::format(" data-run=\"{}\" data-sum=\"{}\" data-value=\"{}\"", run.number(),
                               escaped(ledger), sum.words);
  for (const auto& [key, text] : where) {
    sum.attributes += fmt::format(" data-{}=\"{}\"", key, escaped(text));
  }
  return sum;
}

HtmlTable::HtmlTable(std::string caption, const std::vector<std::string>& headings)
    : caption_(std::move(caption)) {
  text_ = "<thead><tr>";
  for (const std::string& heading : headings) {
    const bool number = heading.starts_with('#');
    text_ += fmt::format("<th scope=\"col\"{}>{}</th>", number ? " class=\"n\"" : "",
                         escaped(number ? heading.substr(1) : heading));
  }
  text_ += "</tr></thead>\n<tbody>\n";
}

void HtmlTable::row(const std::string& heading, const std::vector<std::string>& cells,
                    const std::string& kind) {
  ++rows_;
  text_ += kind.empty() ? "<tr>" : fmt::format("<tr class=\"{}\">", kind);
  // A long key may go on in the next line after a dot or an underscore.
  std::string breakable;
  for (const char c : escaped(heading)) {
    breakable += c;
    if (c == '.' || c == '_') breakable += "<wbr/>";
  }
  text_ += fmt::format("<th scope=\"row\">{}</th>", breakable);
  for (const std::string& cell : cells) text_ += cell;
  text_ += "</tr>\n";
}

std::string HtmlTable::text() const {
  return fmt::format(
      "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table>"
      "<caption>{0}</caption>{1}</tbody></table></div>\n",
      escaped(caption_), text_);
}

std::string fold(const std::string& heading, const std::string& content, bool open) {
  return fmt::format("<details{}><summary>{}</summary>\n{}</details>\n", open ? " open" : "",
                     escaped(heading), content);
}

std::string missing(const std::string& text) {
  return "<p class=\"missing\">" + escaped(text) + "</p>\n";
}

std::string figure(const std::string& caption, const std::string& content) {
  return fmt::format(
      "<figure><figcaption>{0}</figcaption><div class=\"wide\" tabindex=\"0\" role=\"region\" "
      "aria-label=\"{0}\">{1}</div></figure>\n",
      escaped(caption), content);
}

std::string subheading(const std::string& text) { return "<h3>" + escaped(text) + "</h3>\n"; }

}  // namespace spillway::analysis::pages
