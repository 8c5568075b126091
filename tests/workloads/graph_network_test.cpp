// Networks that are graphs, as they are written.
#include <doctest/doctest.h>

#include <string>

#include "workloads/blocks.hpp"
#include "workloads/network.hpp"

namespace spillway::graph_network_test {

using namespace workloads;

namespace {

Network read(const std::string& layers, const std::string& head = "") {
  return read_network(
      Config::from_text("input: [2, 8, 8]\nclasses: 3\n" + head + "layers:\n" + layers, "net.yaml"),
      "net");
}

std::string message(const std::string& layers, const std::string& head = "") {
  try {
    read(layers, head);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

bool says(const std::string& text, std::initializer_list<const char*> parts) {
  CAPTURE(text);
  bool all = true;
  for (const char* part : parts) {
    CAPTURE(part);
    all = all && text.find(part) != std::string::npos;
    CHECK(text.find(part) != std::string::npos);
  }
  return all;
}

const char* const residual =
    "  - {type: conv, name: stem, out: 4, kernel: 3, padding: 1}\n"
    "  - {type: conv, name: a, out: 4, kernel: 3, padding: 1, batch_norm: true, relu: false}\n"
    "  - {type: add, name: join, from: [a, stem]}\n";

}  // namespace

TEST_CASE("layers name what they read, and a join has a ReLU unless it says no") {
  const Network network = read(residual + std::string("  - {type: global_avg_pool}\n"));
  CHECK(network.layers[2].inputs == std::vector<int>{2, 1});
  CHECK(network.layers[2].relu);
  CHECK(network.layers[2].output == ImageShape{4, 8, 8});
  CHECK(network.layers[3].name == "global_avg_pool1");
  CHECK(network.layers[3].output == ImageShape{4, 1, 1});
  CHECK(!network.is_chain());
  CHECK(network.readers(1) == std::vector<int>{2, 3});
  CHECK(network.layers[2].weights() == Words(0));
  CHECK(network.layers[2].macs_padded() == Macs(0));
}

TEST_CASE("concatenations join channels, of the image too") {
  const Network network = read(
      "  - {type: conv, name: a, out: 4, kernel: 3, padding: 1}\n"
      "  - {type: concat, name: cat, from: [input, a]}\n"
      "  - {type: max_pool, kernel: 2}\n"
      "  - {type: avg_pool, kernel: 3, padding: 1, stride: 2, count_include_pad: true}\n"
      "  - {type: batch_norm, relu: true}\n"
      "  - {type: fc, out: 5}\n");
  CHECK(network.layers[1].output == ImageShape{6, 8, 8});
  CHECK(!network.layers[1].relu);
  CHECK(network.layers[2].output == ImageShape{6, 4, 4});
  CHECK(network.layers[3].output == ImageShape{6, 2, 2});
  CHECK(network.layers[3].pool->count_padding);
  CHECK(network.layers[4].relu);
  CHECK(network.layers[4].batch_norm);
  CHECK(network.layers[5].input.elements() == 24);
}

TEST_CASE("padding may differ at each side") {
  const Network network =
      read("  - {type: conv, out: 4, kernel: 3, stride: 2, padding: [0, 0, 1, 1]}\n");
  const Window& window = network.layers[0].window;
  CHECK(window.padding_begin == std::array<std::int64_t, 2>{0, 0});
  CHECK(window.padding_end == std::array<std::int64_t, 2>{1, 1});
  CHECK(network.layers[0].output == ImageShape{4, 4, 4});
  // Top 2 and left 0, bottom 1 and right 3.
  const Network odd = read("  - {type: conv, out: 1, kernel: 3, padding: [2, 0, 1, 3]}\n");
  CHECK(odd.layers[0].output == ImageShape{1, 9, 9});
  CHECK(odd.layers[0].window.padding_begin == std::array<std::int64_t, 2>{2, 0});
}

TEST_CASE("ReLU6 ends at 6") {
  const Network network = read("  - {type: conv, out: 4, kernel: 1, relu6: true}\n");
  CHECK(network.layers[0].relu);
  CHECK(network.layers[0].relu6);
  CHECK(says(message("  - {type: conv, out: 4, kernel: 1, relu6: true, relu: false}\n"),
             {"net.yaml:4: layers[0].relu6", "relu: false"}));
  CHECK(says(message("  - {type: conv, out: 4, kernel: 1, relu6: true, dropout: 0.5}\n"),
             {"relu6", "dropout"}));
}

TEST_CASE("what is said of all layers is meant for those with weights") {
  const Network network = read(residual, "batch_norm: true\ndropout: 0.5\n");
  CHECK(network.layers[0].batch_norm);
  CHECK(network.layers[0].dropout == 0.5);
  CHECK(!network.layers[2].batch_norm);
  CHECK(network.layers[2].dropout == 0);
}

TEST_CASE("graphs that are none are refused with the layer and its line") {
  const std::string net = residual;
  CHECK(says(message(net + "  - {type: add, name: x, from: [join, stam]}\n"),
             {"net.yaml:7: layers[3].from", "layer x", "\"stam\"", "stem"}));
  CHECK(says(message("  - {type: conv, name: a, out: 2, kernel: 1, from: b}\n"
                     "  - {type: conv, name: b, out: 2, kernel: 1}\n"),
             {"net.yaml:4: layers[0].from", "b is a later layer, of line 5", "cycle"}));
  CHECK(says(message("  - {type: conv, name: a, out: 2, kernel: 1, from: b}\n"
                     "  - {type: conv, name: b, out: 2, kernel: 1, from: input}\n"),
             {"net.yaml:4: layers[0].from", "b is a later layer, of line 5"}));
  CHECK(says(message("  - {type: conv, name: a, out: 2, kernel: 1, from: a}\n"),
             {"net.yaml:4: layers[0].from", "a is itself", "cycle"}));
  CHECK(says(message(net + "  - {type: conv, name: w, out: 5, kernel: 1}\n"
                           "  - {type: add, name: x, from: [w, join]}\n"),
             {"net.yaml:8: layers[4].from", "w is 5x8x8", "join is 4x8x8"}));
  CHECK(says(message(net + "  - {type: conv, name: w, out: 5, kernel: 1, stride: 2}\n"
                           "  - {type: concat, name: x, from: [w, join]}\n"),
             {"net.yaml:8: layers[4].from", "w is 5x4x4", "join is 4x8x8"}));
  CHECK(says(message(net + "  - {type: conv, name: w, out: 5, kernel: 1}\n"
                           "  - {type: conv, name: v, out: 5, kernel: 1, from: join}\n"),
             {"net.yaml:7: ", "layer w", "nobody uses its output", "v"}));
  CHECK(says(message(net + "  - {type: conv, name: stem, out: 5, kernel: 1}\n"),
             {"net.yaml:7: layers[3].name", "layer stem", "two layers of this name"}));
  CHECK(says(message(net + "  - {type: add, name: x, from: [join, join]}\n"),
             {"net.yaml:7: layers[3].from", "join twice"}));
  CHECK(says(message(net + "  - {type: add, name: x, from: [join]}\n"),
             {"net.yaml:7: layers[3].from", "1 inputs"}));
  CHECK(says(message(net + "  - {type: add, name: x}\n"), {"net.yaml:7: ", "1 inputs"}));
  CHECK(says(message(net + "  - {type: conv, name: x, out: 1, kernel: 1, from: [join, a]}\n"),
             {"net.yaml:7: layers[3].from", "2 inputs"}));
  CHECK(says(message(net + "  - {type: fc, name: x, out: 256}\n"
                           "  - {type: add, name: y, from: [x, join]}\n"),
             {"net.yaml:8: layers[4].from"}));
  CHECK(says(message(net + "  - {type: max_pool, kernel: 2, out: 3}\n"),
             {"net.yaml:7: layers[3].out", "kernel"}));
  CHECK(says(message(net + "  - {type: max_pool}\n"), {"net.yaml:7: layers[3]", "kernel"}));
  CHECK(says(message(net + "  - {type: max_pool, kernel: 9}\n"),
             {"net.yaml:7: ", "pool kernel 9 on a map of 8"}));
  CHECK(says(message(net, "readout: none\n"), {"net.yaml:3: readout", "join", "add"}));
  CHECK(says(message("  - {type: conv, out: 1, kernel: 3, padding: [1, 2, 3]}\n"),
             {"net.yaml:4: layers[0].padding", "four: top, left, bottom and right"}));
}

}  // namespace spillway::graph_network_test
