#include "analysis/figures/explore_partial.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <optional>
#include <span>

#include "analysis/formats/output.hpp"
#include "analysis/reports/settings_json.hpp"
#include "analysis/reports/version.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::analysis {

using workloads::InputError;

namespace {

constexpr std::string_view begin_of_identity = "# unfinished: ";
constexpr auto least_age = std::chrono::milliseconds(200);  // of a file that is written again

// Columns, counted from the last one: a network's name may hold commas.
constexpr std::size_t columns_of_curve = 6;

/// Ratios, a bound for each rule, two others, and a closed form for each rule.
std::size_t columns_after(const BufferExploration& exploration) {
  return exploration.compared().size() + 2 + 2 * exploration.rules.size();
}

std::string identity(const workloads::Network& network, std::int64_t batch,
                     const std::vector<Bytes>& sizes, const std::vector<std::string>& rules) {
  const std::string all = network_settings(network).dump();
  const uLong sum =
      crc32(0, reinterpret_cast<const Bytef*>(all.data()), static_cast<uInt>(all.size()));
  std::vector<std::uint64_t> counts;
  for (const Bytes size : sizes) counts.push_back(size.count());
  std::string text = fmt::format(
      "{}version {}; network {} [{:08x}]; batch {}; sizes {}", begin_of_identity, version(),
      workloads::printable(network.name, 100), sum, batch, fmt::join(counts, " "));
  if (rules != usual_rules()) text += fmt::format("; rules {}", fmt::join(rules, " "));
  return text;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

/// What another exploration's first line says otherwise: "batch 100, here batch 10".
std::string what_differs(const std::string& found, const std::string& wanted) {
  if (!found.starts_with(begin_of_identity)) return "no exploration";
  const auto there = split(found.substr(begin_of_identity.size()), ';');
  const auto here = split(wanted.substr(begin_of_identity.size()), ';');
  std::string text;
  for (std::size_t i = 0; i < std::max(here.size(), there.size()); ++i) {
    std::string other = i < there.size() ? there[i] : "";
    std::string own = i < here.size() ? here[i] : "";
    for (std::string* side : {&other, &own}) {  // which are not named
      const std::string& others = side == &other ? own : other;
      if (side->empty() && others.starts_with(" rules ")) *side = " the usual rules";
    }
    if (other == own) continue;
    text += fmt::format("{}{}, here{}{}", text.empty() ? "" : "; ",
                        workloads::printable(other.substr(other.starts_with(' ')), 100),
                        own.starts_with(' ') ? "" : " ", workloads::printable(own, 100));
  }
  return text;
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& found) {
  throw InputError(fmt::format(
      "{}: found {}; allowed: the same command to continue, another --csv, or removing the file",
      path.string(), found));
}

std::optional<std::uint64_t> number(const std::string& field) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return value;
}

/// A curve's cells; nothing when they are empty, or those of a buffer that is too small. False in
/// `sound` when they are neither.
std::optional<BufferPoint> point_of(std::span<const std::string> cells, bool& sound) {
  std::array<std::optional<std::uint64_t>, columns_of_curve> n;
  std::ranges::transform(cells, n.begin(), number);
  const auto& [reads, writes, words, smallest, macs, recomputed] = n;
  const bool empty = cells[0].empty();
  sound = empty || (reads && writes && words && macs && recomputed && *reads + *writes == *words);
  if (!sound || empty) return std::nullopt;
  return BufferPoint{Words(*reads), Words(*writes), "", Bytes(0), Macs(*macs), Macs(*recomputed)};
}

/// Take over a row's plans; false when it is no row of the exploration.
bool take_over(const std::string& line, BufferExploration& exploration) {
  const std::vector<std::string> fields = split(line, ',');
  const std::size_t of_curves = columns_of_curve * exploration.curves.size();
  const std::size_t wanted = 4 + of_curves + columns_after(exploration);
  if (fields.size() < wanted) return false;
  const std::size_t first = fields.size() - columns_after(exploration) - of_curves;
  for (BufferBlock& block : exploration.blocks) {
    if (fields[first - 2] != fmt::format("{}", block.batch_norm)) continue;
    for (BufferRow& row : block.rows) {
      if (fields[first - 1] != std::to_string(row.buffer.count())) continue;
      for (std::size_t c = 0; c < row.points.size(); ++c) {
        const std::size_t at = first + columns_of_curve * c;
        bool sound = true;
        const auto point = point_of(std::span(fields).subspan(at, columns_of_curve), sound);
        if (!sound) return false;
        if (point) row.points[c] = *point;
      }
      return true;
    }
  }
  return false;
}

std::size_t plans_in(const BufferExploration& exploration) {
  std::size_t count = 0;
  for (const BufferBlock& block : exploration.blocks) {
    for (const BufferRow& row : block.rows) {
      count += static_cast<std::size_t>(
          std::ranges::count_if(row.points, [](const BufferPoint& p) { return !p.pending; }));
    }
  }
  return count;
}

}  // namespace

PartialExploration::PartialExploration(std::filesystem::path path,
                                       const workloads::Network& network, std::int64_t batch,
                                       const std::vector<Bytes>& sizes,
                                       const std::vector<std::string>& rules)
    : path_(std::move(path)), identity_(identity(network, batch, sizes, rules)) {}

void PartialExploration::recall(BufferExploration& exploration) {
  std::ifstream stream(path_, std::ios::binary);
  std::string line;
  if (!stream || !std::getline(stream, line)) return;
  if (line != identity_) refuse(path_, what_differs(line, identity_));
  const std::string header = exploration_csv(exploration);
  if (!std::getline(stream, line) || !header.starts_with(line + "\n")) {
    refuse(path_, "a damaged file");
  }
  while (std::getline(stream, line)) {
    if (!take_over(line, exploration)) refuse(path_, "a damaged file");
  }
  plans_ = plans_in(exploration);
}

void PartialExploration::keep(const BufferExploration& exploration) {
  const std::lock_guard lock(mutex_);
  content_ = identity_ + "\n" + exploration_csv(exploration);
  plans_ = plans_in(exploration);
  if (std::chrono::steady_clock::now() - written_ >= least_age) write_locked();
}

std::size_t PartialExploration::write() {
  const std::lock_guard lock(mutex_);
  if (!content_.empty()) write_locked();
  return plans_;
}

void PartialExploration::write_locked() {
  workloads::replace_file(path_, content_);
  content_.clear();
  written_ = std::chrono::steady_clock::now();
}

void PartialExploration::remove() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace spillway::analysis
