#include "models/dram/traces/trace_line.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <limits>
#include <optional>

#include "workloads/support/error.hpp"

namespace spillway::models::dram {

namespace {

constexpr std::uint64_t last_address = std::numeric_limits<std::uint64_t>::max();

std::string shown(std::string_view text) {
  return '"' + workloads::printable(std::string(text.substr(0, 61))) + '"';
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Take the next word off the front of `rest`; "" at the end.
std::string_view take_word(std::string_view& rest) {
  std::size_t begin = 0;
  while (begin < rest.size() && is_blank(rest[begin])) ++begin;
  std::size_t end = begin;
  while (end < rest.size() && !is_blank(rest[end])) ++end;
  const std::string_view word = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return word;
}

bool has_hexadecimal_prefix(std::string_view word) {
  return word.size() > 1 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
}

/// All of `digits` as a number.
std::optional<std::uint64_t> parsed(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

/// DRAMsim3's words: its own, and those of older traces that it takes.
std::optional<bool> dramsim3_write(std::string_view word) {
  if (word == "READ" || word == "read" || word == "P_MEM_RD" || word == "P_FETCH") return false;
  if (word == "WRITE" || word == "write" || word == "P_MEM_WR" || word == "BOFF") return true;
  return std::nullopt;
}

/// The words of a line, in order, each read as the kind that it has to be.
class Words {
 public:
  Words(TraceFormat format, const TraceLine& line)
      : format_(format), line_(line), rest_(line.text) {}

  std::string_view next() { return take_word(rest_); }

  std::uint64_t number(const char* part, std::string_view word, std::uint64_t minimum,
                       std::uint64_t maximum) const {
    const std::optional<std::uint64_t> value = parsed(word, 10);
    if (!value || *value < minimum || *value > maximum) {
      refuse(part, word, fmt::format("a number from {} to {}", minimum, maximum));
    }
    return *value;
  }

  std::uint64_t cycle(std::string_view word) const {
    return number("cycle", word, 0, latest_cycle);
  }

  std::uint64_t hexadecimal_address(std::string_view word) const {
    std::string_view digits = word;
    if (has_hexadecimal_prefix(digits)) digits.remove_prefix(2);
    const std::optional<std::uint64_t> value = parsed(digits, 16);
    if (!value) {
      refuse("address", word, fmt::format("a hexadecimal number up to {:#x}", last_address));
    }
    return *value;
  }

  /// Nothing may follow.
  void end() {
    const std::string_view more = next();
    if (!more.empty()) refuse("end of the line", more, "nothing more");
  }

  [[noreturn]] void refuse(const char* part, std::string_view found,
                           const std::string& allowed) const {
    refuse_trace_line(format_, line_, part, found, allowed);
  }

 private:
  TraceFormat format_;
  const TraceLine& line_;
  std::string_view rest_;
};

TraceAccess parse_dramsim3(Words words) {
  TraceAccess access;
  access.first = access.last = words.hexadecimal_address(words.next());
  const std::string_view operation = words.next();
  const std::optional<bool> is_write = dramsim3_write(operation);
  if (!is_write) words.refuse("operation", operation, "READ or WRITE");
  access.is_write = *is_write;
  access.cycle = words.cycle(words.next());
  words.end();
  return access;
}

TraceAccess parse_ramulator2(Words words) {
  TraceAccess access;
  const std::string_view operation = words.next();
  if (operation != "LD" && operation != "ST") words.refuse("operation", operation, "LD or ST");
  access.is_write = operation == "ST";
  const std::string_view address = words.next();
  access.first = access.last = has_hexadecimal_prefix(address)
                                   ? words.hexadecimal_address(address)
                                   : words.number("address", address, 0, last_address);
  words.end();
  return access;
}

TraceAccess parse_dramsys(Words words) {
  TraceAccess access;
  std::string_view cycle = words.next();
  if (cycle.ends_with(':')) cycle.remove_suffix(1);
  access.cycle = words.cycle(cycle);
  std::string_view operation = words.next();
  std::uint64_t size = 1;
  if (operation.starts_with('(')) {
    std::string_view bytes = operation.substr(1);
    if (bytes.ends_with(')')) bytes.remove_suffix(1);
    size = words.number("bytes", bytes, 1, std::numeric_limits<std::uint32_t>::max());
    operation = words.next();
  }
  if (operation != "read" && operation != "write") {
    words.refuse("operation", operation, "read or write");
  }
  access.is_write = operation == "write";
  const std::string_view word = words.next();
  const std::uint64_t address = words.hexadecimal_address(word);
  if (size - 1 > last_address - address) {
    words.refuse("address", word, fmt::format("one with {} bytes behind it", size));
  }
  access.first = address;
  access.last = address + (size - 1);
  const std::string_view data = words.next();
  if (!data.empty() && !has_hexadecimal_prefix(data)) {
    words.refuse("data", data, "nothing, or hexadecimal data that begin with 0x");
  }
  words.end();
  return access;
}

}  // namespace

bool holds_nothing(std::string_view line) {
  const std::string_view first = take_word(line);
  return first.empty() || first.front() == '#';
}

TraceFormat recognise_format(const TraceLine& line) {
  std::string_view rest = line.text;
  const std::string_view first = take_word(rest), second = take_word(rest), third = take_word(rest);
  if (first == "LD" || first == "ST") return TraceFormat::ramulator2;
  const bool lower_case = second == "read" || second == "write";
  if (first.ends_with(':') || second.starts_with('(') ||
      (lower_case && has_hexadecimal_prefix(third))) {
    const bool relative = std::filesystem::path(line.file).extension() == ".rstl";
    return relative ? TraceFormat::dramsys_relative : TraceFormat::dramsys;
  }
  if (dramsim3_write(second)) return TraceFormat::dramsim3;
  throw workloads::InputError(fmt::format(
      "{}:{}: found {}; allowed: a request as {} (dramsim3), {} (ramulator2) or {} (dramsys)",
      line.file, line.number, shown(line.text), line_form(TraceFormat::dramsim3),
      line_form(TraceFormat::ramulator2), line_form(TraceFormat::dramsys)));
}

TraceAccess parse_trace_line(TraceFormat format, const TraceLine& line) {
  const Words words(format, line);
  switch (format) {
    case TraceFormat::dramsim3: return parse_dramsim3(words);
    case TraceFormat::ramulator2: return parse_ramulator2(words);
    default: return parse_dramsys(words);
  }
}

void refuse_trace_line(TraceFormat format, const TraceLine& line, const char* part,
                       std::string_view found, const std::string& allowed) {
  throw workloads::InputError(fmt::format(
      "{}:{}: {}: found {} in {}; allowed: {}; a line is {}", line.file, line.number, part,
      found.empty() ? "nothing" : shown(found), shown(line.text), allowed, line_form(format)));
}

}  // namespace spillway::models::dram
