// Shapes and counts of networks.
#include "workloads/network.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "tests/support/build.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway {

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

TEST_CASE("3x3/2 pooling needs padding 1 or ceil mode for the paper's counts") {  // small case 17
  const auto network = [](std::int64_t padding, bool ceil) {
    std::vector<LayerSpec> layers;
    for (const std::int64_t maps : {96, 128, 256}) {
      layers.push_back(test::pooled(test::conv(maps, 5), 3, 2, padding));
      layers.back().max_pool->ceil_mode = ceil;
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

TEST_CASE("the last pooling window starts inside the map or its leading padding") {
  workloads::SplitMix numbers(6);
  int pools = 0;
  for (int i = 0; i < 300; ++i) {
    for (const Layer& layer : test::random_network(numbers).layers) {
      if (!layer.pool_window) continue;
      const std::array<std::int64_t, 2> in{layer.before_pool.height, layer.before_pool.width};
      const std::array<std::int64_t, 2> out{layer.output.height, layer.output.width};
      for (int axis = 0; axis < 2; ++axis) {
        const workloads::Window& window = *layer.pool_window;
        const std::int64_t last = (out[axis] - 1) * window.stride[axis];
        CHECK(last < in[axis] + window.padding_begin[axis]);
        const std::int64_t next_end = last + window.stride[axis] + window.kernel[axis];
        // One window more would not fit, or in ceil mode not start inside.
        const std::int64_t padded = in[axis] + 2 * window.padding_begin[axis];
        if (layer.max_pool->ceil_mode) {
          CHECK((last + window.kernel[axis] >= padded ||
                 last + window.stride[axis] >= in[axis] + window.padding_begin[axis]));
        } else {
          CHECK(next_end > padded);
        }
      }
      ++pools;
    }
  }
  CHECK(pools > 100);
}

TEST_CASE("same padding keeps ceil(input / stride) outputs, even kernels included") {
  for (const std::int64_t kernel : {1, 2, 3, 4, 5}) {
    for (const std::int64_t stride : {1, 2, 3}) {
      LayerSpec spec = test::conv(1, kernel);
      spec.stride = {stride, stride};
      const Layer layer = workloads::infer_layer(spec, {1, 7, 10});
      CHECK(layer.output == ImageShape{1, (7 + stride - 1) / stride, (10 + stride - 1) / stride});
      const auto& window = layer.window;
      CHECK(window.padding_end[0] - window.padding_begin[0] >= 0);
      CHECK(window.padding_end[0] - window.padding_begin[0] <= 1);
    }
  }
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

}  // namespace spillway
