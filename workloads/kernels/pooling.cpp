// Max-pooling, by oneDNN, which passes over NaN and the lowest values and trusts winners; all are
// looked after here.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "workloads/kernels/boxes.hpp"
#include "workloads/kernels/execution.hpp"
#include "workloads/kernels/pooling.hpp"

namespace spillway::workloads {

namespace {

using dnnl::memory;

Key key_of(const PoolGeometry& g) {
  Key key{g.batch,       g.input.channels, g.input.height,
          g.input.width, g.output.height,  g.output.width};
  for (const auto& part :
       {g.window.kernel, g.window.stride, g.window.padding_begin, g.window.padding_end}) {
    key.insert(key.end(), part.begin(), part.end());
  }
  return key;
}

std::int64_t inputs_of(const PoolGeometry& g) { return g.batch * g.input.elements(); }
std::int64_t outputs_of(const PoolGeometry& g) { return g.batch * g.output.elements(); }

/// Where a place of the window of output (oy, ox) lies in its map, or nothing when on padding.
std::optional<std::int64_t> place_in_map(const PoolGeometry& g, std::int64_t oy, std::int64_t ox,
                                         std::int64_t place) {
  const std::int64_t y =
      oy * g.window.stride[0] - g.window.padding_begin[0] + place / g.window.kernel[1];
  const std::int64_t x =
      ox * g.window.stride[1] - g.window.padding_begin[1] + place % g.window.kernel[1];
  if (y < 0 || y >= g.input.height || x < 0 || x >= g.input.width) return std::nullopt;
  return y * g.input.width + x;
}

/// Plain loops, for maps that hold odd values. A window that holds a NaN is NaN, and the first one
/// wins.
void pool_plainly(const PoolGeometry& g, const float* y, float* a, std::uint8_t* winners) {
  for (std::int64_t map = 0; map < g.batch * g.output.channels; ++map) {
    const float* values = y + map * g.input.height * g.input.width;
    for (std::int64_t oy = 0; oy < g.output.height; ++oy) {
      for (std::int64_t ox = 0; ox < g.output.width; ++ox, ++a, ++winners) {
        const float* best = nullptr;
        for (std::int64_t k = 0; k < g.window.kernel[0] * g.window.kernel[1]; ++k) {
          const auto at = place_in_map(g, oy, ox, k);
          if (!at || (best != nullptr && std::isnan(*best))) continue;
          if (best != nullptr && !(values[*at] > *best || std::isnan(values[*at]))) continue;
          best = values + *at;
          *a = *best;
          *winners = static_cast<std::uint8_t>(k);
        }
      }
    }
  }
}

/// The errors of all windows at the places of their winners, those outside the map left out. A
/// winner that is no place of its window makes its map NaN.
void spread_clipped(const PoolGeometry& g, const float* da, const std::uint8_t* winners,
                    float* dy) {
  const std::int64_t places = g.window.kernel[0] * g.window.kernel[1];
  const std::int64_t maps = g.batch * g.output.channels;
  const std::int64_t inputs = g.input.height * g.input.width,
                     outputs = g.output.height * g.output.width;
#pragma omp parallel for if (maps * (inputs + outputs) >= parallel_elements)
  for (std::int64_t map = 0; map < maps; ++map) {
    float* errors = dy + map * inputs;
    std::fill_n(errors, inputs, 0.0f);
    bool legal = true;
    for (std::int64_t o = 0; o < outputs; ++o) {
      const std::int64_t winner = winners[map * outputs + o];
      legal = legal && winner < places;
      const auto at = place_in_map(g, o / g.output.width, o % g.output.width, winner);
      if (at) errors[*at] += da[map * outputs + o];
    }
    if (!legal) std::fill_n(errors, inputs, std::numeric_limits<float>::quiet_NaN());
  }
}

/// Every winner lies in its window and on the map. (oneDNN would write outside the map.)
bool winners_are_legal(const PoolGeometry& g, const std::uint8_t* winners) {
  const std::int64_t places = g.window.kernel[0] * g.window.kernel[1];
  const std::int64_t maps = g.batch * g.output.channels, outputs = g.output.height * g.output.width;
  // What each window makes of a winner. Asked once a window, not once for each map.
  std::vector<std::array<std::uint8_t, 256>> wrong_for(static_cast<std::size_t>(outputs));
  for (std::int64_t o = 0; o < outputs; ++o) {
    auto& here = wrong_for[static_cast<std::size_t>(o)];
    for (std::size_t k = 0; k < here.size(); ++k) {
      const auto place = static_cast<std::int64_t>(k);
      here[k] = place >= places || !place_in_map(g, o / g.output.width, o % g.output.width, place);
    }
  }
  std::int64_t wrong = 0;
#pragma omp parallel for reduction(+ : wrong) if (maps * outputs >= parallel_elements)
  for (std::int64_t map = 0; map < maps; ++map) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      wrong += wrong_for[static_cast<std::size_t>(o)][winners[map * outputs + o]];
    }
  }
  return wrong == 0;
}

