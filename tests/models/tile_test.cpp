// Tiles, their runs, and what kernels cost.
#include "models/tile.hpp"

#include <doctest/doctest.h>

#include <set>

#include "models/kernel_cost.hpp"
#include "tests/support/build.hpp"

namespace spillway {

using models::Run;
using models::Tile;
using workloads::Bytes;
using workloads::Words;

TEST_CASE("the runs of a box are its bytes, in order, each as long as it can be") {
  workloads::SplitMix numbers(21);
  for (int i = 0; i < 400; ++i) {
    workloads::TensorShape shape;
    Tile tile;
    for (std::uint64_t d = 0; d <= numbers.below(4); ++d) {
      const auto size = 1 + static_cast<std::int64_t>(numbers.below(6));
      const auto begin = static_cast<std::int64_t>(numbers.below(size));
      const auto length = 1 + static_cast<std::int64_t>(numbers.below(size - begin));
      shape.push_back(size);
      tile.box[shape.size() - 1] = {begin, begin + length};
    }
    const Bytes element(numbers.below(2) == 0 ? 1 : 4);
    std::vector<std::uint64_t> expected, found;
    std::array<std::int64_t, 4> size{1, 1, 1, 1}, at{};
    std::copy(shape.begin(), shape.end(), size.begin());
    std::uint64_t offset = 0;
    for (at[0] = 0; at[0] < size[0]; ++at[0]) {
      for (at[1] = 0; at[1] < size[1]; ++at[1]) {
        for (at[2] = 0; at[2] < size[2]; ++at[2]) {
          for (at[3] = 0; at[3] < size[3]; ++at[3]) {
            bool inside = true;
            for (std::size_t d = 0; d < 4; ++d) {
              inside = inside && at[d] >= tile.box[d].begin && at[d] < tile.box[d].end;
            }
            for (std::uint64_t b = 0; b < element.count(); ++b, ++offset) {
              if (inside) expected.push_back(offset);
            }
          }
        }
      }
    }
    std::uint64_t end_of_last = ~std::uint64_t{0};
    Words words;
    models::for_each_run(tile, shape, element, [&](const Run& run) {
      CHECK(run.offset != end_of_last);  // else one run could have been both
      end_of_last = run.offset + run.size.count();
      words += words_of(run.size);
      for (std::uint64_t b = run.offset; b < end_of_last; ++b) found.push_back(b);
    });
    REQUIRE(found == expected);
    const models::TileSize total = models::tile_size(tile, shape, element);
    CHECK(total.words == words);
    CHECK(total.bytes == Bytes(expected.size()));
  }
}

TEST_CASE("a whole tensor is one run, whatever its shape") {
  int runs = 0;
  models::for_each_run(models::whole_tensor(0, {3, 4, 5}), {3, 4, 5}, Bytes(4),
                       [&](const Run&) { ++runs; });
  CHECK(runs == 1);
}

TEST_CASE("the products that kernels lower to have the layer's MACs, in all three passes") {
  workloads::SplitMix numbers(22);
  int checked = 0;
  for (int i = 0; i < 150; ++i) {
    for (const workloads::Layer& layer : test::random_network(numbers).layers) {
      const auto batch = 1 + static_cast<std::int64_t>(numbers.below(5));
      const workloads::ConvGeometry conv{batch, layer.input, layer.before_pool, layer.window,
                                         layer.groups};
      const workloads::DenseGeometry dense{batch, layer.input.elements(), layer.outputs};
      const std::vector<workloads::Kernel> kernels =
          layer.kind == workloads::LayerKind::conv
              ? std::vector<workloads::Kernel>{workloads::ConvForward{conv},
                                               workloads::ConvInputGradient{conv},
                                               workloads::ConvWeightGradient{conv}}
              : std::vector<workloads::Kernel>{workloads::FcForward{dense},
                                               workloads::FcInputGradient{dense},
                                               workloads::FcWeightGradient{dense}};
      for (const workloads::Kernel& kernel : kernels) {
        const models::KernelCost cost = models::kernel_cost(kernel);
        CHECK(cost.macs == layer.macs_exact() * static_cast<std::uint64_t>(batch));
        CHECK(cost.macs_padded == layer.macs_padded() * static_cast<std::uint64_t>(batch));
        ++checked;
      }
    }
  }
  CHECK(checked > 500);
}

}  // namespace spillway
