// Figures of a sweep, and the page that shows all of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/sweeps/sweep_table.hpp"

namespace spillway::analysis {

enum class FigureKind { lines, heat_map, scatter };
inline constexpr workloads::Names<FigureKind, 3> figure_kind_names{{
    {FigureKind::lines, "lines"},
    {FigureKind::heat_map, "heat-map"},
    {FigureKind::scatter, "scatter"},
}};

/// What a figure shows. Of lines and heat maps x (and y) are axes and `value` a metric, of a
/// scatter x and y are metrics; `series` is an axis that gives colours, or "".
struct FigureRequest {
  FigureKind kind = FigureKind::lines;
  std::string x, y, value, series;
};

/// Fills in what a request leaves open from the sweep's axes, metrics and objectives. Throws
/// InputError for a name that is none, with the option that gave it.
FigureRequest complete(const SweepTable& table, std::optional<FigureKind> kind,
                       FigureRequest request);

/// As SVG. Where several points share a place, lines and heat maps show the best of them and say
/// so. Throws InputError when no point has what is to be shown.
std::string figure_svg(const SweepTable& table, const FigureRequest& request);

/// A page that needs nothing else: a table to sort, parallel coordinates, and the settings of the
/// point below the pointer.
std::string sweep_page(const SweepTable& table);

}  // namespace spillway::analysis
