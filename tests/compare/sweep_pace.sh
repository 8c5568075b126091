#!/usr/bin/env bash
# usage: sweep_pace.sh PROGRAM
# How fast sweeps go on this machine: 1000 plans of mnist-mlp, and 40 runs without values on one process
# and on two. Prints seconds; wants a machine that does nothing else.
set -euo pipefail
program=$(readlink -f -- "$1")
out=$(mktemp -d)
trap 'rm -rf -- "$out"' EXIT
cd -- "$out"
cat >plans.yaml <<'END'
base: mnist-mlp-lel
command: plan
axes:
  - {key: rule, values: [bp, fa, lel, lel-scfb, lel-tlc]}
  - {key: batch, range: {from: 1, to: 200, step: 1}}
metrics: [words]
END
cat >runs.yaml <<'END'
base: mnist-mlp-bp
command: run --no-values
set: [policy=best]
axes:
  - {key: rule, values: [bp, lel]}
  - {key: device.buffer, range: {from: 128 KiB, to: 2560 KiB, step: 128 KiB}}
metrics: [words, time_ms]
END
seconds() {
  local begin end
  begin=$(date +%s.%N)
  "$program" sweep "$@" >/dev/null
  end=$(date +%s.%N)
  awk -v a="$begin" -v b="$end" 'BEGIN {printf "%.1f", b - a}'
}
echo "1000 plans of mnist-mlp, -j 2: $(seconds plans.yaml --out plans -j 2) s"
one=$(seconds runs.yaml --out one -j 1)
two=$(seconds runs.yaml --out two -j 2)
echo "40 runs: $one s with -j 1, $two s with -j 2: $(awk -v a="$one" -v b="$two" 'BEGIN {printf "%.2f", a / b}') times as fast"
