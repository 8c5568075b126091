#include "tests/support/build.hpp"

#include "workloads/support/shared_files.hpp"

namespace spillway::test {

using workloads::LayerKind;
using workloads::LayerSpec;
using workloads::PaddingMode;

models::DeviceConfig paper_device(workloads::Bytes buffer) {
  models::DeviceConfig device = models::read_device(workloads::Config::from_file(
      workloads::shared_folder() / "models" / "devices" / "paper.yaml"));
  device.buffer = buffer;
  return device;
}

LayerSpec fc(std::int64_t outputs) {
  LayerSpec spec;
  spec.kind = LayerKind::fc;
  spec.outputs = outputs;
  return spec;
}

LayerSpec conv(std::int64_t maps, std::int64_t kernel) {
  LayerSpec spec;
  spec.kind = LayerKind::conv;
  spec.outputs = maps;
  spec.kernel = {kernel, kernel};
  spec.padding_mode = PaddingMode::same;
  return spec;
}

LayerSpec pooled(LayerSpec spec, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  spec.pool = workloads::PoolSpec{
      workloads::PoolKind::max, {kernel, kernel}, {stride, stride}, {padding, padding}, false};
  return spec;
}

sim::Experiment experiment(const workloads::Network& network, const std::string& rule,
                           std::int64_t batch) {
  sim::Experiment result;
  result.name = network.name;
  result.network = network;
  result.rule = rule;
  result.batch = batch;
  result.device = paper_device(workloads::Bytes(4u << 20));
  result.idealisations = sim::Idealisations::paper();
  return result;
}

namespace {

LayerSpec random_conv(workloads::SplitMix& numbers, std::int64_t channels) {
  LayerSpec spec = conv(1 + static_cast<std::int64_t>(numbers.below(6)), 1);
  spec.kernel = {1 + static_cast<std::int64_t>(numbers.below(4)),
                 1 + static_cast<std::int64_t>(numbers.below(4))};
  spec.stride = {1 + static_cast<std::int64_t>(numbers.below(3)),
                 1 + static_cast<std::int64_t>(numbers.below(3))};
  spec.padding_mode = static_cast<PaddingMode>(numbers.below(3));
  spec.padding = {static_cast<std::int64_t>(numbers.below(3)),
                  static_cast<std::int64_t>(numbers.below(3))};
  if (numbers.below(4) == 0) {
    spec.groups = channels;
    spec.outputs = channels * (1 + static_cast<std::int64_t>(numbers.below(2)));
  }
  if (numbers.below(2) == 0) {
    workloads::PoolSpec pool;
    pool.kernel = {1 + static_cast<std::int64_t>(numbers.below(3)),
                   1 + static_cast<std::int64_t>(numbers.below(3))};
    pool.stride = {1 + static_cast<std::int64_t>(numbers.below(3)),
                   1 + static_cast<std::int64_t>(numbers.below(3))};
    pool.padding = {pool.kernel[0] / 2, pool.kernel[1] / 2};
    pool.ceil_mode = numbers.below(2) == 0;
    // No number is drawn for it, so that all others are those of before.
    if (!pool.ceil_mode && pool.kernel[0] >= pool.stride[1]) {
      pool.kind = workloads::PoolKind::average;
      pool.count_padding = pool.kernel[1] == 2;
    }
    spec.pool = pool;
  }
  return spec;
}

}  // namespace

workloads::Network random_network(workloads::SplitMix& numbers) {
  while (true) {
    const workloads::ImageShape input{1 + static_cast<std::int64_t>(numbers.below(4)),
                                      1 + static_cast<std::int64_t>(numbers.below(10)),
                                      1 + static_cast<std::int64_t>(numbers.below(10))};
    std::vector<LayerSpec> layers;
    const std::uint64_t convs = numbers.below(3);
    const std::uint64_t dense = numbers.below(3) + (convs == 0);
    std::int64_t channels = input.channels;
    for (std::uint64_t i = 0; i < convs; ++i) {
      layers.push_back(random_conv(numbers, channels));
      channels = layers.back().outputs;
    }
    for (std::uint64_t i = 0; i < dense; ++i) {
      layers.push_back(fc(1 + static_cast<std::int64_t>(numbers.below(20))));
    }
    for (LayerSpec& layer : layers) {
      layer.relu = numbers.below(5) != 0;
      layer.batch_norm = numbers.below(3) == 0;
      layer.bias = !layer.batch_norm && numbers.below(5) != 0;
      if (numbers.below(4) == 0) layer.dropout = 0.1 + 0.8 * numbers.uniform();
    }
    const auto classes = 2 + static_cast<std::int64_t>(numbers.below(11));
    try {
      workloads::Network network = workloads::make_network("random", input, classes, layers);
      if (numbers.below(4) == 0) network.input_dropout = 0.2;
      return network;
    } catch (const workloads::ShapeError&) {  // an impossible draw; take another
    }
  }
}

sim::Experiment shipped(const std::string& name,
                        const std::vector<workloads::Assignment>& overrides) {
  return sim::read_experiment(
      workloads::shared_folder() / "workloads" / "experiments" / (name + ".yaml"), overrides);
}

}  // namespace spillway::test
