// The YAML reader: every complaint says where, what was found and what would be accepted.
#include "workloads/support/config.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "tests/support/program.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::config_test {

using workloads::Bytes;
using workloads::Config;
using workloads::InputError;

namespace {

Config from(const std::string& text) { return Config::from_text(text, "file.yaml"); }

/// The message with which something is refused, or "" when it is not.
std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

/// Something is refused, in one line of printable text that has all of `words`.
void require_refused(const std::function<void()>& action, const std::vector<std::string>& words) {
  const std::string message = refusal(action);
  CAPTURE(message);
  CHECK(message != "");
  CHECK(std::all_of(message.begin(), message.end(), [](char c) { return c >= ' ' && c < 0x7f; }));
  for (const std::string& word : words) {
    CAPTURE(word);
    CHECK(message.find(word) != std::string::npos);
  }
}

/// One scalar, read as whatever a test asks for. It stands on line 3 under the path "outer.value".
Config scalar(const std::string& text) {
  return from("# a comment\nouter:\n  value: " + text + "\n").at("outer").at("value");
}

const std::vector<std::string> place{"file.yaml:3: ", "outer.value: "};

void require_refused_here(const std::function<void()>& action, std::vector<std::string> words) {
  words.insert(words.begin(), place.begin(), place.end());
  require_refused(action, words);
}

}  // namespace

TEST_CASE("values know their file, line and path") {
  const Config config = from("a: 1\nb:\n  - x\n  - {c: 2,\n     d: [3]}\n");
  CHECK(config.is_map());
  CHECK(config.keys() == std::vector<std::string>{"a", "b"});
  CHECK(config.at("a").where() == "file.yaml:1: a: ");
  const Config& inner = config.at("b").items().at(1);
  CHECK(inner.at("c").where() == "file.yaml:4: b[1].c: ");
  CHECK(inner.at("d").items().at(0).where() == "file.yaml:5: b[1].d[0]: ");
  CHECK(config.find("c") == nullptr);
}

TEST_CASE("an unknown key is refused with the allowed ones, and the nearest when it is near") {
  const Config config = from("layer:\n  out: 3\n  kernl: 3\n").at("layer");
  require_refused(
      [&] {
        config.allow_only({"out", "kernel", "stride"});
      },
      {"file.yaml:3: ", "layer.kernl", "unknown key \"kernl\"", "allowed: out, kernel, stride",
       "did you mean \"kernel\"?"});
  const auto far = [&] { config.allow_only({"out", "groups"}); };
  require_refused(far, {"kernl", "allowed: out, groups"});
  CHECK(refusal(far).find("did you mean") == std::string::npos);
  CHECK_NOTHROW(config.allow_only({"kernl", "out", "unused"}));
}

TEST_CASE("a missing key is refused at the map that lacks it") {
  require_refused([] { from("a: 1\nb:\n  c: 2\n").at("b").at("d"); },
                  {"file.yaml:3: ", "b: ", "found the keys c", "\"d\""});
  require_refused_here([] { scalar("7").at("d"); }, {"found \"7\"", "a map with the key \"d\""});
}

TEST_CASE("a value of the wrong type is refused with what was found and what is allowed") {
  struct Type {
    std::string allowed;
    std::function<void(const Config&)> read;
    std::vector<std::string> wrong;
  };
  const std::string text_too_long(300, 'x');
  const Type types[] = {
      {"an integer",
       [](const Config& c) { c.integer(); },
       {"x", "7.0", "0x10", "1e3", "1_000", "true", ".nan", "\"7\""}},
      {"a number",
       [](const Config& c) { c.number(); },
       {"x", "0x10", "1.5.2", "1e400", "inf", "nan", ".inf", "true", "\"7\""}},
      {"true or false", [](const Config& c) { c.boolean(); }, {"yes", "True", "1", "on"}},
      {"a size", [](const Config& c) { c.size(); }, {"x", "true", "0"}},
      {"bp, lel",
       [](const Config& c) {
         c.choice({"bp", "lel"});
       },
       {"fa", "BP", "7"}},
      {"a text", [](const Config& c) { c.text(); }, {"\"\""}},
      {"a list", [](const Config& c) { c.items(); }, {"x", "7"}},
      {"a map", [](const Config& c) { c.allow_only({"a"}); }, {"x", "7"}},
  };
  for (const Type& type : types) {
    CAPTURE(type.allowed);
    for (const std::string& wrong : type.wrong) {
      std::string found = wrong;
      found.erase(std::remove(found.begin(), found.end(), '"'), found.end());
      require_refused_here([&] { type.read(scalar(wrong)); },
                           {"found \"" + found + "\"", "allowed: ", type.allowed});
    }
    require_refused_here([&] { type.read(scalar("")); }, {"found nothing", type.allowed});
    if (type.allowed != "a list") {
      require_refused_here([&] { type.read(scalar("[1, 2]")); }, {"a list of 2", type.allowed});
    }
    if (type.allowed == "a list" || type.allowed == "a map") continue;
    require_refused_here([&] { type.read(scalar("{a: 1}")); }, {"found a map", type.allowed});
    if (type.allowed == "a text") continue;
    const std::string message = refusal([&] { type.read(scalar(text_too_long)); });
    CHECK(message.find("xxx...") != std::string::npos);
    CHECK(message.size() < text_too_long.size());
  }
}

