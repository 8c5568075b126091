#!/usr/bin/env bash
# usage: killed_sweep.sh PROGRAM [KILLS]
# Kills a sweep of 200 points at random moments (ten times unless said) and starts it again each time.
# The table has to be that of a sweep that nobody disturbed, no point may be done twice, and no file
# may be half written. Exits with 1 when one of that is not so.
set -euo pipefail
program=$(readlink -f -- "$1") kills=${2:-10}
out=$(mktemp -d)
trap 'rm -rf -- "$out"' EXIT
cd -- "$out"
cat >s.yaml <<'END'
base: mnist-mlp-lel
command: plan
set: [network=mnist-mlp-256]
axes:
  - {key: rule, values: [bp, lel]}
  - {key: policy, values: [layer, best]}
  - {key: batch, range: {from: 10, to: 100, step: 10}}
  - {key: device.buffer, range: {from: 32 KiB, to: 512 KiB, factor: 2}}
metrics: [words, high_water_bytes]
END
"$program" sweep s.yaml --out whole -j 2 >whole.log
grep -q '^200 points: 200 done' whole.log
seconds=$(find whole -printf '%C@\n' | sort -n | sed -n '1p;$p' | paste -sd' ' | awk '{print $2 - $1}')
done=0 failed=0
for ((i = 1; i <= kills; ++i)); do
  "$program" sweep s.yaml --out killed -j 2 >/dev/null 2>&1 &
  process=$!
  sleep "$(awk -v r=$RANDOM -v s="$seconds" -v k="$kills" 'BEGIN {print 0.2 + r / 32768 * 2 * s / k}')"
  kill -KILL $process 2>/dev/null || true
  wait $process 2>/dev/null || true
  sleep 0.2 # the processes of its points end with it
  find killed/points -type f -printf '%f %C@\n' 2>/dev/null | sort >now
  if ((i > 1)) && [[ -n $(comm -23 before now) ]]; then
    echo "a point was done twice, or is gone" && failed=1
  fi
  mv now before
  for file in killed/points/*.json; do
    python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$file" || failed=1
  done
  done=$(wc -l <before)
  echo "kill $i: $done points done"
done
"$program" sweep s.yaml --out killed -j 2 >last.log
head -1 last.log
grep -q "^200 points: $((200 - done)) done, $done there before" last.log || failed=1
"$program" sweep table whole --csv whole.csv >/dev/null
"$program" sweep table killed --csv killed.csv >/dev/null
cmp whole.csv killed.csv || failed=1
[[ -z $(ls killed/unfinished) ]] || failed=1
((failed == 0)) && echo "the same table; nothing done twice, nothing half written"
exit $failed