/// NaN, and what is not above the lowest number, from which oneDNN starts: it would take the
/// padding for the winner.
bool holds_odd_values(const float* values, std::int64_t count) {
  std::int64_t found = 0;
#pragma omp parallel for simd reduction(+ : found) if (count >= parallel_elements)
  for (std::int64_t i = 0; i < count; ++i) {
    found += !(values[i] > std::numeric_limits<float>::lowest());
  }
  return found != 0;
}

/// oneDNN's primitives, and which winners it made itself.
class Pooling {
 public:
  explicit Pooling(Layouts& layouts) : layouts_(layouts) {}

  struct Pair {
    Primitive forward, backward;
  };
  const Pair& find(const PoolGeometry& shape);
  void note(const std::byte* winners, const PoolGeometry& shape) { made_[winners] = key_of(shape); }
  bool winners_are_trusted(const PoolGeometry& shape, const std::byte* winners);

 private:
  Layouts& layouts_;
  std::map<Key, Pair> primitives_;
  std::map<const std::byte*, Key> made_;  ///< by which geometry the winners at an address were made
};

const Pooling::Pair& Pooling::find(const PoolGeometry& g) {
  const Key key = key_of(g);
  const auto found = primitives_.find(key);
  if (found != primitives_.end()) return found->second;
  const memory::dims in = map_dims(g.batch, g.input), out = map_dims(g.batch, g.output);
  const Descriptor x = map_layout(in), y = map_layout(out);
  const dnnl::pooling_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, dnnl::algorithm::pooling_max, x, y, pair(g.window.stride),
       pair(g.window.kernel), pair(g.window.padding_begin), pair(g.window.padding_end)},
      layouts_.engine());
  const dnnl::pooling_backward::primitive_desc backward(
      {dnnl::algorithm::pooling_max, x, y, pair(g.window.stride), pair(g.window.kernel),
       pair(g.window.padding_begin), pair(g.window.padding_end)},
      layouts_.engine(), forward);
  const Descriptor winners = plain_layout(out, memory::data_type::u8);
  Pair made{{dnnl::pooling_forward(forward),
             {{DNNL_ARG_SRC, plain_layout(in), x}},
             {{DNNL_ARG_DST, plain_layout(out), y},
              {DNNL_ARG_WORKSPACE, winners, forward.workspace_desc()}}},
            {dnnl::pooling_backward(backward),
             {{DNNL_ARG_DIFF_DST, plain_layout(out), y},
              {DNNL_ARG_WORKSPACE, winners, forward.workspace_desc()}},
             {{DNNL_ARG_DIFF_SRC, plain_layout(in), x}}}};
  return primitives_.emplace(key, std::move(made)).first->second;
}

/// Winners that our own max-pool of this geometry left in its layout need no check.
bool Pooling::winners_are_trusted(const PoolGeometry& shape, const std::byte* winners) {
  const auto made = made_.find(winners);
  return made != made_.end() && made->second == key_of(shape) &&
         layouts_.stands_in(winners, find(shape).backward.inputs[1].layout);
}

}  // namespace

PoolMaps::PoolMaps(const PoolGeometry& g) {
  const AxisId batch = contract.add({"examples", g.batch, AxisKind::example}),
               channel = contract.add({"channels", g.output.channels, AxisKind::output}),
               row = contract.add({"rows", g.output.height, AxisKind::row}),
               column = contract.add({"columns", g.output.width, AxisKind::column}),
               tap = contract.add({"tap rows", g.window.kernel[0], AxisKind::none, Cut::never}),
               tap_column =
                   contract.add({"tap columns", g.window.kernel[1], AxisKind::none, Cut::never});
  before = {
      contract.along(batch), contract.along(channel),
      Contract::windows(row, tap, g.window.stride[0], g.window.padding_begin[0], g.input.height),
      Contract::windows(column, tap_column, g.window.stride[1], g.window.padding_begin[1],
                        g.input.width)};
  after = {contract.along(batch), contract.along(channel), contract.along(row),
           contract.along(column)};
  contract.cut_at = {{true, 0}};
}

