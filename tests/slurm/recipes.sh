#!/usr/bin/env bash
# usage: recipes.sh PROGRAM
# Runs the recipes of docs/sweeps.md for GNU parallel and Snakemake (Debian: parallel, snakemake) as they
# stand there, and compares their table with that of one run. What is not installed is left out and said.
set -euo pipefail
program=$(readlink -f -- "$1")
document=$(readlink -f -- "$(dirname -- "${BASH_SOURCE[0]}")/../../docs/sweeps.md")
out=$(mktemp -d)
trap 'rm -rf -- "$out"' EXIT
cd -- "$out"
mkdir bin
ln -s "$program" bin/spillway
export PATH=$out/bin:$PATH
# The block of the document whose first line begins as given.
block() { awk -v begin="$1" '/^```/ {shown = !shown; first = shown; if (shown) text = ""; else if (found) {printf "%s", text; exit} next}
  shown {if (first && index($0, begin) == 1) found = 1; first = 0; text = text $0 "\n"}' "$document"; }
block '# my-sweep.yaml' >my-sweep.yaml
block '# Snakefile' >Snakefile
block 'parallel ' >parallel.sh
[[ -s my-sweep.yaml && -s Snakefile && -s parallel.sh ]]
spillway sweep my-sweep.yaml --out whole -j 2 | head -1
spillway sweep table whole --csv whole.csv >/dev/null
run=0
if command -v parallel >/dev/null; then
  sh parallel.sh >/dev/null 2>&1
  spillway sweep table results --csv parallel.csv >/dev/null
  cmp whole.csv parallel.csv
  echo "GNU parallel: the same table"
  rm -rf results
  run=$((run + 1))
else
  echo "GNU parallel is not installed"
fi
if command -v snakemake >/dev/null; then
  snakemake --cores 2 >snakemake.log 2>&1 || { cat snakemake.log; exit 1; }
  cmp whole.csv table.csv
  echo "Snakemake: the same table"
  run=$((run + 1))
else
  echo "Snakemake is not installed"
fi
((run > 0)) || exit 77
