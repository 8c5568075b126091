#include "workloads/support/sizes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string_view>

namespace spillway::workloads {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::uint64_t kibi = 1024, kilo = 1000;
constexpr std::array<Unit, 13> units{{{"", 1},
                                      {"B", 1},
                                      {"byte", 1},
                                      {"bytes", 1},
                                      {"K", kibi},
                                      {"KiB", kibi},
                                      {"M", kibi* kibi},
                                      {"MiB", kibi* kibi},
                                      {"G", kibi* kibi* kibi},
                                      {"GiB", kibi* kibi* kibi},
                                      {"KB", kilo},
                                      {"MB", kilo* kilo},
                                      {"GB", kilo* kilo* kilo}}};
constexpr std::uint64_t largest_size = 1'000'000'000'000'000;
constexpr std::size_t most_digits = 18;  // of a fraction, so that it fits 64 bits

/// "1.5 MiB" as "1", "5" and "MiB".
struct Parts {
  std::string whole, fraction, gap, unit;
};

std::optional<Parts> parts_of(const std::string& text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string number = text.substr(0, end);
  const std::size_t unit = std::min(text.find_first_not_of(' ', end), text.size());
  const std::size_t point = std::min(number.find('.'), number.size());
  Parts parts{number.substr(0, point), number.substr(std::min(point + 1, number.size())),
              text.substr(end, unit - end), text.substr(unit)};
  if (parts.fraction.find('.') != std::string::npos) return std::nullopt;
  if (parts.whole.empty() && parts.fraction.empty()) return std::nullopt;
  while (parts.fraction.ends_with('0')) parts.fraction.pop_back();
  if (parts.fraction.size() > most_digits) return std::nullopt;
  return parts;
}

/// A string of digits, "" being 0; nothing when it does not fit.
std::optional<std::uint64_t> number_of(const std::string& digits) {
  if (digits.empty()) return 0;
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

}  // namespace

std::optional<Bytes> parse_size(const std::string& text) {
  const std::optional<Parts> parts = parts_of(text);
  if (!parts) return std::nullopt;
  const auto* unit = std::ranges::find(units, std::string_view(parts->unit), &Unit::name);
  const std::optional<std::uint64_t> whole = number_of(parts->whole);
  if (unit == units.end() || !whole || *whole > largest_size / unit->bytes) return std::nullopt;
  // In integers: 0.29 MB are 290 000 bytes, which no binary fraction is.
  __extension__ using Wide = unsigned __int128;
  Wide scale = 1;
  for (std::size_t i = 0; i < parts->fraction.size(); ++i) scale *= 10;
  const Wide fraction = Wide(*number_of(parts->fraction)) * unit->bytes / scale;
  std::uint64_t bytes = *whole * unit->bytes + static_cast<std::uint64_t>(fraction);
  if (!parts->fraction.empty()) bytes -= bytes % bytes_per_word;
  return Bytes(bytes);
}

std::string allowed_sizes() {
  return "a size such as 64 KiB, 1.5 MiB, 256KB or a number of bytes (K, M, G, KiB, MiB and GiB "
         "are powers of two, KB, MB and GB powers of ten)";
}

std::string size_hint(const std::string& text) {
  const std::optional<Parts> parts = parts_of(text);
  if (!parts) return "";
  // Of units that differ in case alone, "kb" for KB; and "Ki" or "kibibytes" for what they begin.
  const std::string given = lower_case(parts->unit);
  const auto begins = [&](const char* with) { return given.starts_with(with); };
  std::string meant;
  for (const Unit& unit : units) {
    if (!unit.name.empty() && lower_case(unit.name) == given) meant = unit.name;
  }
  if (given == "ki" || begins("kibi")) meant = "KiB";
  if (given == "mi" || begins("mebi")) meant = "MiB";
  if (given == "gi" || begins("gibi")) meant = "GiB";
  if (begins("kilo")) meant = "KB";
  if (begins("mega")) meant = "MB";
  if (begins("giga")) meant = "GB";
  if (meant.empty() || meant == parts->unit) return "";
  const std::size_t number = text.size() - parts->unit.size() - parts->gap.size();
  return fmt::format(" (did you mean \"{}{}{}\"?)", text.substr(0, number), parts->gap, meant);
}

std::string needed_size(Bytes bytes) {
  constexpr std::array<const char*, 4> names{"B", "KiB", "MiB", "GiB"};
  std::size_t name = 0;
  std::uint64_t unit = 1;
  while (name + 1 < names.size() && bytes.count() / unit >= kibi) {
    unit *= kibi;
    ++name;
  }
  if (name == 0) return fmt::format("{} B", bytes.count());
  // Tenths, rounded up; then whole words of it are no fewer than the need's.
  const std::uint64_t whole = bytes_of(words_of(bytes)).count(), rest = whole % unit;
  const std::uint64_t tenths = whole / unit * 10 + ceil_div(rest * 10, unit);
  return fmt::format("{}.{} {}", tenths / 10, tenths % 10, names[name]);
}

}  // namespace spillway::workloads
