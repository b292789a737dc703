#!/usr/bin/env python3
"""folder_order.py finds what it is there to find, in small trees of sources."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().with_name("folder_order.py")


class FolderOrder(unittest.TestCase):
    def run_on(self, files, *flags):
        """The exit status and the output for a tree with these files, {path: [what it includes]}."""
        with tempfile.TemporaryDirectory() as root:
            for path, included in files.items():
                file = pathlib.Path(root, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                lines = ["#pragma once", *(f'#include "{name}"' for name in included)]
                file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            run = subprocess.run([sys.executable, SCRIPT, *flags, root], capture_output=True, text=True, check=False)
            self.assertEqual(run.stderr, "")
            return run.returncode, run.stdout

    def test_includes_downwards_and_in_a_room_are_right(self):
        status, output = self.run_on({
            "cli/train.cpp": ["trainer/train.h", "runtime/network/zoo.h", "data/loader.h", "cli/version.h"],
            "runtime/network/zoo.h": ["runtime/ops/layout.h", "runtime/network/description.h", "kernels/sources.h"],
            "runtime/cascade/pipeline/lane.h": ["runtime/cascade/model.h"],
            "runtime/cascade/executor.h": ["runtime/cascade/pipeline/lane.h"],
            "kernels/pool.cl": ["common.h"],
        })
        self.assertEqual((status, output), (0, "no include goes against the order of the folders\n"))

    def check_wrong(self, file, included, text):
        status, output = self.run_on({file: ["vector.h", included]})
        self.assertEqual((status, output), (1, f"{file}:3: {text} ({included})\n"))

    def test_an_include_of_a_room_above_is_told_with_file_line_and_rooms(self):
        self.check_wrong("runtime/ops/pool.h", "runtime/network/lowering.h",
                         "runtime/ops must not include runtime/network")
        self.check_wrong("runtime/tuning/tuning.cpp", "runtime/opencl/device.h",
                         "runtime/tuning must not include runtime/opencl")
        self.check_wrong("runtime/cascade/policies/margin.cpp", "runtime/study/answers/accuracy.h",
                         "runtime/cascade must not include runtime/study/answers")
        self.check_wrong("data/files/archive.h", "data/dataset.h", "data/files must not include data")
        self.check_wrong("cli/output.h", "cli/report/page.h", "cli must not include cli/report")

    def test_an_include_of_a_top_folder_above_or_beside_is_wrong(self):
        self.check_wrong("data/loader.h", "runtime/statistics.h", "data must not include runtime")
        self.check_wrong("runtime/energy/meter.h", "trainer/train.h", "runtime/energy must not include trainer")
        self.check_wrong("trainer/train.cpp", "cli/output.h", "trainer must not include cli")
        self.check_wrong("kernels/pool.cl", "data/loader.h", "kernels must not include data")

    def test_a_source_that_includes_tests_is_wrong(self):
        self.check_wrong("trainer/train.cpp", "tests/support/training.h", "trainer must not include tests")

    def test_the_table_counts_lines_and_names_two_way_streets(self):
        status, output = self.run_on({
            "runtime/ops/conv.h": ["runtime/network/zoo.h", "data/loader.h"],
            "runtime/network/zoo.h": ["runtime/ops/conv.h"],
            "data/loader.h": [],
        }, "--table")
        self.assertEqual(status, 0)
        self.assertRegex(output, r"runtime/ops +1 +3 +data 1, runtime/network 1\n")
        self.assertIn("two-way streets:\nruntime/network -> runtime/ops: 1, back: 1\n", output)


if __name__ == "__main__":
    unittest.main()
