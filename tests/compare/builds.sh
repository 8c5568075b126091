#!/usr/bin/env bash
# usage: tests/compare/builds.sh OLD NEW [EXPERIMENT ...]
# Compares what two builds of spillway print, to the byte: to prove that a change moves no number.
# OLD and NEW are programs, each of its own checkout. Compared are
#   plan --json              every experiment, policy and buffer from 16 KiB to 64 MiB
#   run --no-values --json   every experiment under policy best
#   figure6, rules, items, table1, accuracy, and explore-buffer (CSV and SVG) of every network
# With experiments named, only their plans and runs are. ACCURACY=no leaves accuracy out, which
# takes the longest. Prints a line for each output that differs, and exits with 1 when one does.
set -euo pipefail

(($# >= 2)) || { sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; exit 2; }
old=$(realpath -- "$1") new=$(realpath -- "$2")
shift 2
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
export old new work

# Runs both with the same arguments; what they print, and their exit codes, have to be the same.
compare() {
  local id=$1 side
  shift
  for side in old new; do
    mkdir -p -- "$work/$id.$side"
    (cd -- "$work/$id.$side" && { "${!side}" "$@" >out 2>err; echo $? >code; }) || true
  done
  # Two that crash alike, or are not there, prove nothing: 2 is a refusal, such as a small buffer.
  if (($(cat -- "$work/$id.new/code") > 2)); then
    echo "fails: spillway $*"
  elif diff -rq -- "$work/$id.old" "$work/$id.new" >/dev/null; then
    echo same
  else
    echo "differs: spillway $*"
  fi
  rm -rf -- "$work/$id.old" "$work/$id.new"
}
export -f compare

jobs() {
  local experiment network policy size all=false
  if (($# == 0)); then
    all=true
    set -- "$root"/workloads/experiments/*.yaml
  fi
  for experiment; do
    experiment=$(basename -- "$experiment" .yaml)
    for policy in paper layer best best-recompute; do
      for size in 16KiB 32KiB 64KiB 128KiB 256KiB 512KiB 1MiB 2MiB 4MiB 8MiB 16MiB 32MiB 64MiB; do
        echo "plan $experiment --policy $policy --set device.buffer=$size --json -"
      done
    done
    echo "run $experiment --policy best --no-values --json -"
  done
  $all || return 0
  for network in "$root"/workloads/networks/*.yaml; do
    network=$(basename -- "$network" .yaml)
    echo "explore-buffer $network --csv $network.csv --svg $network.svg"
  done
  echo figure6 --json -
  echo rules --json -
  echo items --json -
  echo table1 --json -
  [[ ${ACCURACY:-yes} == no ]] || echo accuracy --json -
}

jobs "$@" | nl -w1 -s' ' | xargs -P "$(nproc)" -L1 bash -c 'compare "$@"' compare >"$work/report"
grep -v '^same$' "$work/report" || true
printf '%d outputs, %d differ or fail\n' "$(wc -l <"$work/report")" "$(grep -vc '^same$' "$work/report" || true)"
! grep -qv '^same$' "$work/report"
