"""Spillway from Python: the memory traffic of training neural networks on learning hardware.

Experiments, networks and sweeps are given as a path, as the name of a shipped file or as a dict of the
same keys. Results are dicts of the same keys as the program's JSON. Bad input is an InputError that names
file and line, key, what was found and what is allowed.
"""

import json
import os
import pathlib

from . import _spillway
from ._spillway import Error, InputError

__all__ = ["Error", "InputError", "run", "plan", "train", "network", "explore_buffer", "sweep"]
__version__ = _spillway.version()


def _source(given):
    if isinstance(given, dict):
        return _spillway.Source(json.dumps(given), True)  # JSON is YAML
    return _spillway.Source(os.fspath(given), False)


def _overrides(given):
    """A dict {"device.buffer": "1MiB"}, or a list of "key=value"."""
    if given is None:
        return []
    if isinstance(given, dict):
        return [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in given.items()]
    return list(given)


def run(experiment, set=None, values=True):
    """One training step through the device; without values it is counted and timed alone."""
    what = "run" if values else "run --no-values"
    return json.loads(_spillway.command(what, _source(experiment), _overrides(set)))


def plan(experiment, set=None):
    """The planned counts of one training step."""
    return json.loads(_spillway.command("plan", _source(experiment), _overrides(set)))


def train(experiment, set=None):
    """Training through the device, for as many epochs as the experiment says."""
    return json.loads(_spillway.command("train", _source(experiment), _overrides(set)))


def network(network):
    """Shapes and counts, layer by layer."""
    return json.loads(_spillway.network(_source(network)))


def explore_buffer(network, sizes="16KiB..64MiB", batch=100, rules=(), jobs=0):
    """Words against buffer size; 0 jobs: one for each core."""
    return json.loads(_spillway.explore_buffer(_source(network), sizes, batch, list(rules), jobs))


def sweep(sweep, out, jobs=None, retry_failed=False):
    """Do what is missing of a sweep, results in the folder `out`, and return its table.

    Each point is a process that is forked from this one: call it while no other thread runs. A base
    experiment of a dict is looked for from the working folder on.
    """
    out = pathlib.Path(out)
    if isinstance(sweep, dict):
        sweep = dict(sweep)
        base = sweep.get("base")
        if isinstance(base, str) and ("/" in base or base.endswith(".yaml")):
            sweep["base"] = str(pathlib.Path(base).resolve())
        out.mkdir(parents=True, exist_ok=True)
        given = out / "given.yaml"
        given.write_text(json.dumps(sweep, indent=1) + "\n")
        sweep = given
    table = _spillway.sweep(_source(sweep), str(out), jobs or os.cpu_count() or 1, retry_failed)
    if table is None:
        raise KeyboardInterrupt
    return json.loads(table)
