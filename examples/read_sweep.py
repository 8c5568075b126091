"""Reads the table of a sweep with pandas and draws one figure with matplotlib.

    spillway sweep smoke --out smoke
    python3 read_sweep.py smoke/sweep.csv words.png
"""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

source, target = sys.argv[1:]
table = pd.read_csv(source)
done = table[table["status"] == "done"]
figure, axes = plt.subplots(figsize=(7, 4.5))
for (rule, policy), rows in done.groupby(["rule", "policy"]):
    rows = rows.sort_values("buffer")
    axes.plot(rows["buffer"] / 1024, rows["words"] / 1e6, marker="o", label=f"{rule}, {policy}")
axes.set_xscale("log", base=2)
axes.set_xlabel("buffer, KiB")
axes.set_ylabel("words of a training step, millions")
axes.legend()
figure.tight_layout()
figure.savefig(target, dpi=150)
print(done.loc[done["words"].idxmin(), ["rule", "policy", "buffer", "words"]].to_string())
