// Convolutions by plain loops, for tiles whose borders oneDNN does not take.
#include <cstring>

#include "workloads/kernels/convolution_algorithms.hpp"
#include "workloads/kernels/operand_sizes.hpp"

namespace spillway::workloads {

namespace {

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

const float* read(Layouts& layouts, const std::byte* address, Bytes size) {
  return floats(layouts.read(address, size.count()));
}

/// A result to be added to: what stands there, or zeros.
float* begin_sums(Layouts& layouts, std::byte* address, Bytes size, bool accumulate) {
  if (accumulate) return floats(layouts.change(address, size.count()));
  std::memset(layouts.write(address, size.count()), 0, size.count());
  return floats(address);
}

}  // namespace

void run_plainly(Layouts& layouts, const ConvForward& k, Inputs in, Outputs out) {
  const OperandSizes sizes = operand_sizes(k);
  const float* x = read(layouts, in[0], sizes.inputs[0]);
  const float* weights = read(layouts, in[1], sizes.inputs[1]);
  const float* bias = in.size() > 2 ? read(layouts, in[2], sizes.inputs[2]) : nullptr;
  float* y = begin_sums(layouts, out[0], sizes.outputs[0], k.accumulate);
  const std::int64_t pixels = k.shape.output.height * k.shape.output.width;
  for (std::int64_t i = 0; bias != nullptr && i < k.shape.batch * k.shape.output.elements(); ++i) {
    y[i] += bias[i / pixels % k.shape.output.channels];
  }
  for_each_product(k.shape, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    y[yi] += x[xi] * weights[wi];
  });
}

void run_plainly(Layouts& layouts, const ConvInputGradient& k, Inputs in, Outputs out) {
  const OperandSizes sizes = operand_sizes(k);
  const float* dy = read(layouts, in[0], sizes.inputs[0]);
  const float* weights = read(layouts, in[1], sizes.inputs[1]);
  float* dx = begin_sums(layouts, out[0], sizes.outputs[0], k.accumulate);
  for_each_product(k.shape, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    dx[xi] += dy[yi] * weights[wi];
  });
}

void run_plainly(Layouts& layouts, const ConvWeightGradient& k, Inputs in, Outputs out) {
  const OperandSizes sizes = operand_sizes(k);
  const float* dy = read(layouts, in[0], sizes.inputs[0]);
  const float* x = read(layouts, in[1], sizes.inputs[1]);
  float* dweights = begin_sums(layouts, out[0], sizes.outputs[0], k.accumulate);
  for_each_product(k.shape, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    dweights[wi] += dy[yi] * x[xi];
  });
}

void sum_errors(Layouts& layouts, const ConvWeightGradient& k, const std::byte* errors,
                std::byte* result) {
  const OperandSizes sizes = operand_sizes(k);
  const ImageShape& output = k.shape.output;
  const float* dy = read(layouts, errors, sizes.inputs[0]);
  float* dbias = begin_sums(layouts, result, sizes.outputs[1], k.accumulate);
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
