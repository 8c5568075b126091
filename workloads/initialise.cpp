#include "workloads/initialise.hpp"

#include <cmath>
#include <cstring>

namespace spillway::workloads {

namespace {

enum Purpose : std::uint64_t { weights_purpose = 1, biases_purpose = 2, seeds_purpose = 3 };

std::int64_t fan_in(const Network& network, int layer) {
  const int depth = static_cast<int>(network.layers.size());
  if (layer > depth) return network.layers.back().output.elements();
  return network.layers.at(layer - 1).fan_in();
}

}  // namespace

SplitMix stream(std::uint64_t seed, std::uint64_t purpose, std::uint64_t index) {
  SplitMix mix(seed);
  return SplitMix(mix.next() ^ SplitMix(purpose * 1000003 + index).next());
}

void initialise(const Network& network, const Tensor& tensor, std::uint64_t seed,
                std::span<std::byte> bytes) {
  const auto layer = static_cast<std::uint64_t>(tensor.layer);
  switch (tensor.kind) {
    case TensorKind::weights:
    case TensorKind::biases: {
      const auto purpose = tensor.kind == TensorKind::weights ? weights_purpose : biases_purpose;
      SplitMix numbers = stream(seed, purpose, layer);
      const double width = 1 / std::sqrt(static_cast<double>(fan_in(network, tensor.layer)));
      float* values = reinterpret_cast<float*>(bytes.data());
      for (std::size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
        values[i] = static_cast<float>(width * (2 * numbers.uniform() - 1));
      }
      break;
    }
    case TensorKind::seeds: {
      const auto value = static_cast<std::uint32_t>(stream(seed, seeds_purpose, layer).next());
      std::memcpy(bytes.data(), &value, sizeof value);
      break;
    }
    case TensorKind::optimizer_state: std::memset(bytes.data(), 0, bytes.size()); break;
    default: break;
  }
}

}  // namespace spillway::workloads