TEST_CASE("a misspelt choice is told the nearest one") {
  CHECK(scalar("lel").choice({"bp", "lel"}) == 1);
  require_refused_here([] { scalar("lell").choice({"bp", "lel"}); }, {"did you mean \"lel\"?"});
}

TEST_CASE("integers are taken within their bounds, ends included, and refused beyond") {
  CHECK(scalar("5").integer(5, 9) == 5);
  CHECK(scalar("9").integer(5, 9) == 9);
  CHECK(scalar("+7").integer(5, 9) == 7);
  CHECK(scalar("-7").integer(-7) == -7);
  CHECK(scalar("9223372036854775807").integer() == std::numeric_limits<std::int64_t>::max());
  CHECK(scalar("-9223372036854775808").integer() == std::numeric_limits<std::int64_t>::min());
  for (const std::string beyond :
       {"4", "10", "-5", "9223372036854775808", "99999999999999999999"}) {
    require_refused_here([&] { scalar(beyond).integer(5, 9); },
                         {"found \"" + beyond + "\"", "an integer from 5 to 9"});
  }
  require_refused_here([] { scalar("0").integer(1); }, {"found \"0\"", "an integer of at least 1"});
  require_refused_here([] { scalar("9223372036854775808").integer(1); }, {"at least 1"});
}

TEST_CASE("numbers are taken within their bounds, ends included, and refused beyond") {
  CHECK(scalar("0").number(0, 0.5) == 0);
  CHECK(scalar("0.5").number(0, 0.5) == 0.5);
  CHECK(scalar("25e-2").number(0, 0.5) == 0.25);
  for (const std::string beyond : {"-0.1", "0.500001", "1e300"}) {
    require_refused_here([&] { scalar(beyond).number(0, 0.5); },
                         {"found \"" + beyond + "\"", "a number from 0 to 0.5"});
  }
}

TEST_CASE("a size is refused at its place with the units that there are and the one meant") {
  CHECK(scalar("256K").size() == Bytes(262144));
  for (const std::string wrong : {"64 kib", "5 TiB", "64 KiB 2", "-1", "1e3", "64 words", "0"}) {
    CAPTURE(wrong);
    require_refused_here([&] { scalar(wrong).size(); },
                         {"found \"" + wrong + "\"", "64 KiB", "KB, MB and GB powers of ten"});
  }
  require_refused_here([&] { scalar("64 kib").size(); }, {"did you mean \"64 KiB\"?"});
}

TEST_CASE("a duplicate key is refused at its second place") {
  require_refused([] { from("a: 1\nb:\n  c: 2\n  d: 3\n  c: 4\n"); },
                  {"file.yaml:5: ", "b.c: ", "duplicate", "once"});
  require_refused([] { from("a: 1\nb: 2\na:\n  - 3\n"); }, {"file.yaml:3: ", "a: duplicate"});
  require_refused([] { from("a: 1\r\n\"a\": 1\r\n"); }, {"file.yaml:2: ", "a: ", "duplicate"});
}

TEST_CASE("a file without a value is refused") {
  for (const std::string empty : {"", "\n\n", "# only a comment\n", "---\n", "~\n"}) {
    CAPTURE(empty);
    require_refused([&] { from(empty); }, {"file.yaml:1: ", "empty", "a YAML map"});
  }
}

TEST_CASE("control bytes are refused with their line, and never repeated raw") {
  for (int byte = 0; byte < 0x20; ++byte) {
    if (byte == '\n' || byte == '\r' || byte == '\t') continue;
    const std::string text = std::string("a: 1\nb: x") + static_cast<char>(byte) + "y\n";
    const char digits[] = "0123456789abcdef";
    require_refused([&] { from(text); },
                    {"file.yaml:2: ", std::string("\\x") + digits[byte / 16] + digits[byte % 16]});
  }
  require_refused([] { from("a: \x7f\n"); }, {"file.yaml:1: ", "\\x7f"});
  // YAML's own escapes may make such bytes, and text outside ASCII is legal until it is shown.
  require_refused_here([] { scalar("\"1\\n2\\0\"").integer(); }, {"\"1\\x0a2\\x00\""});
  require_refused_here([] { scalar("\"\xc3\xa9\"").integer(); }, {"\"\\xc3\\xa9\""});
  require_refused([] { from("\"a\\nb\": 1\n").allow_only({"c"}); }, {"file.yaml:1: ", "a\\x0ab"});
}

