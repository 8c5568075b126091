// Columns that are declared once, in each of the formats.
#include "analysis/formats/columns.hpp"

#include <doctest/doctest.h>

#include <optional>

namespace spillway::columns_test {

using namespace analysis;

namespace {

struct Fruit {
  std::string name;
  std::uint64_t grams = 0;
  std::optional<double> price;
};

Json price_of(const Fruit& fruit) { return fruit.price ? Json(*fruit.price) : Json(nullptr); }

Columns<Fruit> columns(bool null_prices) {
  return {{{"fruit", "fruit", "name"}, [](const Fruit& fruit) { return fruit.name; }},
          {.names = {"price", "price", "price"},
           .value = price_of,
           .json_last = true,
           .json_null = null_prices},
          {{"grams", "", "grams"}, [](const Fruit& fruit) { return fruit.grams; }},
          {.names = {},
           .value = [](const Fruit& fruit) { return fruit.grams > 1000 ? "heavy" : ""; },
           .unnamed = true}};
}

const std::vector<Fruit> fruits{{"melon, ripe", 1200, {}}, {"fig", 40, 0.5}};

}  // namespace

TEST_CASE("a column stands in the formats that name it, or in text without a name") {
  CHECK(text_header(columns(false)) == std::vector<std::string>{"fruit", "price", "grams", ""});
  CHECK(text_cells(columns(false), fruits[0]) ==
        std::vector<std::string>{"melon, ripe", "-", "1 200", "heavy"});
  CHECK(csv_file(columns(false), fruits) == "fruit,price\n\"melon, ripe\",\nfig,0.5\n");
}

TEST_CASE("JSON leaves out what a row has not, unless the column says null") {
  CHECK(json_rows(columns(false), fruits).dump() ==
        R"([{"name":"melon, ripe","grams":1200},{"name":"fig","grams":40,"price":0.5}])");
  CHECK(json_row(columns(true), fruits[0]).dump() ==
        R"({"name":"melon, ripe","grams":1200,"price":null})");
  Json json{{"kind", "fruit"}};
  add_json(json, columns(false), fruits[1]);
  CHECK(json.dump() == R"({"kind":"fruit","name":"fig","grams":40,"price":0.5})");
}

TEST_CASE("one row as lines, names and values aligned") {
  Columns<Fruit> named = columns(false);
  named.pop_back();
  CHECK(text_lines(named, fruits[1], 8) == "  fruit    fig\n  price    0.5\n  grams    40\n");
  CHECK(text_lines(named, fruits[1], 8, 5) ==
        "  fruit      fig\n  price      0.5\n  grams       40\n");
}

}  // namespace spillway::columns_test
