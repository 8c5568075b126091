"""Time one training step of the Spillway networks in PyTorch.

A side tool: a familiar reference for the simulator's step times.  It times one
full step on random float32 data (zero_grad, forward, softmax cross-entropy,
backward, SGD with Nesterov momentum 0.9) for two learning rules:

  bp   a trained readout and ordinary back-propagation;
  lel  local errors: every layer's input is detached, and its error comes
       from a fixed random classifier of its own (pooled) output.

JSON goes to stdout, progress to stderr.  The BLAS decides the fully connected
layers' speed: Debian's torch uses the system's libblas.so.3, and the reference
one (libblas3) is many times slower than OpenBLAS (libopenblas0-openmp), which
may in turn need OPENBLAS_CORETYPE (say SkylakeX) on a CPU it does not know.
"""
import argparse
import json
import os
import statistics
import sys
import time

# Spinning OpenMP threads stall for a time slice when the cores are shared.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

CLASSES = 10
TEN = "64 64 P 128 128 P 256 256 P 512 512 P 512 512 P".split()  # P: pool
# Measured, two threads, channels-last over contiguous step time (bp, lel):
# cifar10-5layer 0.81, 0.80; cifar10-10layer 1.00, 1.04.
CHANNELS_LAST = {"cifar10-5layer"}


def fc(n_in, n_out, norm):
    """Fully connected layer with ReLU; no bias where batch-norm follows."""
    after = nn.BatchNorm1d(n_out) if norm else nn.Identity()
    return nn.Sequential(nn.Flatten(), nn.Linear(n_in, n_out, bias=not norm),
                         after, nn.ReLU(inplace=True))


def conv(n_in, n_out, size, pool=None):
    """Same-padded convolution, batch-norm, ReLU and perhaps a max-pool."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(n_out), nn.ReLU(inplace=True), pool or nn.Identity())


def mnist_mlp():
    sizes = [784, 1000, 1000, 1000]
    return [fc(i, o, norm=False) for i, o in zip(sizes, sizes[1:])]


def cifar10_5layer():
    maps = [3, 96, 128, 256]
    convs = [conv(i, o, 5, nn.MaxPool2d(3, 2, padding=1))
             for i, o in zip(maps, maps[1:])]
    return convs + [fc(256 * 4 * 4, 2048, True), fc(2048, 2048, True)]


def cifar10_10layer():
    layers, n_in = [], 3
    for item, after in zip(TEN, TEN[1:] + [""]):
        if item != "P":
            pool = nn.MaxPool2d(2) if after == "P" else None
            layers.append(conv(n_in, int(item), 3, pool))
            n_in = int(item)
    return layers


NETWORKS = {"mnist-mlp": (mnist_mlp, (1, 28, 28)),
            "cifar10-5layer": (cifar10_5layer, (3, 32, 32)),
            "cifar10-10layer": (cifar10_10layer, (3, 32, 32))}


def make_step(name, rule, batch):
    """Return a function that does one training step."""
    build, shape = NETWORKS[name]
    layers = nn.ModuleList(build())
    x, labels = torch.rand(batch, *shape), torch.randint(CLASSES, (batch,))
    if name in CHANNELS_LAST:
        layers = layers.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    with torch.no_grad():  # output sizes, to build the classifiers
        widths, h = [], x
        for layer in layers:
            h = layer(h)
            widths.append(h[0].numel())
    fixed = [(torch.rand(CLASSES, n) * 2 - 1) / n ** 0.5 for n in widths]
    parameters = list(layers.parameters())
    if rule == "bp":
        readout = nn.Linear(widths[-1], CLASSES)
        parameters += readout.parameters()
    optimizer = torch.optim.SGD(parameters, 0.01, 0.9, nesterov=True)

    def bp():
        optimizer.zero_grad(set_to_none=True)
        h = x
        for layer in layers:
            h = layer(h)
        F.cross_entropy(readout(h.flatten(1)), labels).backward()
        optimizer.step()

    def lel():
        optimizer.zero_grad(set_to_none=True)
        h = x
        for layer, matrix in zip(layers, fixed):
            h = layer(h)
            F.cross_entropy(F.linear(h.flatten(1), matrix), labels).backward()
            h = h.detach()  # frees this layer's graph before the next one
        optimizer.step()

    return bp if rule == "bp" else lel


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--rules", default="bp,lel")
    args = parser.parse_args()
    networks, rules = args.networks.split(","), args.rules.split(",")
    if set(networks) - set(NETWORKS) or set(rules) - {"bp", "lel"}:
        parser.error("unknown network or rule")
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    rows = []
    for name in networks:
        for rule in rules:
            step = make_step(name, rule, args.batch)
            runs = []
            for _ in range(2 + args.repeats):  # the first two warm up
                start = time.perf_counter()
                step()
                runs.append(round((time.perf_counter() - start) * 1e3, 3))
            runs, median = runs[2:], statistics.median(runs[2:])
            rows.append({"network": name, "rule": rule, "median_ms": median,
                         "min_ms": min(runs), "runs_ms": runs})
            print(name, rule, median, "ms", file=sys.stderr)
    print(json.dumps({"torch": torch.__version__, "threads": args.threads,
                      "batch": args.batch, "rows": rows}))


if __name__ == "__main__":
    main()