TEST_CASE("a second document is refused at its line") {
  require_refused([] { from("a: 1\n---\nb: 2\n"); },
                  {"file.yaml:3: ", "a second document", "one document"});
  CHECK(from("---\na: 1\n...\n").at("a").integer() == 1);
}

TEST_CASE("text that is no YAML is refused with the line at fault") {
  const std::pair<std::string, std::string> cases[] = {
      {"a: 1\n b: 2\n", "file.yaml:2: "},       {"a:\n\tb: 1\n", "file.yaml:2: "},
      {"a: 1\nb: *unknown\n", "file.yaml:2: "}, {"a: \"open", "file.yaml:1: "},
      {"a: [1, 2\nb: 3\n", "file.yaml:"},
  };
  for (const auto& wrong : cases) {
    CAPTURE(wrong.first);
    require_refused([&] { from(wrong.first); }, {wrong.second, "YAML"});
  }
  require_refused([] { from("? [a, b]\n: 1\n"); }, {"file.yaml:1: ", "plain names"});
  require_refused([] { from("\"\": 1\n"); }, {"file.yaml:1: ", "plain names"});
}

TEST_CASE("nesting is bounded, even where a node holds itself") {
  const auto nested = [](std::size_t depth) {
    return "a: " + std::string(depth, '[') + std::string(depth, ']') + "\n";
  };
  CHECK_NOTHROW(from(nested(60)));
  require_refused([&] { from(nested(70)); }, {"file.yaml:1: ", "64 levels"});
  require_refused([&] { from(nested(100'000)); }, {"file.yaml:1: "});
  require_refused([] { from("a: &x [1, *x]\n"); }, {"file.yaml:1: ", "64 levels"});
}

TEST_CASE("what is no file of a bearable size is refused with its path") {
  const test::TemporaryFolder folder;
  require_refused([&] { Config::from_file(folder.path() / "none.yaml"); },
                  {"none.yaml", "no such file"});
  require_refused([&] { Config::from_file(folder.path()); },
                  {folder.path().string(), "not a regular file", "a YAML file"});
  require_refused([&] { Config::from_file(folder.path() / "new\nline.yaml"); }, {"new\\x0aline"});
  const auto large = folder.write("large.yaml", "a: 1\n#" + std::string(4u << 20, 'x'));
  require_refused([&] { Config::from_file(large); }, {"large.yaml", "4 MiB"});
  const auto good = folder.write("good.yaml", "a: 1\nb: x\n");
  require_refused([&] { Config::from_file(good).at("b").integer(); },
                  {"good.yaml:2: b: ", "found \"x\""});
}

TEST_CASE("set replaces a value and leaves the others") {
  Config config = from("a: 1\nb: {c: 2, d: 3}\nl: [4, {e: 5}]\n");
  config.set("a=7");
  config.set("b.c=[8, 9]");
  config.set("l.0=10");
  config.set("l.1.e=x=y");
  CHECK(config.at("a").integer() == 7);
  CHECK(config.at("b").at("c").items().size() == 2);
  CHECK(config.at("b").at("d").where() == "file.yaml:2: b.d: ");
  CHECK(config.at("l").items()[0].integer() == 10);
  CHECK(config.at("l").items()[1].at("e").text() == "x=y");
  CHECK(config.keys() == std::vector<std::string>{"a", "b", "l"});
  config.set("b={f: 6}");
  CHECK(config.at("b").keys() == std::vector<std::string>{"f"});
  CHECK(config.at("b").at("f").path() == "b.f");
}

TEST_CASE("set takes a list's elements as messages name them") {
  Config config = Config::from_text("l: [1, {a: 2}]\n", "f.yaml");
  config.set("l[0]=10");
  config.set("l[1].a=20");
  CHECK(config.at("l").items()[0].integer() == 10);
  CHECK(config.at("l").items()[1].at("a").integer() == 20);
  CHECK_THROWS_AS(config.set("[0]=1"), InputError);
}

TEST_CASE("set creates the keys on its way, and a scalar in the way stays as base") {
  Config config = from("device: paper\nempty:\n");
  config.set("new.deep.key=5");
  config.set("device.buffer=64 KiB");
  config.set("device.array.rows=8");
  config.set("empty.a=1");
  CHECK(config.at("new").at("deep").at("key").integer() == 5);
  CHECK(config.at("new").at("deep").at("key").path() == "new.deep.key");
  CHECK(config.at("device").keys() == std::vector<std::string>{"base", "buffer", "array"});
  CHECK(config.at("device").at("base").text() == "paper");
  CHECK(config.at("device").at("base").path() == "device.base");
  CHECK(config.at("device").at("buffer").size() == Bytes(65536));
  CHECK(config.at("empty").keys() == std::vector<std::string>{"a"});
}

TEST_CASE("a wrong assignment is refused and repeated, and a wrong value is laid at its door") {
  Config config = from("a: 1\nl: [1, 2]\n");
  for (const std::string wrong : {"a", "", "=2", ".a=2", "a..b=2"}) {
    CAPTURE(wrong);
    require_refused([&] { config.set(wrong); }, {"--set " + wrong, "path.to.key=value"});
  }
  for (const std::string index : {"2", "-1", "x", "1x"}) {
    require_refused([&] { config.set("l." + index + "=3"); },
                    {"--set l." + index + "=3: ", "found \"" + index + "\"", "an index below 2"});
  }
  require_refused([&] { config.set("a=[1, 2"); }, {"--set a=[1, 2", "YAML"});
  require_refused([&] { config.set("a={b: 1, b: 2}"); }, {"--set a={b: 1, b: 2}", "a.b", "dupl"});
  config.set("a=many");
  require_refused([&] { config.at("a").integer(); }, {"--set a=many: a: ", "found \"many\""});
  config.set("l.1=\"\\n\"");
  require_refused([&] { config.at("l").items()[1].integer(); }, {"--set l.1=", "l[1]: ", "\\x0a"});
  config.set("b.c=1");
  require_refused([&] { config.allow_only({"a", "l"}); }, {"--set b.c=1: ", "unknown key \"b\""});
}

TEST_CASE("an overlay goes key by key through maps, and by index through lists") {
  const Config own = from("a: 1\nb: {c: 2, d: {e: 3}}\nl: [4, {f: 5, g: 6}]\ns: 7\n");
  const Config top = Config::from_text(
      "base: other\nb: {d: {h: 8}, i: 9}\nl: {0: 10, 1: {g: 11}}\ns: {j: 12}\nn: 13\n", "top.yaml");
  const Config both = own.overlaid(top);
  CHECK(both.keys() == std::vector<std::string>{"a", "b", "l", "s", "n"});
  CHECK(both.at("a").where() == "file.yaml:1: a: ");
  CHECK(both.at("b").keys() == std::vector<std::string>{"c", "d", "i"});
  CHECK(both.at("b").at("d").at("e").integer() == 3);
  CHECK(both.at("b").at("d").at("h").where() == "top.yaml:2: b.d.h: ");
  CHECK(both.at("l").items().size() == 2);
  CHECK(both.at("l").items()[0].integer() == 10);
  CHECK(both.at("l").items()[1].at("f").integer() == 5);
  CHECK(both.at("l").items()[1].at("g").integer() == 11);
  CHECK(both.at("s").at("j").integer() == 12);
  CHECK(own.at("b").at("d").keys() == std::vector<std::string>{"e"});
  // Values other than maps replace whatever was there, and so do maps that name a base.
  CHECK(own.overlaid(from("b: {base: x, c: 4}\n")).at("b").keys() ==
        std::vector<std::string>{"base", "c"});
  CHECK(own.overlaid(from("l: [1]\n")).at("l").items().size() == 1);
  CHECK(own.overlaid(from("b: 1\n")).at("b").integer() == 1);
}

TEST_CASE("an overlay beyond the end of a list is refused at its own place") {
  const Config own = from("l: [1, 2]\n");
  for (const std::string index : {"2", "-1", "x"}) {
    const Config top = Config::from_text("\nl:\n  " + index + ": 7\n", "top.yaml");
    require_refused([&] { own.overlaid(top); },
                    {"top.yaml:3: ", "found \"" + index + "\"", "an index below 2"});
  }
}

TEST_CASE("the nearest name is the one with the fewest edits, if few enough to be meant") {
  const std::vector<std::string> names{"kernel", "stride", "padding", "groups"};
  for (const std::string& name : names) {
    CHECK(workloads::nearest(name, names) == name);
    CHECK(workloads::nearest(name.substr(1), names) == name);
    CHECK(workloads::nearest(name + "x", names) == name);
  }
  CHECK(workloads::nearest("kernels", {"kerning", "kernel"}) == "kernel");
  CHECK(workloads::nearest("nickel", names) == "");  // four edits from kernel
  CHECK(workloads::nearest("", names) == "");
  CHECK(workloads::nearest(std::string(1 << 20, 'k'), names) == "");
}

TEST_CASE("aliases that expand without bound are refused") {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    text += "]\n";
  }
  CHECK_THROWS_WITH_AS(workloads::Config::from_text(text, "bomb.yaml"),
                       doctest::Contains("at most 100000 values"), workloads::InputError);
}

}  // namespace spillway::config_test
