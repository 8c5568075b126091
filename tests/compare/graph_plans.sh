#!/bin/sh
# tests/compare/graph_plans.sh PROGRAM [NETWORK…]: plans of large networks from 16 KiB to 64 MiB, at
# every number of blocks and under BP. Policy best has to move no more words than layer, no more in
# a larger buffer, and no fewer than every word once. A line for each that does not; then exit 1.
# resnet18 and mobilenet-v2 unless named; BATCH examples (8), SIZES of buffers.
set -eu
program=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- resnet18 mobilenet-v2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
for network; do
  for policy in layer best; do
    "$program" locality "$network" --batch "${BATCH:-8}" --sizes "${SIZES:-16KiB..64MiB}" \
      --policy "$policy" --csv "$work/$policy.csv" > /dev/null
  done
  awk -F, -v network="$network" '
    FNR == 1 { for (i = 1; i <= NF; ++i) column[$i] = i; next }
    {
      words = $column["words"]; setting = $column["rule"] " " $column["blocks"]
      where = network " " setting " in " $column["buffer_bytes"] ": "
      key = setting " " $column["buffer_bytes"]
    }
    NR == FNR { layer[key] = words; next }
    words == "" { next }
    {
      ++plans
      if (layer[key] != "" && words > layer[key] + 0) fail("more than layer, " layer[key])
      if (setting in before && words > before[setting]) fail("more than in a smaller buffer")
      if (words < $column["once_words"] + 0) fail("fewer than every word once")
      before[setting] = words + 0
    }
    function fail(what) { print where words " words, " what; failed = 1 }
    END { print network ": " plans " plans"; exit failed }
  ' "$work/layer.csv" "$work/best.csv" || status=1
done
exit $status
