"""The benchmark of enrich changes its own part of the page, and nothing else."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local import bench_enrich
from local.bench_enrich import BEGIN, END
from local.console import Failure


class Marks(unittest.TestCase):
    """Where the table goes."""

    def test_the_table_replaces_what_was_between_the_marks(self) -> None:
        page = bench_enrich.between_marks(f"before\n{BEGIN}\nold\n{END}\nafter\n", "| new |\n")
        self.assertTrue(page.startswith(f"before\n{BEGIN}\nMeasured on "))
        self.assertTrue(page.endswith(f"\n\n| new |\n{END}\nafter\n"))
        self.assertNotIn("old", page)

    def test_a_page_without_the_marks_is_left_alone(self) -> None:
        with self.assertRaises(Failure):
            bench_enrich.between_marks("no marks", "| new |\n")


if __name__ == "__main__":
    unittest.main()
