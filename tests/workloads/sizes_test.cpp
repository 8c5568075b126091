#include "workloads/support/sizes.hpp"

#include <doctest/doctest.h>

#include "workloads/support/splitmix.hpp"

namespace spillway::sizes_test {

using workloads::Bytes;
using workloads::needed_size;
using workloads::parse_size;
using workloads::size_hint;

TEST_CASE("K and M are powers of two like KiB and MiB, and KB and MB powers of ten") {
  const std::pair<const char*, std::uint64_t> sizes[] = {{"10", 10},
                                                         {"10 B", 10},
                                                         {"12 bytes", 12},
                                                         {"1 byte", 1},
                                                         {"64 KiB", 65536},
                                                         {"64KiB", 65536},
                                                         {"256K", 262144},
                                                         {"256KB", 256000},
                                                         {"256 KB", 256000},
                                                         {"3M", 3145728},
                                                         {"3MiB", 3145728},
                                                         {"3MB", 3000000},
                                                         {"2 GiB", 1ull << 31},
                                                         {"2G", 1ull << 31},
                                                         {"2GB", 2000000000},
                                                         {"0.5 KiB", 512},
                                                         {"1.5 MiB", 1572864},
                                                         {".5K", 512},
                                                         {"1.", 1},
                                                         {"0", 0}};
  for (const auto& [text, bytes] : sizes) {
    CAPTURE(text);
    REQUIRE(parse_size(text));
    CHECK(*parse_size(text) == Bytes(bytes));
    CHECK(size_hint(text) == "");
  }
}

TEST_CASE("a fraction of a size is rounded down to a whole word") {
  const std::pair<const char*, std::uint64_t> sizes[] = {
      {"0.1MiB", 104856},       // 104 857.6
      {"453.9MiB", 475948644},  // 475 948 646.4
      {"0.3 KiB", 304},         // 307.2
      {"0.29MB", 290000},       // exact, though no binary fraction is
      {"4.2MB", 4200000},      {"1.1 KB", 1100}, {"1.5", 0}, {"7.9", 4},
      {"0.000001GiB", 1072}};  // 1073.7
  for (const auto& [text, bytes] : sizes) {
    CAPTURE(text);
    REQUIRE(parse_size(text));
    CHECK(*parse_size(text) == Bytes(bytes));
  }
}

TEST_CASE("what is no size is none, and says what it may have meant") {
  const std::pair<const char*, const char*> wrong[] = {
      {"64 kib", "64 KiB"}, {"64kb", "64KB"},   {"64k", "64K"},          {"1.5mb", "1.5MB"},
      {"2 Ki", "2 KiB"},    {"2 gib", "2 GiB"}, {"2 kilobytes", "2 KB"}, {"2 mebibyte", "2 MiB"}};
  for (const auto& [text, meant] : wrong) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
    CHECK(size_hint(text) == std::string(" (did you mean \"") + meant + "\"?)");
  }
  for (const char* text : {"", ".", "KiB", "-1 KiB", "-1", "1..5 KiB", "1.2.3", "1e3", "5 TiB",
                           "64 KiB 2", "64 words", "99999999 GiB", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
    CHECK(size_hint(text) == "");
  }
}

TEST_CASE("a need as printed is enough, and less than a tenth of its unit too much") {
  CHECK(needed_size(Bytes(0)) == "0 B");
  CHECK(needed_size(Bytes(1020)) == "1020 B");
  CHECK(needed_size(Bytes(1024)) == "1.0 KiB");
  CHECK(needed_size(Bytes(1028)) == "1.1 KiB");
  CHECK(needed_size(Bytes(475948648)) == "454.0 MiB");  // 453.9 MiB hold 475 948 644
  workloads::SplitMix numbers(3);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t words = numbers.below(std::uint64_t{1} << (2 + i % 40));
    const Bytes need(4 * words);
    CAPTURE(need.count());
    const auto given = parse_size(needed_size(need));
    REQUIRE(given);
    CHECK(*given >= need);
    const std::uint64_t unit = need.count() < 1 << 10   ? 0
                               : need.count() < 1 << 20 ? 1 << 10
                               : need.count() < 1 << 30 ? 1 << 20
                                                        : 1 << 30;
    CHECK(given->count() <= need.count() + unit / 10);
  }
}

}  // namespace spillway::sizes_test
