"""What Python users rely on. Run by ctest of the preset `python`."""

import os
import pathlib
import tempfile
import unittest

import spillway

EXPERIMENT = {
    "network": {"input": [2, 6, 6], "classes": 3, "layers": [{"type": "conv", "out": 4, "kernel": 3}, {"type": "fc", "out": 10}]},
    "rule": "bp",
    "device": {"base": "paper", "buffer": "16 KiB"},
    "batch": 4,
    "policy": "best",
    "data": {"base": "random", "train": 16, "test": 8},
}


class SpillwayTest(unittest.TestCase):
    def test_a_run_counts_what_its_plan_says(self):
        plan, run = spillway.plan(EXPERIMENT), spillway.run(EXPERIMENT)
        self.assertEqual(plan["dram"]["read_words"], run["dram"]["read_words"])
        self.assertTrue(run["planned_agrees"])
        self.assertGreater(run["time_ns"], 0)
        counted = spillway.run(EXPERIMENT, values=False)
        self.assertEqual(counted["time_ns"], run["time_ns"])
        self.assertFalse(counted["values_computed"])

    def test_overrides_are_a_dict_or_a_list(self):
        by_dict = spillway.plan("mnist-mlp-lel", set={"batch": 7, "device.buffer": "64MiB"})
        by_list = spillway.plan("mnist-mlp-lel", set=["batch=7", "device.buffer=64MiB"])
        self.assertEqual(by_dict, by_list)
        self.assertEqual(by_dict["batch"], 7)

    def test_bad_input_names_place_and_what_is_allowed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "e.yaml"
            path.write_text("network: mnist-mlp\nrule: bpp\ndevice: paper\nbatch: 1\n")
            with self.assertRaises(spillway.InputError) as raised:
                spillway.plan(path)
            self.assertIn("e.yaml:2: rule: found \"bpp\"", str(raised.exception))
            self.assertIn("allowed: bp", str(raised.exception))
        self.assertTrue(issubclass(spillway.InputError, spillway.Error))
        with self.assertRaises(spillway.InputError):
            spillway.plan(EXPERIMENT, set={"device.bufer": 1})

    def test_networks_and_explorations(self):
        self.assertEqual(spillway.network("mnist-mlp")["network"], "mnist-mlp")
        explored = spillway.explore_buffer("mnist-mlp-256", sizes="64KiB,1MiB", rules=["lel"])
        self.assertEqual(explored["network"], "mnist-mlp-256")

    def test_training_gives_accuracy(self):
        trained = spillway.train(EXPERIMENT, set={"training.epochs": 2})
        self.assertEqual(len(trained["epochs"]), 2)

    def test_a_sweep_gives_its_table_and_goes_on(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            sweep = {
                "base": "mnist-mlp-lel",
                "command": "plan",
                "set": ["network=mnist-mlp-256"],
                "axes": [{"key": "rule", "values": ["bp", "lel"]}, {"key": "batch", "values": [10, 20]}],
                "metrics": ["words"],
                "objectives": ["words"],
            }
            table = spillway.sweep(sweep, "out", jobs=2)
            self.assertEqual([p["status"] for p in table["points"]], ["done"] * 4)
            self.assertEqual(table["points"][3]["settings"], {"rule": "lel", "batch": 20})
            alone = spillway.plan("mnist-mlp-lel", set=["network=mnist-mlp-256", "rule=lel", "batch=20"])
            self.assertEqual(
                table["points"][3]["metrics"]["words"], alone["dram"]["read_words"] + alone["dram"]["write_words"]
            )
            before = {p: p.stat().st_mtime_ns for p in pathlib.Path("out/points").iterdir()}
            self.assertEqual(spillway.sweep(sweep, "out"), table)
            self.assertEqual(before, {p: p.stat().st_mtime_ns for p in pathlib.Path("out/points").iterdir()})
            os.chdir("/")


if __name__ == "__main__":
    unittest.main()
