// The patterns against their published definitions, written out here as loops.
#include "models/dram/traces/pattern.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <set>

#include "workloads/support/error.hpp"

namespace spillway::pattern_test {

using models::dram::Pattern;
using models::dram::Request;
using workloads::Bytes;

namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t b0 = 0x10000000, c0 = 0x18000000;
constexpr bool read = false, write = true;

std::vector<Request> requests_of(Pattern pattern) {
  std::vector<Request> requests;
  Request request;
  while (pattern.next(request)) requests.push_back(request);
  CHECK(requests.size() == pattern.bursts());
  return requests;
}

std::vector<Request> requests_of(const std::string& name, std::uint64_t mebibytes = 1,
                                 std::uint64_t burst_cycles = 4) {
  return requests_of(Pattern(name, Bytes(mebibytes * mib), burst_cycles));
}

/// run(a, n, op) of the definitions.
void run(std::vector<Request>& requests, std::uint64_t a, std::uint64_t n, bool is_write) {
  for (std::uint64_t at = a; at < a + n; at += 64) requests.push_back({at, is_write, 0});
}

std::vector<Request> copy(std::uint64_t size, std::uint64_t chunk, std::uint64_t b) {
  std::vector<Request> requests;
  for (std::uint64_t k = 0; k < size / (2 * chunk); ++k) {
    run(requests, chunk * k, chunk, read);
    run(requests, b + chunk * k, chunk, write);
  }
  return requests;
}

std::vector<Request> three(std::uint64_t size, std::uint64_t b, std::uint64_t c) {
  std::vector<Request> requests;
  for (std::uint64_t k = 0; k < size / 4096; ++k) {
    run(requests, 2048 * k, 1024, read);
    run(requests, 2048 * k + 1024, 1024, read);
    run(requests, b + 1024 * k, 1024, read);
    run(requests, c + 1024 * k, 1024, write);
  }
  return requests;
}

std::vector<Request> random(std::uint64_t state, std::uint64_t count, bool mixed) {
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < count; ++i) {
    state += 0x9E3779B97F4A7C15;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    const std::uint64_t r = z ^ (z >> 31);
    requests.push_back({(r >> 41) * 64, mixed && (r & 1) != 0, 0});
  }
  return requests;
}

}  // namespace

TEST_CASE("every pattern is the sequence of its definition") {
  constexpr std::uint64_t size = 2 * mib;
  std::map<std::string, std::vector<Request>> expected;
  run(expected["a_seq_rd"], 0, size, read);
  run(expected["b_seq_wr"], 0, size, write);
  expected["c_rw4k"] = copy(size, 4096, b0);
  expected["c_rw4k_off"] = copy(size, 4096, b0 + 0x18000);
  expected["d_rw64k"] = copy(size, 65536, b0);
  expected["d_rw64k_off"] = copy(size, 65536, b0 + 0x18000);
  expected["e_copy256"] = copy(size, 256, b0);
  expected["e_copy256_off"] = copy(size, 256, b0 + 0x18000);
  for (std::uint64_t j = 0; j < size / 512; ++j) run(expected["f_strided"], 8192 * j, 512, read);
  expected["g_rand_rd"] = random(1, size / 64, false);
  expected["h_rand_rw"] = random(2, size / 64, true);
  expected["i_three"] = three(size, b0, c0);
  expected["i_three_off"] = three(size, b0 + 0x18000, c0 + 0xC000);
  for (const char* name : {"a_seq_rd", "g_rand_rd"}) {
    std::vector<Request> paced = expected[name];
    for (std::uint64_t i = 0; i < paced.size(); ++i) paced[i].earliest_cycle = i * 4 * 10 / 3;
    expected[std::string(name) + "_30pct"] = paced;
  }
  std::set<std::string> defined;
  for (const auto& [name, requests] : expected) {
    CAPTURE(name);
    CHECK(requests_of(name, 2) == requests);
    defined.insert(name);
  }
  const std::vector<std::string> names = models::dram::pattern_names();
  CHECK(std::set<std::string>(names.begin(), names.end()) == defined);
}

