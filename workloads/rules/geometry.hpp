// What kernels have to know of a layer, for a mini-batch.
#pragma once

#include "workloads/kernels/operations.hpp"
#include "workloads/network.hpp"

namespace spillway::workloads {

inline TensorShape map_shape(std::int64_t batch, bool flat, const ImageShape& map) {
  if (flat) return {batch, map.elements()};
  return {batch, map.channels, map.height, map.width};
}

inline ConvGeometry conv_geometry(std::int64_t batch, const Layer& layer) {
  return {batch, layer.input, layer.before_pool, layer.window, layer.groups};
}

inline DenseGeometry dense_geometry(std::int64_t batch, const Layer& layer) {
  return {batch, layer.input.elements(), layer.outputs};
}

inline NormGeometry norm_geometry(std::int64_t batch, const Layer& layer) {
  const ImageShape& map = layer.before_pool;
  return {batch, map.channels, map.height, map.width};
}

inline JoinedMaps joined_maps(std::int64_t batch, const Layer& layer) {
  return {batch, layer.before_pool.height, layer.before_pool.width, layer.flat};
}

inline PoolGeometry pool_geometry(std::int64_t batch, const Layer& layer) {
  return {batch, layer.before_pool, layer.output, *layer.pool_window};
}

}  // namespace spillway::workloads
