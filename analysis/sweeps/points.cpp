#include "analysis/sweeps/points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "workloads/support/error.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::analysis {

namespace {

constexpr std::uint64_t most_points = 1'000'000'000'000'000;

bool is_grid(const Sweep& sweep, const PointSpace& space) {
  return sweep.search.method == SearchMethod::grid || sweep.search.points >= space.size();
}

/// A dimension that does not apply counts as its first value: once, not once for each.
bool is_first_of_its_kind(const Choice& drawn, const Choice& applied) {
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    if (applied[i] == no_choice && drawn[i] != 0) return false;
  }
  return true;
}

}  // namespace

PointSpace::PointSpace(const Sweep& sweep) : sweep_(sweep) {
  for (const Dimension& dimension : sweep.dimensions) {
    if (size_ > most_points / dimension.size()) {
      throw workloads::InputError(fmt::format(
          "{}: axes: found more than 10^15 points; allowed: fewer values, or fewer axes",
          sweep.file.string()));
    }
    size_ *= dimension.size();
  }
}

Choice PointSpace::at(std::uint64_t index) const {
  Choice choice(sweep_.dimensions.size());
  for (std::size_t i = choice.size(); i-- > 0;) {
    choice[i] = static_cast<std::uint32_t>(index % sweep_.dimensions[i].size());
    index /= sweep_.dimensions[i].size();
  }
  return choice;
}

Choice PointSpace::applied(Choice choice) const {
  for (std::size_t i = 0; i < choice.size(); ++i) {
    const std::optional<Condition>& when = sweep_.dimensions[i].when;
    // Conditions name earlier dimensions alone, which are settled.
    if (when && !when->holds([&](const std::string& name) { return value_of(name, choice); })) {
      choice[i] = no_choice;
    }
  }
  return choice;
}

bool PointSpace::is_wanted(const Choice& applied) const {
  return std::ranges::all_of(sweep_.when, [&](const Condition& when) {
    return when.holds([&](const std::string& name) { return value_of(name, applied); });
  });
}

std::optional<Quantity> PointSpace::value_of(const std::string& name, const Choice& choice) const {
  for (std::size_t i = 0; i < choice.size(); ++i) {
    for (const Axis& axis : sweep_.dimensions[i].axes) {
      if (axis.name != name) continue;
      if (choice[i] == no_choice) return std::nullopt;
      return axis.values[choice[i]].shown;
    }
  }
  return std::nullopt;
}

std::vector<const AxisValue*> PointSpace::values(const Choice& choice) const {
  std::vector<const AxisValue*> values;
  for (std::size_t i = 0; i < choice.size(); ++i) {
    for (const Axis& axis : sweep_.dimensions[i].axes) {
      values.push_back(choice[i] == no_choice ? nullptr : &axis.values[choice[i]]);
    }
  }
  return values;
}

std::vector<workloads::Assignment> PointSpace::assignments(const Choice& choice) const {
  std::vector<workloads::Assignment> assignments = sweep_.set;
  for (std::size_t i = 0; i < choice.size(); ++i) {
    if (choice[i] == no_choice) continue;
    for (const Axis& axis : sweep_.dimensions[i].axes) {
      const AxisValue& value = axis.values[choice[i]];
      for (const auto& [key, text] : value.set) {
        assignments.emplace_back(key + "=" + text, value.where);
      }
    }
  }
  return assignments;
}

void for_each_point(const Sweep& sweep, const std::function<bool(const Choice&)>& take) {
  const PointSpace space(sweep);
  if (is_grid(sweep, space)) {
    for (std::uint64_t i = 0; i < space.size(); ++i) {
      const Choice drawn = space.at(i);
      const Choice applied = space.applied(drawn);
      if (!is_first_of_its_kind(drawn, applied) || !space.is_wanted(applied)) continue;
      if (!take(applied)) return;
    }
    return;
  }
  workloads::SplitMix random(sweep.search.seed);
  std::set<Choice> seen;
  // Where conditions leave out nearly everything there may be fewer points than were asked for.
  const std::uint64_t most_draws = 100 * sweep.search.points + 10'000;
  for (std::uint64_t i = 0; i < most_draws && seen.size() < sweep.search.points; ++i) {
    const Choice applied = space.applied(space.at(random.below(space.size())));
    if (!space.is_wanted(applied) || !seen.insert(applied).second) continue;
    if (!take(applied)) return;
  }
}

}  // namespace spillway::analysis
