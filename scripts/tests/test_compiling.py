"""How far the compiling is, and how that is told."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local import compiling


class Compiling(unittest.TestCase):
    """Cargo's messages, the count, the minutes left."""

    def progress(self) -> compiling.Progress:
        """Two builds that share a package."""
        packages = [frozenset({"tokio@1.0.0", "aws-sdk-dynamodb@1.0.0"}), frozenset({"tokio@1.0.0", "webhook@0.1.0"})]
        return compiling.Progress(packages, began=0.0)

    def test_a_package_counts_once_for_each_build_it_takes_part_in(self) -> None:
        progress = self.progress()
        self.assertEqual(progress.count(), (0, 4))
        for _ in range(2):
            progress.finish(0, "tokio@1.0.0", fresh=False)
        progress.finish(0, "somebody-else@1.0.0", fresh=False)
        self.assertEqual(progress.count(), (1, 4))
        progress.finish(1, "tokio@1.0.0", fresh=True)
        self.assertEqual(progress.count(), (2, 4))

    def test_the_time_left_goes_by_what_is_still_to_be_compiled_and_not_by_what_a_build_before_has_made(self) -> None:
        progress = self.progress()
        self.assertIsNone(progress.seconds_left(10.0), "nothing is known at the start")
        progress.finish(0, "tokio@1.0.0", fresh=False)
        # Five seconds' worth took ten: what is left, dynamodb and webhook, takes twice its weight.
        left = compiling.weight("aws-sdk-dynamodb@1.0.0") + compiling.weight("webhook@0.1.0")
        self.assertEqual(progress.seconds_left(10.0), left * 2)
        progress.finish(0, "aws-sdk-dynamodb@1.0.0", fresh=False)
        progress.finish(1, "webhook@0.1.0", fresh=False)
        self.assertEqual(progress.seconds_left(70.0), 0)

    def test_the_line_names_crates_and_minutes(self) -> None:
        progress = self.progress()
        self.assertEqual(progress.line(1.0), "0 of 4 crates compiled")
        progress.finish(0, "tokio@1.0.0", fresh=False)
        self.assertEqual(progress.line(10.0), "1 of 4 crates compiled, about 2 min left")
        self.assertEqual(compiling.left_in_words(20.0), ", less than a minute left")

    def test_cargos_messages_are_read_in_both_spellings_of_a_package(self) -> None:
        target = {"kind": ["lib"]}
        registry = {"package_id": "registry+https://index.example/#serde_json@1.0.154", "fresh": True}
        path = {"package_id": "path+file:///somewhere/crates/store#0.1.0", "fresh": False}
        for message, expected in ((registry, ("serde_json@1.0.154", True)), (path, ("store@0.1.0", False))):
            found = compiling.package_of({"reason": "compiler-artifact", "target": target, **message})
            self.assertEqual(found, expected)
        script = {"reason": "compiler-artifact", "target": {"kind": ["custom-build"]}, **registry}
        self.assertIsNone(compiling.package_of(script), "the build script is not the package")
        self.assertIsNone(compiling.package_of({"reason": "build-script-executed", **registry}))

    def test_the_tree_gives_the_packages(self) -> None:
        tree = "enrich v0.1.0 (/somewhere)\ntokio v1.54.1\nserde_derive v1.0.0 (proc-macro)\n"
        self.assertEqual(compiling.packages_of(tree), {"enrich@0.1.0", "tokio@1.54.1", "serde_derive@1.0.0"})
