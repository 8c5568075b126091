#include "workloads/kernels/contract.hpp"

#include <algorithm>

namespace spillway::workloads {

std::uint64_t Operand::elements() const {
  std::uint64_t product = 1;
  for (const Index& index : map) product *= static_cast<std::uint64_t>(index.extent);
  return product;
}

Operand Operand::named(std::string_view other) const {
  Operand result = *this;
  result.name = other;
  return result;
}
Operand Operand::summed(std::string_view other) const {
  Operand result = named(other);
  result.join = Join::add;
  return result;
}

AxisId Contract::add(const Axis& axis) {
  axes.push_back(axis);
  return static_cast<AxisId>(axes.size() - 1);
}

void Contract::keep(Operand& operand, AxisKind along) {
  operand.kept = true;
  for (std::size_t a = 0; a < axes.size(); ++a) {
    if (axes[a].kind == along) kept_along = static_cast<AxisId>(a);
  }
}

Index Contract::whole(std::int64_t extent) { return {Index::Form::whole, extent, 0, {}}; }

Index Contract::along(AxisId axis) const {
  return {Index::Form::axis, axes[axis].extent, 0, {{{axis, 1}, {}}}};
}

Index Contract::in_groups(AxisId group, AxisId axis) const {
  if (axes[group].extent == 1) return along(axis);
  const std::int64_t each = axes[axis].extent;
  return {Index::Form::groups, axes[group].extent * each, 0, {{{group, each}, {axis, 1}}}};
}

Index Contract::windows(AxisId place, AxisId tap, std::int64_t stride, std::int64_t padding,
                        std::int64_t extent) {
  return {Index::Form::windows, extent, -padding, {{{place, stride}, {tap, 1}}}};
}

std::size_t Contract::required_inputs() const {
  return static_cast<std::size_t>(std::ranges::count(inputs, false, &Operand::optional));
}
std::size_t Contract::required_outputs() const {
  return static_cast<std::size_t>(std::ranges::count(outputs, false, &Operand::optional));
}

bool Contract::is_product() const {
  return std::ranges::any_of(axes, [](const Axis& axis) { return axis.side != Side::none; });
}

std::int64_t Contract::points_joined() const {
  std::int64_t points = 1;
  for (std::size_t a = 0; a < axes.size(); ++a) {
    const bool follows = std::ranges::any_of(outputs[0].map, [&](const Index& index) {
      return !index.is(Index::Form::whole) && index.moving() == a;
    });
    if (!follows) points *= axes[a].extent;
  }
  return points;
}

bool Contract::has_windows() const {
  const auto windowed = [](const Operand& operand) {
    return std::ranges::any_of(operand.map,
                               [](const Index& index) { return index.is(Index::Form::windows); });
  };
  return std::ranges::any_of(inputs, windowed) || std::ranges::any_of(outputs, windowed);
}

}  // namespace spillway::workloads
