#include "workloads/kernels/joins.hpp"

#include <algorithm>
#include <numeric>

#include "workloads/kernels/alike.hpp"
#include "workloads/kernels/execution.hpp"

namespace spillway::workloads {

Contract Sum::contract() const {
  Alike all(elements);
  for (std::int64_t i = 0; i < terms; ++i) all.contract.inputs.push_back({"x", all.map});
  all.contract.outputs = {{"y", all.map}};
  all.contract.elementwise = static_cast<std::uint64_t>(elements * terms);
  return all.contract;
}
Sum Sum::on_boxes(Boxes in, Boxes out, bool) const { return {same_elements(in, out), terms}; }

void Sum::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const std::size_t size = float_bytes(elements);
  if (in[0] != out[0]) std::memcpy(layouts.write(out[0], size), layouts.read(in[0], size), size);
  for (std::size_t term = 1; term < in.size(); ++term) {
    const auto [sums, more] = layouts.change_flat(out[0], in[term], size);
    float* y = sums.values;
    const float* x = more;
    const auto count = static_cast<std::int64_t>(sums.count);
#pragma omp parallel for simd if (count >= parallel_elements)
    for (std::int64_t i = 0; i < count; ++i) y[i] += x[i];
  }
}

namespace {

/// Axes of maps whose channels are joined, and the rest of an operand's map beside them.
struct JoinAxes {
  Contract contract;
  AxisId batch, row = 0, column = 0;
  bool flat;

  explicit JoinAxes(const JoinedMaps& maps)
      : batch(contract.add({"examples", maps.batch, AxisKind::example})), flat(maps.flat) {
    if (flat) return;
    row = contract.add({"rows", maps.height, AxisKind::row});
    column = contract.add({"columns", maps.width, AxisKind::column});
  }
  AccessMap map(const Index& channels) const {
    if (flat) return {contract.along(batch), channels};
    return {contract.along(batch), channels, contract.along(row), contract.along(column)};
  }
};

JoinedMaps part_of(const JoinedMaps& maps, const Box& box) {
  return {box[0].size(), box[2].size(), box[3].size(), maps.flat};
}

bool same_but_channels(const Box& a, const Box& b) {
  return a[0] == b[0] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4];
}

/// Of each example `count` channels from one place to another, which have so many of them.
void copy_channels(const JoinedMaps& maps, const float* from, std::int64_t of, float* to,
                   std::int64_t among, std::int64_t count) {
  const std::int64_t pixels = maps.height * maps.width;
#pragma omp parallel for if (maps.batch * count * pixels >= parallel_elements)
  for (std::int64_t example = 0; example < maps.batch; ++example) {
    std::copy_n(from + example * of * pixels, count * pixels, to + example * among * pixels);
  }
}

}  // namespace

Contract Concat::contract() const {
  JoinAxes axes(maps);
  std::int64_t all = 0;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t own = channels[static_cast<std::size_t>(part)];
    axes.contract.inputs.push_back({"x", axes.map(Contract::whole(own))});
    all += own;
  }
  const AxisId channel = axes.contract.add({"channels", all, AxisKind::output, Cut::never});
  axes.contract.outputs = {{"y", axes.map(axes.contract.along(channel))}};
  axes.contract.elementwise = axes.contract.outputs[0].elements();
  return axes.contract;
}
Concat Concat::on_boxes(Boxes in, Boxes out, bool) const {
  std::int64_t all = 0;
  for (std::size_t part = 0; part < in.size(); ++part) {
    require(in[part][1] == all_of(channels[part]), "channels of a part are missing");
    require(same_but_channels(in[part], out[0]), "parts of a concatenation differ");
    all += channels[part];
  }
  require(out[0][1] == all_of(all), "channels of a concatenation are missing");
  return {part_of(maps, out[0]), channels, parts};
}

void Concat::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const std::int64_t pixels = maps.height * maps.width;
  const auto all = std::accumulate(channels.begin(), channels.begin() + parts, std::int64_t{0});
  float* y = floats(layouts.write(out[0], float_bytes(maps.batch * all * pixels)));
  std::int64_t first = 0;
  for (std::size_t part = 0; part < in.size(); ++part) {
    const std::int64_t own = channels[part];
    const float* x = floats(layouts.read(in[part], float_bytes(maps.batch * own * pixels)));
    copy_channels(maps, x, own, y + first * pixels, all, own);
    first += own;
  }
}

Contract ChannelSlice::contract() const {
  JoinAxes axes(maps);
  Contract& contract = axes.contract;
  const AxisId channel = contract.add({"channels", channels, AxisKind::output}),
               one = contract.add({"one channel", 1, AxisKind::none, Cut::never});
  contract.inputs = {{"x", axes.map(Contract::windows(channel, one, 1, -first, all))}};
  contract.outputs = {{"y", axes.map(contract.along(channel))}};
  contract.elementwise = contract.outputs[0].elements();
  contract.zero_with = 0;
  return contract;
}
ChannelSlice ChannelSlice::on_boxes(Boxes in, Boxes out, bool) const {
  const Range wanted{out[0][1].begin + first, out[0][1].end + first};
  require(same_but_channels(in[0], out[0]), "a slice and its source differ");
  require(in[0][1].begin <= wanted.begin && wanted.end <= in[0][1].end,
          "channels of a slice are missing");
  return {part_of(maps, out[0]), wanted.begin - in[0][1].begin, wanted.size(), in[0][1].size()};
}

void ChannelSlice::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  const std::int64_t pixels = maps.height * maps.width;
  const float* x = floats(layouts.read(in[0], float_bytes(maps.batch * all * pixels)));
  float* y = floats(layouts.write(out[0], float_bytes(maps.batch * channels * pixels)));
  copy_channels(maps, x + first * pixels, all, y, channels, channels);
}

}  // namespace spillway::workloads
