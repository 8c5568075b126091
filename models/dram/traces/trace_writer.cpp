#include "models/dram/traces/trace_writer.hpp"

#include <charconv>

namespace spillway::models::dram {

namespace {

constexpr std::size_t piece = 64 * 1024;
constexpr std::size_t longest_line = 64;

}  // namespace

TraceWriter::TraceWriter(TraceFormat format, Sink sink) : format_(format), sink_(std::move(sink)) {
  text_.reserve(piece + longest_line);
}

void TraceWriter::add(const Request& request) {
  switch (format_) {
    case TraceFormat::dramsim3:
      append("0x");
      append(request.address, 16);
      append(request.is_write ? " WRITE " : " READ ");
      append(request.earliest_cycle, 10);
      break;
    case TraceFormat::ramulator2:
      append(request.is_write ? "ST 0x" : "LD 0x");
      append(request.address, 16);
      break;
    default:
      append(request.earliest_cycle, 10);
      append(request.is_write ? ": write 0x" : ": read 0x");
      append(request.address, 16);
  }
  append("\n");
  if (text_.size() < piece) return;
  finish();
}

void TraceWriter::finish() {
  sink_(text_);
  text_.clear();
}

void TraceWriter::append(std::uint64_t value, int base) {
  char digits[20];
  text_.append(digits, std::to_chars(digits, digits + sizeof digits, value, base).ptr);
}

}  // namespace spillway::models::dram
