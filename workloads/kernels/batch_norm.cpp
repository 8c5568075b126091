#include "workloads/kernels/batch_norm.hpp"

#include "workloads/kernels/boxes.hpp"

namespace spillway::workloads {

namespace {

/// Axes, maps [examples, channels, rows, columns] and pairs of channel values [2, channels].
/// Channels may always be cut; the rest only where no sum runs along it, or where a second visit
/// adds to the first.
struct NormMaps {
  Contract contract;
  AccessMap map, channels;

  NormMaps(const NormGeometry& g, Cut cut) {
    const AxisId batch = contract.add({"examples", g.batch, AxisKind::example, cut}),
                 channel = contract.add({"channels", g.channels, AxisKind::output}),
                 row = contract.add({"rows", g.height, AxisKind::row, cut}),
                 column = contract.add({"columns", g.width, AxisKind::column, cut});
    map = {contract.along(batch), contract.along(channel), contract.along(row),
           contract.along(column)};
    channels = {Contract::whole(2), contract.along(channel)};
    contract.elementwise = static_cast<std::uint64_t>(g.batch * g.channels * g.height * g.width);
  }

  Operand of_map(std::string_view name) const { return {name, map}; }
  Operand of_channels(std::string_view name) const { return {name, channels}; }
  /// Made of all values of a channel.
  Operand complete(std::string_view name) const {
    Operand operand = of_channels(name);
    operand.complete = true;
    return operand;
  }
  Operand sums(std::string_view name, Join join) const {
    Operand operand = of_channels(name);
    operand.join = join;
    return operand;
  }
};

std::int64_t values_of(const NormGeometry& g) { return g.batch * g.height * g.width; }

NormGeometry maps_of(const Box& box) {
  return {box[0].size(), box[1].size(), box[2].size(), box[3].size()};
}

void require_channels(const Box& channels, const Box& of_maps) {
  require(channels[0] == all_of(2) && channels[1] == of_maps[1],
          "channel operands are not those of the maps");
}

NormGeometry whole_channels(const NormGeometry& g, const Box& x) {
  const NormGeometry shape = maps_of(x);
  require(shape.batch == g.batch && shape.height == g.height && shape.width == g.width,
          "batch-norm in one go needs all examples, rows and columns");
  return shape;
}

/// x and two channel operands -> z.
NormGeometry normalised(Boxes in, Boxes out) {
  require_same(in[0], out[0]);
  require_channels(in[1], in[0]);
  require_channels(in[2], in[0]);
  return maps_of(in[0]);
}

}  // namespace

Contract BatchNorm::contract() const {
  NormMaps maps(shape, Cut::never);
  maps.contract.inputs = {maps.of_map("x"), maps.of_channels("norm"), maps.of_channels("running")};
  maps.contract.outputs = {maps.of_map("z"), maps.of_channels("statistics"),
                           maps.of_channels("running")};
  maps.contract.elementwise *= 2;  // statistics, then values
  maps.contract.repeatable = false;
  return maps.contract;
}
BatchNorm BatchNorm::on_boxes(Boxes in, Boxes out, bool) const {
  require_same(in[0], out[0]);
  for (const Box* channels : {&in[1], &in[2], &out[1], &out[2]}) require_channels(*channels, in[0]);
  return {whole_channels(shape, in[0])};
}
std::vector<KernelPhase> BatchNorm::phases() const {
  const OperandId x{false, 0}, norm{false, 1}, running{false, 2}, z{true, 0}, statistics{true, 1};
  return {{NormStatistics{shape, 0}, {x}, {statistics}},
          {NormRunning{shape.channels, values_of(shape)}, {statistics, running}, {running}},
          {NormApply{shape}, {x, norm, statistics}, {z}}};
}

Contract BatchNormInference::contract() const {
  NormMaps maps(shape, Cut::freely);
  maps.contract.inputs = {maps.of_map("x"), maps.of_channels("norm"), maps.of_channels("running")};
  maps.contract.outputs = {maps.of_map("z")};
  return maps.contract;
}
BatchNormInference BatchNormInference::on_boxes(Boxes in, Boxes out, bool) const {
  return {normalised(in, out)};
}

Contract BatchNormError::contract() const {
  NormMaps maps(shape, Cut::never);
  maps.contract.inputs = {maps.of_map("dz"), maps.of_map("x"), maps.of_channels("statistics"),
                          maps.of_channels("norm")};
  maps.contract.outputs = {maps.of_map("dx"), maps.of_channels("dnorm")};
  maps.contract.elementwise *= 2;  // sums, then errors
  return maps.contract;
}
BatchNormError BatchNormError::on_boxes(Boxes in, Boxes out, bool) const {
  require_same(in[0], in[1]);
  require_same(in[0], out[0]);
  for (const Box* channels : {&in[2], &in[3], &out[1]}) require_channels(*channels, in[0]);
  return {whole_channels(shape, in[0])};
}
std::vector<KernelPhase> BatchNormError::phases() const {
  const OperandId dz{false, 0}, x{false, 1}, statistics{false, 2}, norm{false, 3}, dx{true, 0},
      dnorm{true, 1};
  return {{NormErrorSums{shape, false}, {dz, x, statistics}, {dnorm}},
          {NormErrorApply{shape, values_of(shape)}, {dz, x, statistics, norm, dnorm}, {dx}}};
}

Contract NormStatistics::contract() const {
  NormMaps maps(shape, Cut::freely);
  maps.contract.inputs = {maps.of_map("x")};
  maps.contract.outputs = {maps.sums("statistics", Join::merge)};
  return maps.contract;
}
NormStatistics NormStatistics::on_boxes(Boxes in, Boxes out, bool merges) const {
  require_channels(out[0], in[0]);
  require(!merges || before > 0, "nobody said how many values came before");
  return {maps_of(in[0]), merges ? before : 0};
}

Contract NormRunning::contract() const {
  Contract contract;
  const AxisId channel = contract.add({"channels", channels, AxisKind::output});
  const AccessMap map{Contract::whole(2), contract.along(channel)};
  contract.inputs = {{"statistics", map}, {"running", map}};
  contract.inputs[0].complete = true;
  contract.outputs = {{"running", map}};
  contract.elementwise = contract.outputs[0].elements();
  contract.repeatable = false;
  return contract;
}
NormRunning NormRunning::on_boxes(Boxes in, Boxes out, bool) const {
  require_same(in[0], in[1]);
  require_same(in[0], out[0]);
  require(in[0][0] == all_of(2), "means and variances are apart");
  return {in[0][1].size(), values};
}

Contract NormApply::contract() const {
  NormMaps maps(shape, Cut::freely);
  maps.contract.inputs = {maps.of_map("x"), maps.of_channels("norm"), maps.complete("statistics")};
  maps.contract.outputs = {maps.of_map("z")};
  return maps.contract;
}
NormApply NormApply::on_boxes(Boxes in, Boxes out, bool) const { return {normalised(in, out)}; }

Contract NormErrorSums::contract() const {
  NormMaps maps(shape, Cut::freely);
  maps.contract.inputs = {maps.of_map("dz"), maps.of_map("x"), maps.complete("statistics")};
  maps.contract.outputs = {maps.sums("dnorm", Join::add)};
  return maps.contract;
}
NormErrorSums NormErrorSums::on_boxes(Boxes in, Boxes out, bool adds) const {
  require_same(in[0], in[1]);
  require_channels(in[2], in[0]);
  require_channels(out[0], in[0]);
  return {maps_of(in[0]), adds};
}

Contract NormErrorApply::contract() const {
  NormMaps maps(shape, Cut::freely);
  maps.contract.inputs = {maps.of_map("dz"), maps.of_map("x"), maps.complete("statistics"),
                          maps.of_channels("norm"), maps.complete("dnorm")};
  maps.contract.outputs = {maps.of_map("dx")};
  return maps.contract;
}
NormErrorApply NormErrorApply::on_boxes(Boxes in, Boxes out, bool) const {
  require_same(in[0], in[1]);
  require_same(in[0], out[0]);
  for (std::size_t i = 2; i < 5; ++i) require_channels(in[i], in[0]);
  return {maps_of(in[0]), total};
}

}  // namespace spillway::workloads
