// `spillway report`: results as a page.
#include "analysis/pages/report_page.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>

#include "tests/support/program.hpp"
#include "tests/support/svg.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/json.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::report_page_test {

using analysis::NamedResult;
using analysis::report_page;
using analysis::require_result;
using test::ProgramRun;
using test::run_spillway;
using test::TemporaryFolder;

namespace {

/// A run of a small network, to which stalls and an overview were added by hand.
const std::string& small_run() {
  static const std::string text = workloads::file_content(std::string(SPILLWAY_SOURCE_DIR) +
                                                          "/tests/data/results/small-run.json")
                                      .value();
  return text;
}
Json small_result() { return parse_json(small_run()); }

std::string unescaped(std::string text) {
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"&lt;", "<"},
                                 {"&gt;", ">"},
                                 {"&quot;", "\""},
                                 {"&amp;", "&"}}) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

/// An element that shows a value: its attributes, and its text up to the next tag.
struct ShownValue {
  std::map<std::string, std::string> attributes;
  std::string text;
};
std::vector<ShownValue> shown_values(const std::string& page) {
  std::vector<ShownValue> values;
  for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const std::size_t end = page.find('>', at);
    const std::string tag = page.substr(at, end - at);
    if (tag.find(" data-value=\"") == std::string::npos) continue;
    ShownValue value;
    for (std::size_t name = tag.find(' '); name != std::string::npos;) {
      const std::size_t equals = tag.find("=\"", name), close = tag.find('"', equals + 2);
      if (equals == std::string::npos) break;
      value.attributes[tag.substr(name + 1, equals - name - 1)] =
          unescaped(tag.substr(equals + 2, close - equals - 2));
      name = tag.find(' ', close);
    }
    value.text = unescaped(page.substr(end + 1, page.find('<', end) - end - 1));
    values.push_back(std::move(value));
  }
  return values;
}

std::uint64_t sum_in(const Json& ledger, const std::map<std::string, std::string>& attributes) {
  std::uint64_t sum = 0;
  for (const Json& row : ledger) {
    bool among = true;
    for (const char* key : {"layer", "phase", "tensor", "direction"}) {
      const auto wanted = attributes.find(std::string("data-") + key);
      among =
          among && (wanted == attributes.end() || row.at(key).get<std::string>() == wanted->second);
    }
    if (among) sum += row.at("words").get<std::uint64_t>();
  }
  return sum;
}

/// The text's digits are the number's, whatever power of ten the unit makes of it.
void require_rounded(const std::string& text, const Json& number) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits += c;
  }
  if (number.is_number_integer() && digits == number.dump()) return;
  const double shown = std::stod(digits), exact = number.get<double>();
  bool near = shown == exact;
  for (int power = -12; power <= 3; ++power) {
    const double scaled = exact * std::pow(10.0, power);
    near = near || std::abs(shown - scaled) <= 6e-4 * std::abs(scaled);
  }
  CHECK(near);
}

/// Every value on the page is the result's, and every sum that of its rows.
void require_true(const std::string& page, const std::vector<Json>& results) {
  test::require_well_formed(page.substr(page.find('\n') + 1));
  std::size_t keys = 0, sums = 0;
  for (const ShownValue& value : shown_values(page)) {
    const auto& attributes = value.attributes;
    CAPTURE(value.text);
    const Json& result = results.at(std::stoul(attributes.at("data-run")));
    const std::string& stated = attributes.at("data-value");
    if (attributes.contains("data-sum")) {
      ++sums;
      const Json& ledger = result.at(Json::json_pointer(attributes.at("data-sum")));
      CHECK(std::stoull(stated) == sum_in(ledger, attributes));
      std::string digits = value.text;
      std::erase(digits, ' ');
      if (!value.text.empty()) CHECK(digits == stated);
      continue;
    }
    ++keys;
    const std::string& key = attributes.at("data-key");
    CAPTURE(key);
    const Json& found = result.at(Json::json_pointer(key));
    CHECK(stated == found.dump());
    if (value.text.empty() || !found.is_number()) continue;
    require_rounded(value.text, found);
  }
  CHECK(keys > 50);
  CHECK(sums > 4);
  for (const char* address :
       {"http://", "https://", "<script", "<link rel=\"stylesheet\"", "url("}) {
    CHECK(page.find(address) == std::string::npos);
  }
}

