// Traces of other simulators: what their lines mean, what is refused, and that length costs
// nothing.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "models/dram/traces/pattern.hpp"
#include "models/dram/traces/trace_reader.hpp"
#include "models/dram/traces/trace_writer.hpp"
#include "tests/support/program.hpp"
#include "workloads/support/error.hpp"

namespace spillway::trace_test {

using models::dram::Pattern;
using models::dram::Request;
using models::dram::TraceFormat;
using models::dram::TraceOptions;
using models::dram::TraceReader;
using models::dram::TraceWriter;
using test::TemporaryFolder;
using workloads::Bytes;

namespace {

constexpr bool read = false, write = true;

std::vector<Request> all_of(TraceReader& reader) {
  std::vector<Request> requests;
  Request request;
  while (reader.next(request)) requests.push_back(request);
  return requests;
}

std::vector<Request> requests_of(const std::string& text, std::optional<TraceFormat> format = {},
                                 const std::string& name = "a.trace") {
  const TemporaryFolder folder;
  TraceOptions options;
  options.format = format;
  TraceReader reader(folder.write(name, text), options);
  return all_of(reader);
}

/// The message in which a trace is refused, from the file's name on; "" when it is not.
std::string refusal(const std::string& text, std::optional<TraceFormat> format = {},
                    const std::string& name = "a.trace") {
  try {
    requests_of(text, format, name);
  } catch (const workloads::InputError& error) {
    const std::string message = error.what();
    return message.substr(message.find(name));
  }
  return "";
}

std::string text_of(TraceFormat format, const std::vector<Request>& requests) {
  std::string text;
  TraceWriter writer(format, [&](std::string_view piece) { text += piece; });
  for (const Request& request : requests) writer.add(request);
  writer.finish();
  return text;
}

std::uint64_t resident_bytes() {
  std::ifstream status("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  status >> total >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("a DRAMsim3 trace says address then operation then cycle") {
  const std::vector<Request> expected{
      {0x40, read, 0}, {0xffffffffffffffc0, write, 7}, {0x1280, read, 281474976710656}};
  CHECK(requests_of("0x40 READ 0\n0xffffffffffffffff WRITE 7\n0x1280 READ 281474976710656\n") ==
        expected);
  CHECK(requests_of("40  read\t0\r\n  0XFFFFFFFFFFFFFFC0 P_MEM_WR 7\r\n12BF P_FETCH "
                    "281474976710656") == expected);
}

TEST_CASE("a Ramulator 2 trace says operation then address in either base") {
  const std::vector<Request> expected{{0x40, read, 0}, {0x1000, write, 0}, {0x1000, read, 0}};
  CHECK(requests_of("LD 0x40\nST 4096\nLD 0X1001\n") == expected);
}

TEST_CASE("a DRAMSys trace says cycle then operation then address") {
  const std::vector<Request> expected{{0x400140, read, 31}, {0x80, write, 33}, {0xc0, read, 40}};
  CHECK(requests_of("# comment\n\n31: read 0x400140\n33:\twrite 0x80 0xdeadbeef\n40: read c0\n") ==
        expected);
  CHECK(requests_of("31 read 0x400140\n33: (64) write 0x80\n40: (3) read 0xd0\n") == expected);
}

TEST_CASE("a DRAMSys access of several bursts is a request for each") {
  const std::vector<Request> expected{
      {0x80, read, 5}, {0xc0, read, 5}, {0x100, read, 5}, {0, write, 9}};
  CHECK(requests_of("5: (129) read 0x80\n9: write 0x0\n") == expected);
  CHECK(requests_of("5: (66) read 0xbf\n9: write 0x0\n") == expected);
  CHECK(requests_of("1: (1000000) read 0x0\n").size() == 15625);  // more than a batch
}

TEST_CASE("relative DRAMSys traces count from the request before") {
  const std::vector<Request> expected{{0x40, read, 3}, {0x80, write, 3}, {0xc0, read, 10}};
  const std::string text = "3: read 0x40\n0: write 0x80\n7: read 0xc0\n";
  CHECK(requests_of(text, TraceFormat::dramsys_relative) == expected);
  CHECK(requests_of(text, {}, "a.rstl") == expected);
  CHECK(requests_of(text)[2].earliest_cycle == 7);
  CHECK(refusal("281474976710656: read 0x0\n1: read 0x0\n", {}, "b.rstl").find("b.rstl:2: cycle") ==
        0);
}

TEST_CASE("an address stands for the burst of the device that it lies in") {
  const auto in_bursts_of = [](std::uint64_t burst_bytes, const std::string& text) {
    const TemporaryFolder folder;
    TraceReader reader(
        folder.write("t", text),
        {.format = {}, .burst_bytes = burst_bytes, .capacity = {}, .wrap = false, .clocks = {}});
    return all_of(reader);
  };
  CHECK(in_bursts_of(32, "0x5f READ 1\n") == std::vector<Request>{{0x40, read, 1}});
  CHECK(in_bursts_of(16, "LD 0x5f\n") == std::vector<Request>{{0x50, read, 0}});
  CHECK(in_bursts_of(128, "0xff WRITE 1\n") == std::vector<Request>{{0x80, write, 1}});
  CHECK(in_bursts_of(32, "5: (65) read 0x20\n") ==
        std::vector<Request>{{0x20, read, 5}, {0x40, read, 5}, {0x60, read, 5}});
}

TEST_CASE("what lies beyond the device is refused, or wraps on request") {
  const TemporaryFolder folder;
  const auto requests = [&](const std::string& text, bool wrap) {
    TraceReader reader(folder.write("t", text), {.format = {},
                                                 .burst_bytes = 64,
                                                 .capacity = std::uint64_t{1} << 33,
                                                 .wrap = wrap,
                                                 .clocks = {}});
    return all_of(reader);
  };
  const std::string last = "0x1FFFFFFFF READ 1\n", beyond = "0xFFFFFFFFFFFF WRITE 2\n";
  CHECK(requests(last, false) == std::vector<Request>{{0x1ffffffc0, read, 1}});
  CHECK(requests(last + beyond, true) ==
        std::vector<Request>{{0x1ffffffc0, read, 1}, {0x1ffffffc0, write, 2}});
  try {
    requests(last + beyond, false);
    FAIL("accepted");
  } catch (const workloads::InputError& error) {
    const std::string message = error.what();
    CAPTURE(message);
    for (const char* words : {"t:2: address", "0xffffffffffff", "below 0x200000000", "--wrap"}) {
      CHECK(message.find(words) != std::string::npos);
    }
  }
  // An access that goes beyond with its last byte.
  CHECK_THROWS_AS(requests("1: (65) read 0x1FFFFFFC0\n", false), workloads::InputError);
  CHECK(requests("1: (65) read 0x1FFFFFFC0\n", true)[1] == Request{0, read, 1});
}

TEST_CASE("cycles that go backwards are counted and the first of them is told") {
  const TemporaryFolder folder;
  const auto backwards = [&](const std::string& text, std::optional<TraceFormat> format = {}) {
    TraceOptions options;
    options.format = format;
    TraceReader reader(folder.write("t", text), options);
    all_of(reader);
    return reader.backwards();
  };
  const std::string text = "0x40 READ 9\n0x80 READ 9\n\n0xc0 READ 5\n0x0 READ 6\n0x0 READ 10\n";
  const TraceReader::Backwards found = backwards(text);
  CHECK(found.lines == 2);
  CHECK(found.first_line == 4);
  CHECK(found.cycle == 5);
  CHECK(found.latest == 9);
  CHECK(backwards("9: read 0x40\n8: read 0x40\n").lines == 1);
  CHECK(backwards("9: read 0x40\n8: read 0x40\n", TraceFormat::dramsys_relative).lines == 0);
  CHECK(backwards("0x40 READ 9\n0x80 READ 9\n").lines == 0);
  CHECK(backwards("LD 64\nLD 64\n").lines == 0);
}

TEST_CASE("a request of another clock comes in the first cycle that is not too early") {
  const TemporaryFolder folder;
  const auto cycles = [&](const std::string& text, std::uint64_t trace_fs) {
    TraceReader reader(folder.write("t", text),
                       {.format = {},
                        .burst_bytes = 64,
                        .capacity = {},
                        .wrap = false,
                        .clocks = TraceOptions::Clocks{.trace = trace_fs, .channel = 833'000}});
    std::vector<std::uint64_t> found;
    for (const Request& request : all_of(reader)) found.push_back(request.earliest_cycle);
    return found;
  };
  // 1 GHz beside 0.833 ns: 833 ns are 1000 cycles, and 834 ns a little more than 1001.
  CHECK(cycles("0x0 READ 0\n0x0 READ 1\n0x0 READ 833\n0x0 READ 834\n", 1'000'000) ==
        std::vector<std::uint64_t>{0, 2, 1000, 1002});
  CHECK(cycles("0x0 READ 7\n0x0 READ 281474976710656\n", 833'000) ==
        std::vector<std::uint64_t>{7, 281474976710656});
  CHECK(cycles("1: read 0x0\n2: read 0x0\n", 833'000 * 3) == std::vector<std::uint64_t>{3, 6});
  CHECK_THROWS_AS(cycles("0x0 READ 281474976710656\n", 1'000'000), workloads::InputError);
  CHECK_THROWS_AS(cycles("LD 0x0\n", 1'000'000), workloads::InputError);
}

TEST_CASE("the format is that of the first request") {
  const TemporaryFolder folder;
  const auto format_of = [&](const std::string& text, const std::string& name = "t") {
    return TraceReader(folder.write(name, text)).format();
  };
  CHECK(format_of("0x40 READ 1\n") == TraceFormat::dramsim3);
  CHECK(format_of("40 WRITE 1\n") == TraceFormat::dramsim3);
  CHECK(format_of("0x40 read 1\n") == TraceFormat::dramsim3);
  CHECK(format_of("\n# LD 0x40\nST 64\n") == TraceFormat::ramulator2);
  CHECK(format_of("# 0x40 READ 1\n1: read 0x40\n") == TraceFormat::dramsys);
  CHECK(format_of("1 read 0x40\n") == TraceFormat::dramsys);
  CHECK(format_of("1 (32) read 40\n") == TraceFormat::dramsys);
  CHECK(format_of("1: read 0x40\n", "t.rstl") == TraceFormat::dramsys_relative);
  CHECK(format_of("LD 0x40\n", "t.rstl") == TraceFormat::ramulator2);
  // Millions of comments before it do not hide it.
  std::string text;
  while (text.size() < 3'000'000) text += "# nothing\n";
  CHECK(format_of(text + "LD 1\n") == TraceFormat::ramulator2);
}

TEST_CASE("what is no trace is refused with the formats there are") {
  const std::string message = refusal("# a\nhello world\n");
  CHECK(message.find("a.trace:2: found \"hello world\"") == 0);
  for (const char* word : {"dramsim3", "ramulator2", "dramsys", "LD|ST ADDRESS"}) {
    CHECK(message.find(word) != std::string::npos);
  }
  CHECK(refusal("").find("found no request") != std::string::npos);
  CHECK(refusal("# nothing\n\n").find("found no request") != std::string::npos);
  CHECK(refusal(std::string("\x7f"
                            "ELF\0\x01",
                            6))
            .find("\\x7fELF\\x00\\x01") != std::string::npos);
  CHECK(refusal(std::string(2'000'000, '7')).find("a.trace:1: found a line of more than") == 0);
  CHECK_THROWS_AS(TraceReader("/no/such/trace"), workloads::InputError);
  CHECK_THROWS_AS(TraceReader("/"), workloads::InputError);
}

TEST_CASE("a malformed line is named with what was read and what is expected") {
  struct Case {
    TraceFormat format;
    const char* line;
    std::vector<std::string> words;  ///< that the message must have
  };
  using enum TraceFormat;
  const Case cases[] = {
      {dramsim3, "0x12G4 READ 1", {"address", "\"0x12G4\"", "hexadecimal"}},
      {dramsim3, "0x10000000000000000 READ 1", {"address", "0xffffffffffffffff"}},
      {dramsim3, "-40 READ 1", {"address", "\"-40\""}},
      {dramsim3, "0x READ 1", {"address", "\"0x\""}},
      {dramsim3, "0x40 RAED 1", {"operation", "\"RAED\"", "READ or WRITE"}},
      {dramsim3, "0x40 READ", {"cycle", "found nothing", "0 to 281474976710656"}},
      {dramsim3, "0x40 READ -1", {"cycle", "\"-1\""}},
      {dramsim3, "0x40 READ 1.5", {"cycle", "\"1.5\""}},
      {dramsim3, "0x40 READ 281474976710657", {"cycle", "0 to 281474976710656"}},
      {dramsim3, "0x40 READ 1 2", {"end of the line", "\"2\"", "nothing more"}},
      {dramsim3, "LD 0x40", {"address", "\"LD\"", "0xADDRESS READ|WRITE CYCLE"}},
      {ramulator2, "LOAD 0x40", {"operation", "\"LOAD\"", "LD or ST"}},
      {ramulator2, "ld 64", {"operation", "\"ld\""}},
      {ramulator2, "LD", {"address", "found nothing"}},
      {ramulator2, "LD 4f", {"address", "\"4f\"", "number"}},
      {ramulator2, "LD 0x", {"address", "\"0x\""}},
      {ramulator2, "LD -64", {"address", "\"-64\""}},
      {ramulator2, "LD 64 7", {"end of the line", "\"7\""}},
      {ramulator2, "7: read 0x40", {"operation", "\"7:\"", "LD|ST ADDRESS"}},
      {dramsys, "x: read 0x40", {"cycle", "\"x\""}},
      {dramsys, ": read 0x40", {"cycle", "found nothing"}},
      {dramsys, "1: fetch 0x40", {"operation", "\"fetch\"", "read or write"}},
      {dramsys, "1:", {"operation", "found nothing"}},
      {dramsys, "1: read", {"address", "found nothing"}},
      {dramsys, "1: read 0y40", {"address", "\"0y40\""}},
      {dramsys, "1: (0) read 0x40", {"bytes", "\"0\"", "1 to 4294967295"}},
      {dramsys, "1: (4294967296) read 0x40", {"bytes"}},
      {dramsys, "1: (128) read 0xffffffffffffffc0", {"address", "128 bytes behind it"}},
      {dramsys, "1: write 0x40 data", {"data", "\"data\"", "0x"}},
      {dramsys, "1: write 0x40 0x12 7", {"end of the line", "\"7\""}},
  };
  const auto good = [](TraceFormat format) {
    return text_of(format, {{0x40, read, 1}, {0x80, write, 2}, {0xc0, read, 3}});
  };
  for (const Case& c : cases) {
    CAPTURE(c.line);
    const std::string message = refusal(good(c.format) + c.line + "\n" + good(c.format), c.format);
    CAPTURE(message);
    CHECK(message.find("a.trace:4: ") == 0);
    CHECK(message.find(c.line) != std::string::npos);
    CHECK(message.find("allowed: ") != std::string::npos);
    for (const std::string& word : c.words) CHECK(message.find(word) != std::string::npos);
  }
  CHECK(refusal(good(dramsim3)) == "");
  // However long and strange the line is, the message is one line of text.
  const std::string junk = refusal("LD 1\nLD " + std::string(500'000, '\x01') + "\n");
  CHECK(junk.find("a.trace:2: address") == 0);
  CHECK(junk.size() < 900);
  CHECK(junk.find('\x01') == std::string::npos);
}

TEST_CASE("the requests before a malformed line are good") {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "LD 64\n";
  TraceReader reader(folder.write("t", text + "LD\n"));
  Request request;
  std::uint64_t count = 0;
  CHECK_THROWS_AS(while (reader.next(request))++ count, workloads::InputError);
  CHECK(count >= 8192);  // whole batches
}

TEST_CASE("what is written is read as the same requests") {
  for (const std::string& name : models::dram::written_format_names()) {
    const TraceFormat format =
        models::dram::trace_format(name, models::dram::written_format_names());
    for (const std::string& pattern : models::dram::pattern_names()) {
      CAPTURE(name);
      CAPTURE(pattern);
      Pattern source(pattern, Bytes(1 << 20), 4);
      std::vector<Request> requests(source.bursts());
      for (Request& request : requests) REQUIRE(source.next(request));
      std::vector<Request> expected = requests;
      if (format == TraceFormat::ramulator2) {
        for (Request& request : expected) request.earliest_cycle = 0;
      }
      CHECK(requests_of(text_of(format, requests)) == expected);
    }
  }
}

TEST_CASE("a written line is as the simulators document it") {
  const std::vector<Request> requests{{0x1f40, read, 12}, {0, write, 0}};
  CHECK(text_of(TraceFormat::dramsim3, requests) == "0x1f40 READ 12\n0x0 WRITE 0\n");
  CHECK(text_of(TraceFormat::ramulator2, requests) == "LD 0x1f40\nST 0x0\n");
  CHECK(text_of(TraceFormat::dramsys, requests) == "12: read 0x1f40\n0: write 0x0\n");
}

TEST_CASE("a writer hands its text on in pieces and keeps little") {
  std::size_t largest = 0, total = 0;
  TraceWriter writer(TraceFormat::dramsim3, [&](std::string_view piece) {
    largest = std::max(largest, piece.size());
    total += piece.size();
  });
  for (std::uint64_t i = 0; i < 200'000; ++i) writer.add({i * 64, read, i});
  CHECK(largest < 128 * 1024);
  CHECK(total > 3'000'000);
}

TEST_CASE("format names are refused with the nearest one") {
  using models::dram::trace_format;
  using models::dram::trace_format_names;
  CHECK(trace_format("dramsys-relative", trace_format_names()) == TraceFormat::dramsys_relative);
  for (const std::string& name : trace_format_names()) {
    CHECK(models::dram::format_name(trace_format(name, trace_format_names())) == name);
  }
  CHECK(trace_format("stl", trace_format_names()) == TraceFormat::dramsys);
  CHECK(trace_format("rstl", trace_format_names()) == TraceFormat::dramsys_relative);
  CHECK(trace_format("ramulator", trace_format_names()) == TraceFormat::ramulator2);
  CHECK_THROWS_AS(trace_format("dramsys-relative", models::dram::written_format_names()),
                  workloads::InputError);
  try {
    trace_format("dramsim", trace_format_names());
    FAIL("accepted");
  } catch (const workloads::InputError& error) {
    CHECK(std::string(error.what()).find("did you mean \"dramsim3\"") != std::string::npos);
  }
}

TEST_CASE("a trace of any length takes the same memory") {
  // 128 MiB of text through a pipe, which nobody can map or seek in.
  const TemporaryFolder folder;
  const std::string pipe = (folder.path() / "pipe").string();
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  std::string block;
  for (std::uint64_t i = 0; block.size() < (1 << 20); ++i) {
    block += text_of(TraceFormat::dramsim3, {{i * 64, i % 2 == 0, 1000000 + i}});
  }
  const auto lines = static_cast<std::uint64_t>(std::count(block.begin(), block.end(), '\n'));
  constexpr int blocks = 128;
  std::thread feeder([&] {
    const int file = open(pipe.c_str(), O_WRONLY);
    for (int i = 0; i < blocks; ++i) {
      for (std::size_t done = 0; done < block.size();) {
        const ssize_t written = ::write(file, block.data() + done, block.size() - done);
        if (written <= 0) break;
        done += static_cast<std::size_t>(written);
      }
    }
    close(file);
  });
  TraceReader reader(pipe);
  const std::uint64_t before = resident_bytes();
  std::uint64_t count = 0, largest = 0;
  Request request;
  while (reader.next(request)) {
    if (++count % 100'000 == 0) largest = std::max(largest, resident_bytes());
  }
  feeder.join();
  CHECK(count == blocks * lines);
  CHECK(largest < before + (std::uint64_t{16} << 20));
}

}  // namespace spillway::trace_test
