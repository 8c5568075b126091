// Figure 6 and the closed forms of Table 1.
#include "analysis/figures/figure6.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "analysis/closed_forms/closed_form.hpp"
#include "tests/support/build.hpp"
#include "tests/support/documents.hpp"
#include "workloads/support/error.hpp"

namespace spillway::figure6_test {

using analysis::Figure6;
using analysis::Figure6Row;
using analysis::MacReading;
using analysis::Table1Rule;
using analysis::Table1Scale;
using workloads::Words;

namespace {

std::uint64_t paper_value(const Figure6& figure, const std::string& network,
                          const std::string& rule, const std::string& direction) {
  for (const Figure6Row& row : figure.rows) {
    if (row.network == network && row.rule == rule && row.direction == direction) {
      return row.paper;
    }
  }
  return 0;
}

}  // namespace

TEST_CASE("all eighteen triples of Figure 6 agree and are the paper's numbers") {
  const Figure6 figure = analysis::run_figure6(100, nullptr);
  CHECK(figure.rows.size() == 18);
  CHECK(figure.agrees());
  for (const Figure6Row& row : figure.rows) CHECK(row.agrees());
  struct Expected {
    const char* network;
    std::uint64_t bp_read, bp_write, lel_read, lel_write;
  };
  for (const Expected& e :
       {Expected{"mnist-mlp", 5'868'000, 3'084'000, 2'784'000, 2'784'000},
        Expected{"cifar10-5layer", 31'529'024, 17'812'512, 13'716'512, 13'716'512},
        Expected{"cifar10-10layer", 34'420'096, 25'018'048, 9'402'048, 9'402'048}}) {
    CHECK(paper_value(figure, e.network, "bp", "read") == e.bp_read);
    CHECK(paper_value(figure, e.network, "bp", "write") == e.bp_write);
    CHECK(paper_value(figure, e.network, "lel", "read") == e.lel_read);
    CHECK(paper_value(figure, e.network, "lel", "write") == e.lel_write);
  }
  const std::string shown = test::document("analysis/results/figure6/figure6.svg");
  CHECK(analysis::figure6_svg(figure) == shown);  // README.md's picture
}

TEST_CASE("Figure 6 agrees at another batch size, too") {
  CHECK(analysis::run_figure6(3, nullptr).agrees());
}

TEST_CASE("a triple that differs by one word is not agreement") {
  Figure6 figure{100, {{"n", "bp", "read", 5, 5, 5}}, {}};
  CHECK(figure.agrees());
  figure.rows[0].simulated = 6;
  CHECK_FALSE(figure.agrees());
  figure.rows[0] = {"n", "bp", "read", 4, 5, 5};
  CHECK_FALSE(figure.agrees());
}

TEST_CASE("the figure has the same bytes each time and a bar for each count of words") {
  const Figure6 figure{
      10, {{"net", "bp", "read", 9, 9, 900}, {"net", "lel", "read", 4, 4, 400}}, {}};
  const std::string svg = analysis::figure6_svg(figure);
  CHECK(svg == analysis::figure6_svg(figure));
  std::size_t bars = 0;
  for (std::size_t at = svg.find("<rect"); at != std::string::npos;
       at = svg.find("<rect", at + 1)) {
    ++bars;
  }
  CHECK(bars == 1 + 2 + 4);  // background, legend, bars
}

TEST_CASE("the MACs of Table 1 have the paper's values in all three readings") {
  struct Expected {
    const char* network;
    double figure2[2], printed[2], exact[2];  // millions, BP and LEL
  };
  for (const Expected& e :
       {Expected{"mnist-mlp", {835.2, 562.8}, {600, 406}, {756.8, 562.8}},
        Expected{"cifar10-5layer", {45308.3, 30287.5}, {43096.5, 28812.9}, {36691.6, 24998.3}},
        Expected{"cifar10-10layer", {68478.6, 45964.7}, {67947.7, 45610.8}, {55384.6, 37348.5}}}) {
    const workloads::Network network = test::shipped(std::string(e.network) + "-bp").network;
    const auto check = [&](MacReading reading, const double(&expected)[2]) {
      for (const Table1Rule rule : {Table1Rule::bp, Table1Rule::lel}) {
        const auto macs = analysis::table1_macs(network, rule, reading, {100, 1, 1, false});
        const double wanted = expected[rule == Table1Rule::lel];
        CHECK(std::abs(static_cast<double>(macs.count()) / 1e6 - wanted) <= 0.05);
      }
    };
    check(MacReading::figure2, e.figure2);
    check(MacReading::printed, e.printed);
    check(MacReading::exact, e.exact);
    CHECK(analysis::lel_needs_fewer_macs(network));
  }
}

TEST_CASE("each rule carries its closed form, and a name that is no rule has none") {
  const workloads::Network network = test::shipped("mnist-mlp-bp").network;
  for (const workloads::LearningRule& rule : workloads::learning_rules()) {
    CAPTURE(rule.name);
    CHECK(rule.closed_form);
  }
  for (const auto& [row, name] : analysis::table1_rules()) {
    const auto words = analysis::rule_words(network, name, 100);
    CHECK(words.reads == analysis::table1_words(network, row, {}).reads);
    CHECK(words.writes == analysis::table1_words(network, row, {}).writes);
  }
  CHECK_THROWS_AS(analysis::rule_words(network, "lell", 100), workloads::InputError);
  CHECK_THROWS_AS(analysis::rule_macs(network, "", 100), workloads::InputError);
}

TEST_CASE("the LEL row of Table 1 leaves out N_b only when it is read literally") {
  const workloads::Network network = test::shipped("mnist-mlp-lel").network;
  const Table1Scale scale{100, 2, 600, false}, literal{100, 2, 600, true};
  const auto words = [&](Table1Rule rule, const Table1Scale& s) {
    return analysis::table1_words(network, rule, s).reads;
  };
  CHECK(words(Table1Rule::lel, scale) == Words(2 * 600 * 2'784'000ull));
  CHECK(words(Table1Rule::lel, literal) == Words(2 * 2'784'000ull));
  CHECK(words(Table1Rule::bp, scale) == words(Table1Rule::bp, literal));
}

TEST_CASE("the memory that the paper states is the largest layer's weights and activations") {
  CHECK(analysis::paper_memory(test::shipped("mnist-mlp-bp").network, 100) == Words(1'100'000));
  CHECK(analysis::paper_memory(test::shipped("cifar10-5layer-bp").network, 100) ==
        Words(8'388'608 + 204'800));
  CHECK(analysis::paper_memory(test::shipped("cifar10-10layer-bp").network, 100) ==
        Words(1'728 + 6'553'600));
}

}  // namespace spillway::figure6_test
