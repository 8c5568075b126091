#include "workloads/kernels/average_pooling.hpp"

#include <algorithm>

#include "workloads/kernels/boxes.hpp"
#include "workloads/kernels/execution.hpp"

namespace spillway::workloads {

namespace {

MapAround whole_map(const PoolGeometry& g) {
  return {Range{0, g.input.height}, Range{0, g.input.width}};
}
/// The map seen from a part of it.
MapAround map_around(const MapAround& map, const Box& part) {
  return {Range{map[0].begin - part[2].begin, map[0].end - part[2].begin},
          Range{map[1].begin - part[3].begin, map[1].end - part[3].begin}};
}

std::uint64_t adds(const PoolGeometry& g) {
  return static_cast<std::uint64_t>(g.batch * g.output.elements() * g.window.kernel[0] *
                                    g.window.kernel[1]);
}

std::size_t bytes(std::int64_t batch, const ImageShape& map) {
  return static_cast<std::size_t>(batch * map.elements()) * sizeof(float);
}

Range overlap(const Range& a, const Range& b) {
  return {std::max(a.begin, b.begin), std::max(std::max(a.begin, b.begin), std::min(a.end, b.end))};
}

/// Visits every window of every map, maps side by side: the map, the window's number in it, the
/// places of the part that it covers, and by what their sum is divided.
template <class Visit>
void for_each_window(const PoolGeometry& g, const MapAround& map, bool count_padding, Visit visit) {
  const Window& w = g.window;
  const std::int64_t maps = g.batch * g.output.channels;
#pragma omp parallel for if (maps * g.output.height * g.output.width >= parallel_elements)
  for (std::int64_t m = 0; m < maps; ++m) {
    for (std::int64_t oy = 0; oy < g.output.height; ++oy) {
      for (std::int64_t ox = 0; ox < g.output.width; ++ox) {
        const std::int64_t top = oy * w.stride[0] - w.padding_begin[0],
                           left = ox * w.stride[1] - w.padding_begin[1];
        const Range rows{top, top + w.kernel[0]}, columns{left, left + w.kernel[1]};
        const std::int64_t count =
            count_padding ? rows.size() * columns.size()
                          : overlap(rows, map[0]).size() * overlap(columns, map[1]).size();
        visit(m, oy * g.output.width + ox, overlap(rows, {0, g.input.height}),
              overlap(columns, {0, g.input.width}), static_cast<float>(count));
      }
    }
  }
}

}  // namespace

AveragePool AveragePool::whole(const PoolGeometry& g, bool count_padding) {
  return {g, whole_map(g), count_padding};
}

Contract AveragePool::contract() const {
  PoolMaps maps(shape);
  maps.contract.inputs = {{"y", maps.before}};
  maps.contract.outputs = {{"a", maps.after}};
  maps.contract.elementwise = adds(shape);
  return maps.contract;
}
AveragePool AveragePool::on_boxes(Boxes in, Boxes out, bool) const {
  require(windows_are_complete(shape.input, shape.window, in[0], out[0]),
          "inputs of windows are missing");
  return {pool_part(shape, in[0], out[0]), map_around(map, in[0]), count_padding};
}
void AveragePool::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const float* y = floats(layouts.read(in[0], bytes(shape.batch, shape.input)));
  float* a = floats(layouts.write(out[0], bytes(shape.batch, shape.output)));
  const std::int64_t width = shape.input.width, inputs = shape.input.height * width,
                     outputs = shape.output.height * shape.output.width;
  for_each_window(shape, map, count_padding,
                  [&](std::int64_t m, std::int64_t window, const Range& rows, const Range& columns,
                      float count) {
                    float sum = 0;
                    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
                      for (std::int64_t x = columns.begin; x < columns.end; ++x) {
                        sum += y[m * inputs + row * width + x];
                      }
                    }
                    a[m * outputs + window] = sum / count;
                  });
}

AveragePoolError AveragePoolError::whole(const PoolGeometry& g, bool count_padding) {
  return {g, whole_map(g), count_padding};
}

Contract AveragePoolError::contract() const {
  PoolMaps maps(shape);
  maps.contract.inputs = {{"da", maps.after}};
  maps.contract.outputs = {{"dy", maps.before}};
  maps.contract.elementwise = adds(shape);
  maps.contract.zero_with = 0;
  return maps.contract;
}
AveragePoolError AveragePoolError::on_boxes(Boxes in, Boxes out, bool) const {
  return {pool_part(shape, out[0], in[0]), map_around(map, out[0]), count_padding};
}
void AveragePoolError::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const float* da = floats(layouts.read(in[0], bytes(shape.batch, shape.output)));
  const std::size_t size = bytes(shape.batch, shape.input);
  float* dy = floats(layouts.write(out[0], size));
  const std::int64_t width = shape.input.width, inputs = shape.input.height * width,
                     outputs = shape.output.height * shape.output.width;
  std::fill_n(dy, size / sizeof(float), 0.0f);
  for_each_window(shape, map, count_padding,
                  [&](std::int64_t m, std::int64_t window, const Range& rows, const Range& columns,
                      float count) {
                    const float share = da[m * outputs + window] / count;
                    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
                      for (std::int64_t x = columns.begin; x < columns.end; ++x) {
                        dy[m * inputs + row * width + x] += share;
                      }
                    }
                  });
}

}  // namespace spillway::workloads