std::string page_of(const std::vector<Json>& results) {
  std::vector<NamedResult> named;
  for (const Json& result : results) {
    named.push_back({"r" + std::to_string(named.size()) + ".json", result});
    require_result(named.back());
  }
  return report_page(named);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string refusal(const Json& result) {
  try {
    require_result({"r.json", result});
  } catch (const workloads::InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a page shows the values of a result and sums of its ledger") {
  const Json result = small_result();
  const std::string page = page_of({result});
  require_true(page, {result});
  for (const std::string key :
       {"/simulated/words", "/simulated/time_ms", "/estimated/time_ms", "/simulated/energy_mj",
        "/bound", "/engines/load/stalled_ns", "/not_issued/full_queue_ns",
        "/time_by_layer/3/compute/stalled_ns", "/engines/compute/stalled_on_ns/random words",
        "/time_by_layer/0/bound", "/energy/parts_pJ/macs", "/energy/by_layer/0/total_pJ",
        "/area/total_mm2", "/overview/buffer_bytes/6", "/overview/busy_pct/compute/2",
        "/overview/dram_bytes/0", "/device/dram/parameters", "/energy/constants/0/source",
        "/network_layers/1/type"}) {
    CAPTURE(key);
    CHECK(has(page, " data-key=\"" + key + "\""));
  }
  // Each row of both ledgers is there once, and both directions are added up.
  std::map<std::string, std::string> totals;
  for (const ShownValue& value : shown_values(page)) {
    if (value.attributes.contains("data-sum") && value.attributes.size() == 5) {
      totals[value.attributes.at("data-sum") + " " + value.attributes.at("data-direction")] =
          value.attributes.at("data-value");
    }
  }
  CHECK(totals.at("/ledger read") == result.at("dram").at("read_words").dump());
  CHECK(totals.at("/ledger write") == result.at("dram").at("write_words").dump());
  CHECK(totals.at("/host_ledger read") == result.at("host").at("read_words").dump());
  CHECK(totals.at("/host_ledger write") == result.at("host").at("write_words").dump());
  for (const char* ledger : {"/ledger/", "/host_ledger/"}) {
    const Json& rows = result.at(Json::json_pointer(std::string(ledger, std::strlen(ledger) - 1)));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string key = "data-key=\"" + (ledger + std::to_string(i)) + "/words\"";
      CAPTURE(key);
      const std::size_t first = page.find(key);
      REQUIRE(first != std::string::npos);
      CHECK(page.find(key, first + 1) == std::string::npos);
    }
  }
}

TEST_CASE("several results stand beside the first with what differs in percent") {
  Json first = small_result(), second = first, third = first;
  second["simulated"]["time_ms"] = first["simulated"]["time_ms"].get<double>() * 1.25;
  second["device"]["buffer_bytes"] = 4096;
  second["bound"] = "memory";
  third["simulated"]["words"] = first["simulated"]["words"].get<std::uint64_t>() / 2;
  third["policy"] = "best";
  const std::string page = page_of({first, second, third});
  require_true(page, {first, second, third});
  CHECK(has(page, "<small>+25.0 %</small>"));
  CHECK(has(page, "<small>-50.0 %</small>"));
  CHECK(has(page, "<small>= A</small>"));
  CHECK(has(page, "<small>≠ A</small>"));
  const std::size_t settings = page.find("Settings that differ");
  REQUIRE(settings != std::string::npos);
  const std::string table = page.substr(settings, page.find("</table>", settings) - settings);
  CHECK(std::count(table.begin(), table.end(), '\n') == 4);
  CHECK(has(table, "device buffer bytes"));
  CHECK(has(table, "4 096"));
  CHECK(has(table, "policy"));
  CHECK(has(page, "C · r2.json"));
  CHECK(has(page_of({first, first}), "All results have the same settings."));
}

TEST_CASE("what a result has not is said to be missing") {
  Json result = small_result();
  result.erase("overview");
  result["energy"] = nullptr;
  result["area"] = nullptr;
  result["energy_missing"] = "the device <names> no technology";
  for (auto& [name, engine] : result["engines"].items()) {
    for (const char* key : {"stalled_ns", "idle_ns", "stalled_on_ns"}) engine.erase(key);
  }
  const std::string page = page_of({result});
  require_true(page, {result});
  CHECK(has(page, "Made without an overview."));
  CHECK(has(page, "Made without stalls"));
  CHECK(has(page, "the device &lt;names&gt; no technology"));
  CHECK(has(page, "Energy of DRAM chips"));
  // Whatever else is left out, there is a page.
  const Json whole = small_result();
  for (const auto& [key, value] : whole.items()) {
    CAPTURE(key);
    Json less = whole;
    less.erase(key);
    if (key == "command" || key == "experiment" || key == "device" || key == "ledger") {
      CHECK(refusal(less) == "r.json: " + key + ": found nothing; allowed: " +
                                 (key == "device"   ? "an object"
                                  : key == "ledger" ? "a list"
                                                    : "a text"));
      continue;
    }
    CHECK(has(page_of({less, whole}), "</html>"));
  }
  Json least = {{"schema", 1}, {"command", "run"}, {"experiment", "e"}};
  least["device"] = Json::object();
  least["ledger"] = Json::array();
  const std::string page_of_least = page_of({least});
  test::require_well_formed(page_of_least.substr(page_of_least.find('\n') + 1));
  CHECK(has(page_of_least, "No words through the DRAM port."));
}

TEST_CASE("names of files and layers are text on the page whatever they are") {
  Json result = small_result();
  const std::string name = "<script>alert(\"x\")</script> & ünï/~";
  for (const char* list : {"ledger", "time_by_layer"}) {
    for (Json& row : result[list]) row["layer"] = name;
  }
  result["experiment"] = name;
  result["idealised_words"] = {{name, 12}};
  const std::string page = report_page({{"<b>&\".json", result}});
  require_true(page, {result});
  CHECK(has(page, "&lt;b&gt;&amp;&quot;.json"));
  CHECK(has(page, "&lt;script&gt;alert"));
}

TEST_CASE("a value of another type is named by its key") {
  const auto with = [](const std::string& pointer, const Json& value) {
    Json result = small_result();
    result[Json::json_pointer(pointer)] = value;
    return refusal(result);
  };
  CHECK(with("/ledger/1/words", "many") ==
        "r.json: ledger[1].words: found \"many\"; allowed: a whole number of at least 0");
  CHECK(with("/ledger/1/words", -1) ==
        "r.json: ledger[1].words: found -1; allowed: a whole number of at least 0");
  CHECK(with("/ledger/0", 7) == "r.json: ledger[0]: found 7; allowed: an object");
  CHECK(with("/engines/load/busy_ns", "x") ==
        "r.json: engines.load.busy_ns: found \"x\"; allowed: a number");
  CHECK(with("/overview/busy_pct/store", 3) ==
        "r.json: overview.busy_pct.store: found 3; allowed: a list of numbers");
  CHECK(with("/time_by_layer/2/bound", Json::array()) ==
        "r.json: time_by_layer[2].bound: found []; allowed: a text");
  Json deep = small_result(), inner = 1;
  for (int i = 0; i < 40; ++i) inner = Json::array({inner});
  deep["data"] = inner;
  CHECK(has(refusal(deep), "more than 32 levels"));
}

TEST_CASE("report takes runs and plans and writes one page") {
  const TemporaryFolder folder;
  folder.write(
      "e.yaml",
      "network: {input: 20, classes: 3, layers: [{type: fc, out: 8}, {type: fc, out: 6}]}\n"
      "rule: lel\ndevice: paper\nbatch: 10\ndata: random\n");
  REQUIRE(run_spillway({"run", "e.yaml", "--json", "a.json"}, folder.path()).exit_code == 0);
  REQUIRE(run_spillway({"run", "e.yaml", "--json", "b.json", "--set", "device.technology=45nm"},
                       folder.path())
              .exit_code == 0);
  REQUIRE(run_spillway({"plan", "e.yaml", "--json", "p.json", "--policy", "best", "--set",
                        "device.buffer=2KiB"},
                       folder.path())
              .exit_code == 0);
  const ProgramRun run =
      run_spillway({"report", "a.json", "b.json", "p.json", "--out", "page.html"}, folder.path());
  CHECK(run.err == "");
  CHECK(run.exit_code == 0);
  CHECK(run.out == "page.html: 3 results\n");
  const std::string page = folder.read("page.html");
  require_true(page, {parse_json(folder.read("a.json")), parse_json(folder.read("b.json")),
                      parse_json(folder.read("p.json"))});
  CHECK(has(page, "data-key=\"/nests/0/loops\""));
  CHECK(has(page, "A plan: nothing was simulated."));
  const ProgramRun printed = run_spillway({"report", "a.json", "--out", "-"}, folder.path());
  CHECK(printed.exit_code == 0);
  CHECK(printed.out.starts_with("<!DOCTYPE html>"));
  CHECK(printed.out.ends_with("</html>\n"));
}

TEST_CASE("report refuses in one line what is no result and writes nothing") {
  const TemporaryFolder folder;
  folder.write("good.json", small_run());
  folder.write("text.json", "no JSON");
  folder.write("other.json", "{\"rows\": []}");
  Json result = small_result();
  result["schema"] = 7;
  folder.write("schema.json", result.dump());
  result = small_result();
  result["ledger"] = 5;
  folder.write("ledger.json", result.dump());
  folder.write("page.html", "before");
  const auto require_refused = [&](const std::vector<std::string>& arguments,
                                   const std::string& words) {
    std::vector<std::string> all{"report"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const ProgramRun run = run_spillway(all, folder.path());
    CAPTURE(run.err);
    CHECK(run.exit_code == 2);
    CHECK(run.out == "");
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    CHECK(has(run.err, words));
    CHECK(has(run.err, "allowed: "));
    CHECK(folder.read("page.html") == "before");
    CHECK(folder.files().size() == 6);
  };
  require_refused({"good.json", "text.json", "--out", "page.html"}, "text.json: not JSON");
  require_refused({"other.json", "--out", "page.html"}, "other.json: found no result");
  require_refused({"schema.json", "--out", "page.html"},
                  "schema.json: schema: found 7; allowed: 1");
  require_refused({"ledger.json", "--out", "page.html"}, "ledger.json: ledger: found 5");
  require_refused({"none.json", "--out", "page.html"}, "none.json: cannot be read");
  require_refused({"good.json", "--out", "nowhere/page.html"}, "nowhere/page.html");
  require_refused({"good.json", "--out", "good.json"}, "good.json");
  require_refused({"good.json"}, "--out: found nothing");
  require_refused({"--out", "page.html"}, "found no file");
}

}  // namespace spillway::report_page_test
