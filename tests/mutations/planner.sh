#!/usr/bin/env bash
# Do the tests notice a broken planner? Ten faults, one at a time, are built into a copy of a
# checkout; each has to fail a test of tests/sim/. Prints which, and exits with 1 if a fault passes
# them all.
#
#   tests/mutations/planner.sh [CHECKOUT]    (this one unless said; a work folder is made and removed)
set -euo pipefail
checkout=$(cd -- "${1:-$(dirname -- "${BASH_SOURCE[0]}")/../..}" && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

git -C "$checkout" ls-files -z | tar -C "$checkout" --null -T - -cf - | tar -C "$work" -xf -
build() { cmake --build "$work/build" --target spillway_tests >"$work/log" 2>&1; }
cmake -S "$work" -B "$work/build" -G Ninja >/dev/null
build || { tail -20 "$work/log" >&2; exit 2; }

# The test of the first error: a log has the names of tests, too, that only have something to say.
first_failure() {
  awk '/^TEST CASE: /{sub(/^TEST CASE: */, ""); name = $0} /ERROR: /{print name; exit}' "$1"
}

# name @ file in sim/plan @ text that is there once @ what takes its place
faults=(
  'refetches are not counted@mapping/nest_shape.cpp@return {visits, last};@return {1, last};'
  'partial sums are not stored@mapping/nest_shape.cpp@return {visits - 1, visits - 1 + last};@return {visits - 1, last};'
  'the last outer tile never rests@mapping/nest_shape.cpp@visits_at_rest(s, some))@visits_[s])'
  'needs of operations add up@mapping/order_search.cpp@most = std::max(most, sum);@most += sum;'
  'a bound on words is too high@mapping/order_search.cpp@if (times != 0) sum += covered(tiles, pattern.innermost) * times;@if (times != 0) sum += covered(tiles, pattern.innermost) * times + 3;'
  'loops of a larger room are the best@mapping/mapping_cache.cpp@return below <= fewest ||@return here != nullptr || below <= fewest ||'
  'a changed tensor leaves unstored@residency/path_search.cpp@const bool dirty = each.dirty || (here && spec.slots[s].changed);@const bool dirty = each.dirty;'
  'what is live overlaps by a word@lifetimes/live_ranges.cpp@if (range.begin >= at + size) break;@if (range.begin + 1 >= at + size) break;'
  'what lasts is not kept apart@mapping/packing.cpp@if (!shape.transient(s)) {@if (shape.visits(s) > 1 && !shape.transient(s)) {'
  'a larger buffer is searched alone@policies/best_schedule.cpp@power(std::bit_floor(buffer_.count()));@power = buffer_;'
)
passed=0
for fault in "${faults[@]}"; do
  IFS='@' read -r name file old new <<<"$fault"
  source=$work/sim/plan/$file
  cp -- "$source" "$work/kept"
  old=$old new=$new perl -0pi -e \
    'my $n = s/\Q$ENV{old}\E/$ENV{new}/g; die "$ARGV: found $n times: $ENV{old}\n" if $n != 1' "$source"
  if ! build; then
    tail -20 "$work/log" >&2
    exit 2
  fi
  if "$work/build/tests/spillway_tests" '--source-file=*tests/sim/*' --abort-after=1 >"$work/log" 2>&1; then
    printf '%-40s passed all tests\n' "$name"
    passed=$((passed + 1))
  else
    printf '%-40s noticed by: %s\n' "$name" "$(first_failure "$work/log")"
  fi
  mv -- "$work/kept" "$source"
  touch -- "$source"
done
printf '%d of %d faults were noticed\n' $((${#faults[@]} - passed)) ${#faults[@]}
[ "$passed" = 0 ]