TEST_CASE("patterns of the reference's size begin and end where it says") {
  struct Case {
    const char* name;
    std::uint64_t first, last;
    bool last_is_write;
    std::uint64_t writes;
  };
  // 16 MiB: 262144 requests. Writes as counted in the reference's table.
  const Case cases[] = {
      {"a_seq_rd", 0, 16 * mib - 64, read, 0},
      {"b_seq_wr", 0, 16 * mib - 64, write, 262144},
      {"c_rw4k", 0, b0 + 8 * mib - 64, write, 131072},
      {"d_rw64k_off", 0, b0 + 0x18000 + 8 * mib - 64, write, 131072},
      {"e_copy256", 0, b0 + 8 * mib - 64, write, 131072},
      {"f_strided", 0, 32767 * 8192 + 448, read, 0},
      {"g_rand_rd", 0x12214580, 0x1a5c3d40, read, 0},
      {"h_rand_rw", 0x12eb0680, 0x197ff800, read, 131271},
      {"i_three", 0, c0 + 4 * mib - 64, write, 65536},
      {"i_three_off", 0, c0 + 0xC000 + 4 * mib - 64, write, 65536},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const std::vector<Request> requests = requests_of(c.name, 16);
    CHECK(requests.size() == 262144);
    CHECK(requests.front().address == c.first);
    CHECK(requests.back().address == c.last);
    CHECK(requests.back().is_write == c.last_is_write);
    std::uint64_t writes = 0;
    for (const Request& request : requests) writes += request.is_write ? 1 : 0;
    CHECK(writes == c.writes);
  }
}

TEST_CASE("a paced pattern asks for three tenths of the peak of its device") {
  for (const std::uint64_t burst_cycles : {2u, 4u, 8u}) {
    const std::vector<Request> requests = requests_of("a_seq_rd_30pct", 1, burst_cycles);
    CHECK(requests[0].earliest_cycle == 0);
    CHECK(requests[1].earliest_cycle == burst_cycles * 10 / 3);
    CHECK(requests[3].earliest_cycle == burst_cycles * 10);
    CHECK(requests.back().earliest_cycle == (requests.size() - 1) * burst_cycles * 10 / 3);
  }
}

TEST_CASE("a pattern moves the same bytes in bursts of any size") {
  const auto addresses = [](const std::string& name, std::uint64_t burst) {
    std::vector<Request> requests = requests_of(Pattern(name, Bytes(mib), 4, burst));
    CHECK(requests.size() == mib / burst);
    return requests;
  };
  for (const std::uint64_t burst : {16u, 32u, 128u, 256u}) {
    CAPTURE(burst);
    const std::vector<Request> stream = addresses("a_seq_rd", burst);
    for (std::uint64_t i = 0; i < stream.size(); ++i) REQUIRE(stream[i].address == i * burst);
    // 4 KiB are read and then written.
    const std::vector<Request> copied = addresses("c_rw4k", burst);
    const std::uint64_t chunk = 4096 / burst;
    CHECK(copied[chunk - 1] == Request{4096 - burst, read, 0});
    CHECK(copied[chunk] == Request{b0, write, 0});
    CHECK(copied[2 * chunk] == Request{4096, read, 0});
    // Random bursts are aligned, and all places of a line are met.
    std::set<std::uint64_t> places;
    for (const Request& request : addresses("g_rand_rd", burst)) {
      REQUIRE(request.address % burst == 0);
      REQUIRE(request.address < 512 * mib);
      places.insert(request.address / burst % 16);
    }
    CHECK(places.size() == 16);
  }
  CHECK(addresses("g_rand_rd", 64).front().address == 0x12214580);
  CHECK(addresses("g_rand_rd", 32).front().address / 64 * 64 == 0x12214580);
  CHECK_THROWS_AS(Pattern("e_copy256", Bytes(mib), 4, 512), workloads::InputError);
}

TEST_CASE("a pattern's addresses end where it says") {
  for (const std::string& name : models::dram::pattern_names()) {
    CAPTURE(name);
    Pattern pattern(name, Bytes(2 * mib), 4);
    const std::uint64_t end = pattern.end();
    std::uint64_t largest = 0;
    Request request;
    while (pattern.next(request)) largest = std::max(largest, request.address + 64);
    CHECK(largest <= end);
    if (name[0] != 'g' && name[0] != 'h') CHECK(largest + 64 * 1024 >= end);
  }
  CHECK(Pattern("a_seq_rd", Bytes(mib), 4).end() == mib);
  CHECK(Pattern("c_rw4k", Bytes(mib), 4).end() == b0 + mib / 2);
}

TEST_CASE("an unknown pattern is refused with the nearest name, and a size that is no MiB") {
  const auto refusal = [](const std::string& name, std::uint64_t size) -> std::string {
    try {
      Pattern(name, Bytes(size), 4);
    } catch (const workloads::InputError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal("a_seq_rd", mib) == "");
  const std::string unknown = refusal("c_rw4", mib);
  CHECK(unknown.find("found \"c_rw4\"") != std::string::npos);
  CHECK(unknown.find("i_three_off") != std::string::npos);
  CHECK(unknown.find("did you mean \"c_rw4k\"") != std::string::npos);
  CHECK(refusal("a_seq_rd", 0).find("whole number of MiB") != std::string::npos);
  CHECK(refusal("a_seq_rd", mib + 64).find("whole number of MiB") != std::string::npos);
}

}  // namespace spillway::pattern_test
