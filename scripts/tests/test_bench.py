"""What `make bench` makes of its figures: nothing that was missed may look kept, nothing that is missing may look there."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local import bench_backfill, bench_costs, bench_page

Figures = dict[str, Any]


def run(**changed: Any) -> Figures:
    """A run of ours that kept everything."""
    complete = {"conversations": 100, "conversations_expected": 100, "parts": 800, "parts_expected": 800}
    requests = {"total": 110, "rate_limited": 0, "max_in_window": 60, "share_percent": 99.0}
    return {
        "name": "this bundle",
        "requests": requests | changed.get("requests", {}),
        "seconds": 20.0,
        "complete": complete | changed.get("complete", {}),
        "ended": changed.get("ended"),
    }


class Budgets(unittest.TestCase):
    def test_a_run_within_its_budgets_keeps_them_all(self) -> None:
        self.assertNotIn("missed", bench_backfill.backfill_budgets(run(), 100))

    def test_each_budget_that_is_missed_says_so(self) -> None:
        for missed in (
            run(requests={"total": 123}),
            run(requests={"rate_limited": 1}),
            run(requests={"share_percent": 94.9}),
            run(requests={"share_percent": None}),
            run(complete={"parts": 799}),
        ):
            table = bench_backfill.backfill_budgets(missed, 100)
            self.assertEqual(table.count("**missed**"), 1, table)

    def test_an_event_that_never_came_is_slower_than_every_other(self) -> None:
        measured = {"milliseconds": [1.0] * 9, "late": 1, **{key: run()[key] for key in ("requests", "complete")}}
        table = bench_backfill.live({"live": measured, "between_ms": 1500})
        self.assertIn("**missed**", table)
        self.assertIn("never", table)


class Tables(unittest.TestCase):
    def test_a_peer_that_is_not_installed_has_a_column_that_says_so(self) -> None:
        table = bench_backfill.side_by_side([run()], enforced=True)
        for line in table.splitlines()[2:]:
            self.assertEqual(line.count("not installed"), 2, line)

    def test_a_run_that_was_stopped_says_so(self) -> None:
        self.assertIn(
            "stopped after 9 s", bench_backfill.side_by_side([run(ended="stopped after 9 s")], enforced=False)
        )

    def test_a_bill_is_the_sum_of_its_lines(self) -> None:
        lines = bench_costs.dynamodb(read=8_000_000, write=1_600_000, per=1)
        self.assertEqual([row[2] for row in bench_costs.rows(lines)], ["$1.0000", "$1.0000", "$2.0000"])

    def test_every_part_has_its_place_on_the_page(self) -> None:
        page = bench_page.PAGE.read_text(encoding="utf-8")
        for part in ("", *bench_backfill.PARTS):
            for mark in bench_page.marks(part):
                self.assertEqual(page.count(mark), 1, mark)


if __name__ == "__main__":
    unittest.main()
