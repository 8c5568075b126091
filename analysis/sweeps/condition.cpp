#include "analysis/sweeps/condition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/sizes.hpp"

namespace spillway::analysis {

using workloads::Config;

std::optional<double> quantity(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc{} && stop == end) return value;
  const std::optional<workloads::Bytes> size = workloads::parse_size(text);
  if (!size) return std::nullopt;
  return static_cast<double>(size->count());
}

namespace {

const std::vector<std::string> signs{"==", "!=", "<=", ">=", "<", ">"};
constexpr const char* grammar = "a condition such as \"batch <= 64 and rule in [bp, lel]\"";

struct Token {
  std::string text;
  bool quoted = false;
  bool is(const char* word) const { return !quoted && text == word; }
};

std::vector<Token> tokens_of(const Config& config) {
  const std::string text = config.text();
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < text.size();) {
    const std::string rest = text.substr(at);
    const auto sign = std::ranges::find_if(
        signs, [&](const std::string& candidate) { return rest.starts_with(candidate); });
    if (rest[0] == ' ') {
      ++at;
    } else if (sign != signs.end()) {
      tokens.push_back({*sign});
      at += sign->size();
    } else if (rest[0] == '[' || rest[0] == ']' || rest[0] == ',') {
      tokens.push_back({rest.substr(0, 1)});
      ++at;
    } else if (rest[0] == '"') {
      const std::size_t end = rest.find('"', 1);
      if (end == std::string::npos) config.refuse("a closing quotation mark, too");
      tokens.push_back({rest.substr(1, end - 1), true});
      at += end + 1;
    } else {
      const std::size_t length = std::min(rest.find_first_of(" [],\"<>=!"), rest.size());
      if (length == 0) config.refuse(grammar);
      tokens.push_back({rest.substr(0, length)});
      at += length;
    }
  }
  return tokens;
}

/// Reads tokens one by one.
class TokenReader {
 public:
  explicit TokenReader(const Config& config) : config_(config), tokens_(tokens_of(config)) {}

  bool at_end() const { return next_ == tokens_.size(); }
  bool take(const char* word) {
    if (at_end() || !tokens_[next_].is(word)) return false;
    ++next_;
    return true;
  }
  Token one() {
    if (at_end()) config_.refuse(grammar);
    return tokens_[next_++];
  }
  /// "64 KiB" is two tokens.
  std::string value() {
    const Token first = one();
    if (first.quoted) return first.text;
    std::string text = first.text;
    while (!at_end() && !ends_value(tokens_[next_])) text += " " + tokens_[next_++].text;
    if (ends_value(first)) config_.refuse(grammar);
    return text;
  }

 private:
  static bool ends_value(const Token& token) {
    if (token.quoted) return true;
    return token.is("and") || token.is("or") || token.is("[") || token.is("]") || token.is(",") ||
           std::ranges::find(signs, token.text) != signs.end();
  }

  const Config& config_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
};

bool is_order(const std::string& sign) { return sign[0] == '<' || sign[0] == '>'; }

bool same(const Quantity& a, const Quantity& b) {
  return a.number && b.number ? *a.number == *b.number : a.text == b.text;
}

const ConditionName& named(const Config& config, const std::string& name,
                           const std::vector<ConditionName>& names) {
  const auto found = std::ranges::find(names, name, &ConditionName::name);
  if (found != names.end()) return *found;
  std::vector<std::string> all;
  for (const ConditionName& each : names) all.push_back(each.name);
  throw workloads::InputError(fmt::format(
      "{}found \"{}\" in \"{}\"; allowed: {}{}", config.where(), workloads::printable(name),
      workloads::printable(config.text(), 200),
      all.empty() ? "nothing here" : workloads::joined(all), workloads::did_you_mean(name, all)));
}

void require_fitting(const Config& config, const ConditionName& name, const std::string& sign,
                     const Quantity& value) {
  const auto refuse = [&](const std::string& allowed, const std::string& hint = "") {
    throw workloads::InputError(fmt::format(
        "{}found \"{}\" in \"{}\"; allowed: {}{}", config.where(), workloads::printable(value.text),
        workloads::printable(config.text(), 200), allowed, hint));
  };
  const bool numbers = std::ranges::all_of(
      name.values, [](const Quantity& each) { return each.number.has_value(); });
  if (is_order(sign) && !numbers) {
    refuse(fmt::format("== or != beside {}, which is no number", name.name));
  }
  if ((is_order(sign) || name.values.empty()) && !value.number) refuse("a number, or a size");
  if (is_order(sign) || name.values.empty()) return;
  if (std::ranges::any_of(name.values, [&](const auto& each) { return same(each, value); })) return;
  std::vector<std::string> texts;
  for (const Quantity& each : name.values) texts.push_back(each.text);
  refuse(fmt::format("a value of {}: {}", name.name, workloads::joined(texts)),
         workloads::did_you_mean(value.text, texts));
}

bool compare(const Quantity& a, const std::string& sign, const Quantity& b) {
  if (sign == "==") return same(a, b);
  if (sign == "!=") return !same(a, b);
  if (!a.number || !b.number) return false;
  if (sign == "<") return *a.number < *b.number;
  if (sign == "<=") return *a.number <= *b.number;
  if (sign == ">") return *a.number > *b.number;
  return *a.number >= *b.number;
}

}  // namespace

Condition::Condition(const Config& config, const std::vector<ConditionName>& names)
    : text_(config.text()) {
  TokenReader reader(config);
  any_of_all_.emplace_back();
  while (true) {
    Comparison comparison;
    comparison.name = reader.one().text;
    const ConditionName& name = named(config, comparison.name, names);
    comparison.sign = reader.one().text;
    const bool list = comparison.sign == "in";
    if (!list && std::ranges::find(signs, comparison.sign) == signs.end()) config.refuse(grammar);
    if (list && !reader.take("[")) config.refuse(grammar);
    do {
      const std::string value = reader.value();
      comparison.values.push_back({value, quantity(value)});
      require_fitting(config, name, comparison.sign, comparison.values.back());
    } while (list && reader.take(","));
    if (list && !reader.take("]")) config.refuse(grammar);
    any_of_all_.back().push_back(std::move(comparison));
    if (reader.at_end()) return;
    if (reader.take("or")) {
      any_of_all_.emplace_back();
    } else if (!reader.take("and")) {
      config.refuse(grammar);
    }
  }
}

bool Condition::holds(
    const std::function<std::optional<Quantity>(const std::string&)>& value_of) const {
  const auto is_true = [&](const Comparison& comparison) {
    const std::optional<Quantity> value = value_of(comparison.name);
    if (!value) return false;
    return std::ranges::any_of(comparison.values, [&](const Quantity& each) {
      return compare(*value, comparison.sign == "in" ? "==" : comparison.sign, each);
    });
  };
  return std::ranges::any_of(any_of_all_, [&](const std::vector<Comparison>& all) {
    return std::ranges::all_of(all, is_true);
  });
}

}  // namespace spillway::analysis
