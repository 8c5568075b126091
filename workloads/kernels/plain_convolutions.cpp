// Convolutions by plain loops, for tiles whose borders oneDNN does not take.
#include <cstring>

#include "workloads/kernels/operations.hpp"

namespace spillway::workloads {

namespace {

/// Bytes of the plain operands.
struct Sizes {
  std::size_t x, weights, bias, y;
  explicit Sizes(const ConvGeometry& g)
      : x(bytes(g.batch * g.input.elements())),
        weights(bytes(g.output.channels * (g.input.channels / g.groups) * g.window.kernel[0] *
                      g.window.kernel[1])),
        bias(bytes(g.output.channels)),
        y(bytes(g.batch * g.output.elements())) {}
  static std::size_t bytes(std::int64_t count) {
    return static_cast<std::size_t>(count) * sizeof(float);
  }
};

/// Visit every product of a convolution: indices into x, weights and y.
template <class Visit>
void for_each_product(const ConvGeometry& g, Visit visit) {
  const std::int64_t ci = g.input.channels / g.groups, co = g.output.channels / g.groups;
  const auto [kh, kw] = g.window.kernel;
  for (std::int64_t map = 0; map < g.batch * g.output.channels; ++map) {
    const std::int64_t b = map / g.output.channels, o = map % g.output.channels;
    for (std::int64_t c = 0; c < ci; ++c) {
      const std::int64_t x_map = b * g.input.channels + o / co * ci + c;
      for (std::int64_t tap = 0; tap < kh * kw; ++tap) {
        for (std::int64_t oy = 0; oy < g.output.height; ++oy) {
          const std::int64_t y = oy * g.window.stride[0] + tap / kw - g.window.padding_begin[0];
          if (y < 0 || y >= g.input.height) continue;
          for (std::int64_t ox = 0; ox < g.output.width; ++ox) {
            const std::int64_t x = ox * g.window.stride[1] + tap % kw - g.window.padding_begin[1];
            if (x < 0 || x >= g.input.width) continue;
            visit((x_map * g.input.height + y) * g.input.width + x, (o * ci + c) * kh * kw + tap,
                  (map * g.output.height + oy) * g.output.width + ox);
          }
        }
      }
    }
  }
}

/// A result to be added to: what stands there, or zeros.
float* begin_sums(Layouts& layouts, std::byte* address, std::size_t size, bool accumulate) {
  if (accumulate) return floats(layouts.change(address, size));
  std::memset(layouts.write(address, size), 0, size);
  return floats(address);
}

}  // namespace

void run_plainly(Layouts& layouts, const ConvForward& k, Inputs in, Outputs out) {
  const Sizes size(k.shape);
  const float* x = floats(layouts.read(in[0], size.x));
  const float* weights = floats(layouts.read(in[1], size.weights));
  const float* bias = in.size() > 2 ? floats(layouts.read(in[2], size.bias)) : nullptr;
  float* y = begin_sums(layouts, out[0], size.y, k.accumulate);
  const std::int64_t pixels = k.shape.output.height * k.shape.output.width;
  for (std::int64_t i = 0; bias != nullptr && i < k.shape.batch * k.shape.output.elements(); ++i) {
    y[i] += bias[i / pixels % k.shape.output.channels];
  }
  for_each_product(k.shape, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    y[yi] += x[xi] * weights[wi];
  });
}

void run_plainly(Layouts& layouts, const ConvInputGradient& k, Inputs in, Outputs out) {
  const Sizes size(k.shape);
  const float* dy = floats(layouts.read(in[0], size.y));
  const float* weights = floats(layouts.read(in[1], size.weights));
  float* dx = begin_sums(layouts, out[0], size.x, k.accumulate);
  for_each_product(k.shape, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    dx[xi] += dy[yi] * weights[wi];
  });
}

void run_plainly(Layouts& layouts, const ConvWeightGradient& k, Inputs in, Outputs out) {
  const Sizes size(k.shape);
  const float* dy = floats(layouts.read(in[0], size.y));
  const float* x = floats(layouts.read(in[1], size.x));
  float* dweights = begin_sums(layouts, out[0], size.weights, k.accumulate);
  for_each_product(k.shape, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    dweights[wi] += dy[yi] * x[xi];
  });
}

void sum_errors(Layouts& layouts, const ConvWeightGradient& k, const std::byte* errors,
                std::byte* result) {
  const Sizes size(k.shape);
  const ImageShape& output = k.shape.output;
  const float* dy = floats(layouts.read(errors, size.y));
  float* dbias = begin_sums(layouts, result, size.bias, k.accumulate);
#pragma omp parallel for if (k.shape.batch * output.elements() >= parallel_elements)
  for (std::int64_t channel = 0; channel < output.channels; ++channel) {
    float sum = 0;
    for (std::int64_t b = 0; b < k.shape.batch; ++b) {
      for (std::int64_t row = k.bias_begin[0]; row < output.height; ++row) {
        const float* values =
            dy + ((b * output.channels + channel) * output.height + row) * output.width;
        for (std::int64_t x = k.bias_begin[1]; x < output.width; ++x) sum += values[x];
      }
    }
    dbias[channel] += sum;
  }
}

}  // namespace spillway::workloads
