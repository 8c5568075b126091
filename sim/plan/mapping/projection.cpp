#include "sim/plan/mapping/projection.hpp"

namespace spillway::sim {

namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) {  // also of negative a
  return a >= 0 ? (a + b - 1) / b : -(-a / b);
}
std::int64_t divide_down(std::int64_t a, std::int64_t b) { return -divide_up(-a, b); }

Range through(const Projection::Stage& s, Range range) {
  if (range.size() <= 0) return {0, 0};
  Range result;
  if (s.inverse) {
    result = {divide_up(range.begin + s.padding - s.kernel + 1, s.stride),
              divide_down(range.end - 1 + s.padding, s.stride) + 1};
    if (range.begin == 0) result.begin = 0;
    if (range.end == s.from) result.end = s.extent;
  } else {
    result = {range.begin * s.stride - s.padding,
              (range.end - 1) * s.stride - s.padding + s.kernel};
  }
  result.begin = std::clamp<std::int64_t>(result.begin, 0, s.extent);
  result.end = std::clamp<std::int64_t>(result.end, result.begin, s.extent);
  return result;
}

}  // namespace

std::string to_string(Axis axis) {
  switch (axis) {
    case Axis::group: return "groups";
    case Axis::example: return "examples";
    case Axis::depth: return "depths";
    case Axis::row: return "rows";
    case Axis::column: return "columns";
    case Axis::output: return "outputs";
    case Axis::input: return "inputs";
  }
  return "?";
}

Range Projection::apply(Range range) const {
  for (std::uint8_t i = 0; i < stages; ++i) range = through(stage[i], range);
  return range;
}

Projection whole(std::int64_t extent) {
  Projection p;
  p.extent = extent;
  return p;
}
Projection along(Axis axis, std::int64_t extent) {
  Projection p;
  p.axis = axis;
  p.extent = extent;
  return p;
}

Range range_of(const Projection& p, const ByAxis<Range>& at) {
  if (!p.axis) return {0, p.extent};
  const Range range = p.apply(at[index(*p.axis)]);
  if (p.per_group == 0) return range;
  const Range group = at[index(Axis::group)];
  return {group.begin * p.per_group + range.begin, (group.end - 1) * p.per_group + range.end};
}

bool is_even_scale(const Projection& p) {
  return p.stages == 0 || (p.stages == 1 && !p.stage[0].inverse && p.stage[0].padding == 0 &&
                           p.stage[0].kernel == p.stage[0].stride &&
                           p.stage[0].extent == p.stage[0].from * p.stage[0].stride);
}

DimensionCut cut(const Projection& p, Range within, std::int64_t tile) {
  DimensionCut result{0, 0, 0};
  Range last{0, 0};
  for_each_range(p, within, tile, [&](Range range) {
    result.largest = std::max(result.largest, range.size());
    result.sum += range.size();
    if (range != last) result.fresh += range.size();
    last = range;
  });
  return result;
}

}  // namespace spillway::sim
