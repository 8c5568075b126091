// Shapes and counts of networks.
#include "workloads/network.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/support/build.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::network_test {

using workloads::ImageShape;
using workloads::Layer;
using workloads::LayerSpec;
using workloads::Macs;
using workloads::Network;
using workloads::PaddingMode;
using workloads::ShapeError;
using workloads::Words;

namespace {

LayerSpec explicit_conv(std::int64_t maps, std::int64_t kernel, std::int64_t stride,
                        std::int64_t padding) {
  LayerSpec spec = test::conv(maps, kernel);
  spec.name = "c";
  spec.stride = {stride, stride};
  spec.padding_mode = PaddingMode::explicit_size;
  spec.padding = {padding, padding};
  return spec;
}

Network shipped_network(const std::string& name) {
  return workloads::read_network(workloads::shared_folder() / "workloads" / "networks" /
                                 (name + ".yaml"));
}

/// Taps of a layer's forward pass that touch its input, counted one by one.
std::uint64_t taps_one_by_one(const Layer& layer) {
  std::uint64_t taps = 0;
  for (std::int64_t oy = 0; oy < layer.before_pool.height; ++oy) {
    for (std::int64_t ox = 0; ox < layer.before_pool.width; ++ox) {
      for (std::int64_t ky = 0; ky < layer.window.kernel[0]; ++ky) {
        for (std::int64_t kx = 0; kx < layer.window.kernel[1]; ++kx) {
          const std::int64_t y = oy * layer.window.stride[0] + ky - layer.window.padding_begin[0];
          const std::int64_t x = ox * layer.window.stride[1] + kx - layer.window.padding_begin[1];
          taps += y >= 0 && y < layer.input.height && x >= 0 && x < layer.input.width;
        }
      }
    }
  }
  return taps;
}

/// How many windows max-pooling has along one axis, placing them one by one: each starts where a
/// stride after the one before it starts. They end with the last that fits the padded map; in ceil
/// mode one more may hang over its end, if it starts inside the map or the padding before it.
std::int64_t windows_one_by_one(std::int64_t input, std::int64_t kernel, std::int64_t stride,
                                std::int64_t padding, bool ceil_mode) {
  const std::int64_t end = input + 2 * padding;
  std::int64_t windows = 0, reached = 0;
  for (std::int64_t start = 0; start < end; start += stride) {
    const bool fits = start + kernel <= end;
    const bool hangs_over = ceil_mode && reached < end && start < input + padding;
    if (!fits && !hangs_over) break;
    reached = start + kernel;
    ++windows;
  }
  return windows;
}

/// The message for a network in YAML, or "" when it is accepted.
std::string yaml_refusal(const std::string& layer, const std::string& input = "[1, 8, 8]") {
  const std::string text = "input: " + input +
                           "\nclasses: 3\nlayers:\n"
                           "  - {type: conv, out: 2, kernel: 3, padding: same}\n  - " +
                           layer + "\n";
  try {
    workloads::read_network(workloads::Config::from_text(text, "net.yaml"), "net");
  } catch (const workloads::InputError& error) {
    return error.what();
  }
  return "";
}

std::string refusal(const LayerSpec& spec, const ImageShape& input) {
  try {
    workloads::infer_layer(spec, input);
  } catch (const ShapeError& error) {
    return std::string(error.field()) + ": " + error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the paper's three networks have exactly the paper's sums") {
  CHECK(shipped_network("mnist-mlp").weights() == Words(2'784'000));
  CHECK(shipped_network("mnist-mlp").activations() == Words(3'000));
  CHECK(shipped_network("cifar10-5layer").weights() == Words(13'716'512));
  CHECK(shipped_network("cifar10-5layer").activations() == Words(40'960));
  CHECK(shipped_network("cifar10-10layer").weights() == Words(9'402'048));
  CHECK(shipped_network("cifar10-10layer").activations() == Words(156'160));
}

TEST_CASE("their layers have the reference's weights, activations, fan-outs and MACs") {
  std::ifstream file(std::string(SPILLWAY_SOURCE_DIR) + "/tests/data/table1_layers.csv");
  std::string line;
  std::getline(file, line);
  const std::map<std::string, std::string> names{
      {"mlp", "mnist-mlp"}, {"net5", "cifar10-5layer"}, {"net10", "cifar10-10layer"}};
  std::map<std::string, std::size_t> rows;
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    CAPTURE(line);
    const Network network = shipped_network(names.at(row.at(0)));
    const std::size_t i = rows[row[0]]++;
    const Layer& layer = network.layers.at(i);
    CHECK(layer.name == row[1]);
    CHECK(layer.weights() == Words(std::stoull(row[2])));
    CHECK(layer.activations_before_pool() == Words(std::stoull(row[4])));
    CHECK(layer.activations() == Words(std::stoull(row[5])));
    CHECK(network.fan_out(i + 1) == std::stod(row[6]));
    CHECK(layer.macs_padded() == Macs(std::stoull(row[9])));
    CHECK(layer.macs_exact() == Macs(std::stoull(row[10])));
  }
  CHECK(rows["mlp"] + rows["net5"] + rows["net10"] == 18);
}

TEST_CASE("a stride that does not divide rounds the output down") {  // small case 1
  const Layer layer = workloads::infer_layer(explicit_conv(8, 3, 2, 0), {4, 8, 8});
  CHECK(layer.output == ImageShape{8, 3, 3});
  CHECK(layer.activations() == Words(72));
  CHECK(layer.weights() == Words(288));
  CHECK(layer.macs_padded() == Macs(2'592));
  CHECK(layer.macs_exact() == Macs(2'592));
}

TEST_CASE("a stride larger than the input leaves one output") {  // small case 2
  const Layer layer = workloads::infer_layer(explicit_conv(5, 3, 7, 0), {1, 4, 4});
  CHECK(layer.output == ImageShape{5, 1, 1});
  CHECK(layer.weights() == Words(45));
  CHECK(layer.macs_padded() == Macs(45));
}

TEST_CASE("a kernel larger than its unpadded input counts padding apart") {  // small case 4
  const Layer layer = workloads::infer_layer(explicit_conv(1, 5, 1, 2), {1, 4, 4});
  CHECK(layer.output == ImageShape{1, 4, 4});
  CHECK(layer.macs_padded() == Macs(400));
  CHECK(layer.macs_exact() == Macs(196));
}

TEST_CASE("depthwise is a matter of groups, not of names") {  // small case 6
  LayerSpec spec = explicit_conv(4, 3, 1, 0);
  spec.groups = 4;
  const Layer depthwise = workloads::infer_layer(spec, {4, 8, 8});
  CHECK(depthwise.macs_padded() == Macs(1'296));
  CHECK(depthwise.activations() == Words(144));
  CHECK(depthwise.weights() == Words(36));
  spec.groups = 1;
  spec.name = "DP_conv";
  CHECK(workloads::infer_layer(spec, {4, 8, 8}).weights() == Words(144));
}

TEST_CASE("784 -> 1000 at batch 100 takes 78 400 000 MACs") {  // small case 7
  const Layer layer = workloads::infer_layer(test::fc(1000), {784, 1, 1});
  CHECK(layer.macs_padded() * 100 == Macs(78'400'000));
}

TEST_CASE("empty layers are refused with the layer's name and the field") {  // small case 11
  CHECK(refusal(explicit_conv(0, 3, 1, 0), {1, 8, 8}).find("out: layer c") == 0);
  CHECK(refusal(explicit_conv(2, 9, 1, 0), {1, 8, 8}).find("kernel: layer c") == 0);
  CHECK(refusal(explicit_conv(2, 3, 1, 0), {0, 8, 8}).find("layer c: its input is empty") !=
        std::string::npos);
  CHECK(
      refusal(test::pooled(explicit_conv(2, 3, 1, 1), 9, 1), {1, 8, 8}).find("max_pool: layer c") ==
      0);
  LayerSpec grouped = explicit_conv(4, 3, 1, 1);
  grouped.groups = 3;
  CHECK(refusal(grouped, {4, 8, 8}).find("groups: layer c") == 0);
}

TEST_CASE("an impossible layer in YAML is refused with its line, its key and what would do") {
  CHECK(yaml_refusal("{type: fc, out: 4}") == "");
  struct Case {
    const char* layer;
    std::vector<const char*> words;
  };
  const Case cases[] = {
      {"{type: conv, out: 0, kernel: 3}",
       {"layers[1].out: ", "layer conv2", "out is 0", "least 1"}},
      {"{type: fc, out: 0}", {"layers[1].out: ", "layer fc1", "out is 0", "least 1"}},
      {"{type: conv, name: top, out: 1, kernel: 9}", {"layers[1].kernel: ", "layer top", "most 8"}},
      {"{type: conv, name: top, out: 1, kernel: 3, groups: 2}",
       {"layers[1].groups: ", "layer top"}},
      {"{type: conv, name: top, out: 1, kernel: 3, max_pool: {kernel: 7}}",
       {"layers[1].max_pool: ", "layer top", "most 6"}},
      {"{type: conv, out: 1, kernel: 3, max_pool: {kernel: 2, padding: 2}}",
       {"layers[1].max_pool: ", "layer conv2", "padding 2"}},
      {"{type: conv, out: 1, kernel: [3, 0]}", {"layers[1].kernel[1]: ", "\"0\""}},
      {"{type: conv, out: 1, kernel: [3, 3, 3]}", {"layers[1].kernel: ", "a list of 3", "two"}},
      {"{type: conv, out: 1, kernel: 3, stride: 0}", {"layers[1].stride: ", "\"0\""}},
      {"{type: conv, out: 1, kernel: 3, padding: -1}", {"layers[1].padding: ", "\"-1\""}},
      {"{type: conv, out: 1, kernel: 3, padding: some}", {"layers[1].padding: ", "same, valid"}},
      {"{type: fc, out: 1, kernel: 3}", {"layers[1].kernel: ", "unknown key"}},
      {"{type: fc, out: 1, dropout: 1.5}", {"layers[1].dropout: ", "1.5"}},
      {"{type: cnv, out: 1}", {"layers[1].type: ", "cnv", "did you mean \"conv\""}},
      {"{type: fc, out: 1, name: readout}", {"layers[1].name: ", "readout"}},
  };
  for (const Case& c : cases) {
    const std::string message = yaml_refusal(c.layer);
    CAPTURE(message);
    CHECK(message.find("net.yaml:5: ") == 0);
    for (const std::string word : c.words) CHECK(message.find(word) != std::string::npos);
  }
  CHECK(yaml_refusal("{type: fc, out: 4}", "[0, 8, 8]").find("net.yaml:1: input[0]: ") == 0);
}

TEST_CASE("3x3/2 pooling needs padding 1 or ceil mode for the paper's counts") {  // small case 17
  const auto network = [](std::int64_t padding, bool ceil) {
    std::vector<LayerSpec> layers;
    for (const std::int64_t maps : {96, 128, 256}) {
      layers.push_back(test::pooled(test::conv(maps, 5), 3, 2, padding));
      layers.back().pool->ceil_mode = ceil;
    }
    layers.push_back(test::fc(2048));
    layers.push_back(test::fc(2048));
    return workloads::make_network("net", {3, 32, 32}, 10, layers);
  };
  for (const Network& paper : {network(1, false), network(0, true)}) {
    CHECK(paper.weights() == Words(13'716'512));
    CHECK(paper.activations() == Words(40'960));
  }
  const Network floor = network(0, false);
  CHECK(floor.layers[0].output.height == 15);
  CHECK(floor.layers[3].input.elements() == 2'304);
  CHECK(floor.weights() == Words(10'046'496));
  CHECK(floor.activations() == Words(34'272));
}

TEST_CASE("border-exact MACs are the taps that touch the input, on random layers") {
  workloads::SplitMix numbers(5);
  int layers = 0;
  for (int i = 0; i < 200; ++i) {
    for (const Layer& layer : test::random_network(numbers).layers) {
      CHECK(layer.macs_exact() <= layer.macs_padded());
      if (layer.kind != workloads::LayerKind::conv) continue;
      CHECK(layer.macs_exact().count() ==
            taps_one_by_one(layer) *
                static_cast<std::uint64_t>(layer.outputs * (layer.input.channels / layer.groups)));
      ++layers;
    }
  }
  CHECK(layers > 100);
}

TEST_CASE("pooling has as many windows as placing them one by one finds") {
  workloads::SplitMix numbers(6);
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(numbers.below(n)); };
  int pools = 0, hanging_over = 0;
  for (int i = 0; i < 2000; ++i) {
    LayerSpec spec = test::pooled(test::conv(1, 1), 1, 1);
    workloads::PoolSpec& pool = *spec.pool;
    for (int axis = 0; axis < 2; ++axis) {
      pool.kernel[axis] = 1 + below(6);
      pool.stride[axis] = 1 + below(7);
      pool.padding[axis] = below(pool.kernel[axis] / 2 + 1);
    }
    pool.ceil_mode = below(2) == 0;
    const ImageShape input{1, 1 + below(12), 1 + below(12)};
    if (input.height + 2 * pool.padding[0] < pool.kernel[0]) continue;
    if (input.width + 2 * pool.padding[1] < pool.kernel[1]) continue;
    const Layer layer = workloads::infer_layer(spec, input);
    const std::array<std::int64_t, 2> in{input.height, input.width};
    const std::array<std::int64_t, 2> out{layer.output.height, layer.output.width};
    for (int axis = 0; axis < 2; ++axis) {
      const std::int64_t kernel = pool.kernel[axis], stride = pool.stride[axis];
      CAPTURE(in[axis]);
      CAPTURE(kernel);
      CAPTURE(stride);
      CAPTURE(pool.padding[axis]);
      CHECK(out[axis] ==
            windows_one_by_one(in[axis], kernel, stride, pool.padding[axis], pool.ceil_mode));
      // The window that kernels get holds just that, padding as written before the map and as
      // much after it as the last window needs.
      const std::int64_t overhang =
          (out[axis] - 1) * stride + kernel - pool.padding[axis] - in[axis];
      CHECK(layer.pool_window->padding_begin[axis] == pool.padding[axis]);
      CHECK(layer.pool_window->padding_end[axis] == std::max<std::int64_t>(overhang, 0));
      hanging_over += overhang > pool.padding[axis];
    }
    CHECK(layer.output.channels == 1);
    ++pools;
  }
  CHECK(pools > 1000);
  CHECK(hanging_over > 100);
}

TEST_CASE("same padding is the least that keeps ceil(input / stride) outputs, even kernels too") {
  for (const std::int64_t kernel : {1, 2, 3, 4, 5, 8}) {
    for (const std::int64_t stride : {1, 2, 3, 9}) {
      LayerSpec spec = test::conv(1, kernel);
      spec.stride = {stride, stride};
      const Layer layer = workloads::infer_layer(spec, {1, 7, 10});
      const std::array<std::int64_t, 2> in{7, 10}, out{layer.output.height, layer.output.width};
      for (int axis = 0; axis < 2; ++axis) {
        CHECK(out[axis] == (in[axis] + stride - 1) / stride);
        std::int64_t least = std::max<std::int64_t>(kernel - in[axis], 0);
        while ((in[axis] + least - kernel) / stride + 1 < out[axis]) ++least;
        CHECK(layer.window.padding_begin[axis] == least / 2);  // an odd one goes to the end
        CHECK(layer.window.padding_end[axis] == least - least / 2);
      }
    }
  }
}

TEST_CASE("padding and strides go their own way along height and width") {
  LayerSpec spec = test::conv(2, 1);
  spec.kernel = {5, 2};
  spec.stride = {1, 3};
  spec.padding_mode = PaddingMode::explicit_size;
  spec.padding = {2, 0};
  const Layer layer = workloads::infer_layer(spec, {3, 6, 11});
  CHECK(layer.output == ImageShape{2, 6, 4});
  CHECK(layer.weight_shape() == std::vector<std::int64_t>{2, 3, 5, 2});
  CHECK(layer.fan_in() == 30);
}

TEST_CASE("groups divide the weights and MACs of a layer, and must divide its channels") {
  LayerSpec spec = explicit_conv(12, 3, 1, 1);
  const Layer whole = workloads::infer_layer(spec, {6, 5, 7});
  for (const std::int64_t groups : {1, 2, 3, 6}) {
    spec.groups = groups;
    const Layer layer = workloads::infer_layer(spec, {6, 5, 7});
    const auto times = static_cast<std::uint64_t>(groups);
    CHECK(layer.output == whole.output);
    CHECK(layer.weights() * times == whole.weights());
    CHECK(layer.macs_padded() * times == whole.macs_padded());
    CHECK(layer.macs_exact() * times == whole.macs_exact());
  }
  for (const std::int64_t groups : {4, 12}) {  // divide the maps, but not the input's channels
    spec.groups = groups;
    CHECK(refusal(spec, {6, 5, 7}).find("groups: layer c") == 0);
  }
}

TEST_CASE("sizes past 2^31 words a tensor are refused, not computed with") {
  const std::int64_t large = 1 << 24;
  CHECK(refusal(test::fc(large), {1 << 10, 1, 1}).find("out: ") == 0);
  CHECK(refusal(test::conv(large, large), {1, 1, 1}).find("kernel: ") == 0);
  CHECK(refusal(explicit_conv(1, 1, 1, large), {1, 1, 1}).find("out: ") == 0);
  CHECK_THROWS_AS(workloads::make_network("n", {large, large, large}, 10, {test::fc(1)}),
                  ShapeError);
}

TEST_CASE("layers get names by kind, and one name stands for one layer") {
  const Network network = workloads::make_network(
      "n", {1, 8, 8}, 10, {test::conv(2, 3), test::conv(2, 3), test::fc(5)});
  CHECK(network.layers[0].name == "conv1");
  CHECK(network.layers[1].name == "conv2");
  CHECK(network.layers[2].name == "fc1");
  LayerSpec twice = test::fc(5);
  twice.name = "fc1";
  CHECK_THROWS_AS(workloads::make_network("n", {4, 1, 1}, 10, {test::fc(5), twice}), ShapeError);
}

}  // namespace spillway::network_test
