// Words that cannot be avoided, by hand.
#include "analysis/closed_forms/lower_bound.hpp"

#include <doctest/doctest.h>

#include "tests/support/build.hpp"

namespace spillway::lower_bound_test {

using namespace workloads::literals;
using workloads::Words;

TEST_CASE("every word once is the images and twice the weights") {
  const workloads::Network mlp = test::shipped("mnist-mlp-bp").network;
  CHECK(analysis::compulsory_words(mlp, 100) == 5'646'400_words);
  // Of 5 x 5 pixels a 2 x 2 window with stride 3 leaves out the third row and column.
  workloads::LayerSpec spec = test::conv(3, 2);
  spec.stride = {3, 3};
  const workloads::Network gaps = workloads::make_network("gaps", {1, 5, 5}, 2, {spec});
  CHECK(analysis::compulsory_words(gaps, 10) == Words(10 * 16 + 2 * 12));
}

TEST_CASE("the bound on the forward pass alone is the larger of its two terms in each layer") {
  const workloads::Network mlp = test::shipped("mnist-mlp-bp").network;
  // Operands once: weights, inputs and outputs.
  const Words once = 2'784'000_words + 100 * (784_words + 2 * 1000_words + 3 * 1000_words);
  CHECK(analysis::forward_alone_words(mlp, 100, Words(1 << 20)) == once);
  // 64 KiB: 2 G / 128 - 2 * 16384 in each layer.
  CHECK(analysis::forward_alone_words(mlp, 100, Words(16384)) ==
        Words(2 * (78'400'000 + 2 * 100'000'000) / 128 - 3 * 2 * 16384));
  // conv2 of five layers: R = 25, and 24 576 values of each example are pooled away.
  const workloads::Network net = test::shipped("cifar10-5layer-bp").network;
  workloads::Network conv2{"conv2", net.layers[1].input, 10, {net.layers[1]}, 0};
  CHECK(analysis::forward_alone_words(conv2, 100, Words(16384)) ==
        Words(21'027'840 - 2 * 16384 - 100 * 24'576));
}

TEST_CASE("a product alone: its operands once or its sums in a buffer of so many words") {
  // 6 x 6 pixels in 2 channels, 3 x 3 windows with padding, 4 channels, no pooling: 72 weights,
  // 72 values in, 144 out; taps inside the map: (6 + 5 + 5)^2, times 2 x 4 channels.
  workloads::LayerSpec spec = test::conv(4, 3);
  spec.padding_mode = workloads::PaddingMode::same;
  const workloads::Layer layer =
      workloads::make_network("one", {2, 6, 6}, 3, {spec}).layers.front();
  const std::uint64_t macs = 16 * 16 * 2 * 4;
  CHECK(analysis::product_alone_words(layer, 10, Words(100)) == Words(72 + 10 * (72 + 144)));
  // R = 9: 2 x 10 x 2048 / (3 x 2) - 2 x 4.
  CHECK(analysis::product_alone_words(layer, 10, Words(4)) == Words(2 * 10 * macs / 6 - 2 * 4));
  // Pooled 2 x 2, 108 of 144 sums are never stored.
  const workloads::Layer pooled =
      workloads::make_network("one", {2, 6, 6}, 3, {test::pooled(spec, 2, 2)}).layers.front();
  CHECK(analysis::product_alone_words(pooled, 10, Words(4)) ==
        Words(2 * 10 * macs / 6 - 2 * 4 - 10 * 108));
  // Windows of 2 x 2 with padding make 7 x 7 values of 6 x 6: 52 more than there are sums.
  const workloads::Layer grown =
      workloads::make_network("one", {2, 6, 6}, 3, {test::pooled(spec, 2, 1, 1)}).layers.front();
  CHECK(analysis::product_alone_words(grown, 10, Words(4)) ==
        Words(2 * 10 * macs / 6 - 2 * 4 + 10 * 52));
}

}  // namespace spillway::lower_bound_test
