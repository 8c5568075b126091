#include "workloads/initialise.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace spillway::workloads {

namespace {

// 4 is the order of examples (sim/run).
enum Purpose : std::uint64_t {
  weights_purpose = 1,
  biases_purpose = 2,
  seeds_purpose = 3,
  feedback_seeds_purpose = 5,
  mask_seeds_purpose = 6,
  classifier_purpose = 7
};

Purpose purpose_of_seed(const Tensor& tensor) {
  if (tensor.name.ends_with(".feedback_seed")) return feedback_seeds_purpose;
  return tensor.name.ends_with(".mask_seed") ? mask_seeds_purpose : seeds_purpose;
}

/// Uniform in ±width.
void fill(std::span<std::byte> bytes, SplitMix numbers, double width) {
  float* values = reinterpret_cast<float*>(bytes.data());
  for (std::size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
    values[i] = static_cast<float>(width * (2 * numbers.uniform() - 1));
  }
}

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
      fill(bytes, stream(seed, purpose, layer),
           1 / std::sqrt(static_cast<double>(fan_in(network, tensor.layer))));
      break;
    }
    case TensorKind::classifier: {
      const auto classes = tensor.shape.back();
      const auto features = tensor.elements() / classes;
      fill(bytes, stream(seed, classifier_purpose, layer),
           std::sqrt(6.0 / static_cast<double>(features + classes)));
      break;
    }
    case TensorKind::norm_parameters:
    case TensorKind::norm_statistics: {
      // Scales and variances are 1, shifts and means 0; they stand in the two rows of the tensor.
      const auto rows = std::span(reinterpret_cast<float*>(bytes.data()), tensor.elements());
      const std::size_t half = rows.size() / 2;
      const bool scales_first = tensor.kind == TensorKind::norm_parameters;
      std::ranges::fill(rows.first(half), scales_first ? 1.0f : 0.0f);
      std::ranges::fill(rows.last(half), scales_first ? 0.0f : 1.0f);
      break;
    }
    case TensorKind::seeds: {
      const auto value =
          static_cast<std::uint32_t>(stream(seed, purpose_of_seed(tensor), layer).next());
      std::memcpy(bytes.data(), &value, sizeof value);
      break;
    }
    case TensorKind::optimizer_state: std::memset(bytes.data(), 0, bytes.size()); break;
    default: break;
  }
}

}  // namespace spillway::workloads