PoolGeometry pool_part(const PoolGeometry& g, const Box& before, const Box& after) {
  require(before[0] == after[0] && before[1] == after[1], "maps of inputs and outputs differ");
  return {before[0].size(), image(before), image(after),
          window_of(g.input, g.output, g.window, before, after)};
}

Contract MaxPool::contract() const {
  PoolMaps maps(shape);
  maps.contract.inputs = {{"y", maps.before}};
  maps.contract.outputs = {{"a", maps.after}, {"winners", maps.after, Bytes(1)}};
  maps.contract.elementwise =
      maps.contract.outputs[0].elements() *
      static_cast<std::uint64_t>(shape.window.kernel[0] * shape.window.kernel[1]);
  return maps.contract;
}
MaxPool MaxPool::on_boxes(Boxes in, Boxes out, bool) const {
  require_same(out[0], out[1]);
  require(windows_are_complete(shape.input, shape.window, in[0], out[0]),
          "inputs of windows are missing");
  return {pool_part(shape, in[0], out[0])};
}

Contract MaxPoolError::contract() const {
  PoolMaps maps(shape);
  maps.contract.inputs = {{"da", maps.after}, {"winners", maps.after, Bytes(1)}};
  maps.contract.outputs = {{"dy", maps.before}};
  maps.contract.elementwise = maps.contract.inputs[0].elements();
  maps.contract.zero_with = 0;
  return maps.contract;
}
MaxPoolError MaxPoolError::on_boxes(Boxes in, Boxes out, bool) const {
  require_same(in[0], in[1]);
  return {pool_part(shape, out[0], in[0]),
          clip || !windows_are_complete(shape.input, shape.window, out[0], in[0])};
}

void MaxPool::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const auto input_bytes = static_cast<std::size_t>(inputs_of(shape)) * sizeof(float);
  const auto outputs = static_cast<std::size_t>(outputs_of(shape));
  if (!onednn_takes(shape)) {
    pool_plainly(shape, floats(layouts.read(in[0], input_bytes)),
                 floats(layouts.write(out[0], outputs * sizeof(float))),
                 reinterpret_cast<std::uint8_t*>(layouts.write(out[1], outputs)));
    return;
  }
  Pooling& pooling = execution.state<Pooling>();
  const Pooling::Pair& primitives = pooling.find(shape);
  primitives.forward.run(layouts, in, out);
  pooling.note(out[1], shape);
  const Primitive::Operand& x = primitives.forward.inputs[0];
  const memory values = layouts.input(in[0], x.plain, x.layout);
  if (!holds_odd_values(static_cast<const float*>(values.get_data_handle()), inputs_of(shape))) {
    return;
  }
  pool_plainly(shape, floats(layouts.read(in[0], input_bytes)),
               floats(layouts.change(out[0], outputs * sizeof(float))),
               reinterpret_cast<std::uint8_t*>(layouts.change(out[1], outputs)));
}

void MaxPoolError::run(Execution& execution, Inputs in, Outputs out) const {
  Pooling& pooling = execution.state<Pooling>();
  Layouts& layouts = execution.layouts();
  const auto inputs = static_cast<std::size_t>(inputs_of(shape));
  const auto outputs = static_cast<std::size_t>(outputs_of(shape));
  const auto read_winners = [&] {
    return reinterpret_cast<const std::uint8_t*>(layouts.read(in[1], outputs));
  };
  const bool plain = clip || !onednn_takes(shape);
  if (!clip && !pooling.winners_are_trusted(shape, in[1]) &&
      !winners_are_legal(shape, read_winners())) {
    std::fill_n(floats(layouts.write(out[0], inputs * sizeof(float))), inputs,
                std::numeric_limits<float>::quiet_NaN());
  } else if (plain) {
    const float* da = floats(layouts.read(in[0], outputs * sizeof(float)));
    const std::uint8_t* winners = read_winners();
    spread_clipped(shape, da, winners, floats(layouts.write(out[0], inputs * sizeof(float))));
  } else {
    pooling.find(shape).backward.run(layouts, in, out);
  }
}

}  // namespace spillway::workloads
