"""Only the right processes are killed: those of one function, started by this run's local AWS."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local import kills

LISTING = """
  100   100 python ministack PATH=/bin
  101   100 /tmp/code/bootstrap AWS_LAMBDA_FUNCTION_NAME=stack-EnrichFunction-1 HOME=/root
 1020   100 /tmp/code/bootstrap HOME=/root AWS_LAMBDA_FUNCTION_NAME=stack-EnrichFunction-1
  103   100 /tmp/code/bootstrap AWS_LAMBDA_FUNCTION_NAME=stack-EnrichFunction-12
  104   100 /tmp/code/bootstrap AWS_LAMBDA_FUNCTION_NAME=stack-BackfillFunction-1
  105  2100 /tmp/code/bootstrap AWS_LAMBDA_FUNCTION_NAME=stack-EnrichFunction-1
"""


class Processes(unittest.TestCase):
    def test_processes_are_those_of_the_function_in_the_group(self) -> None:
        self.assertEqual(kills.processes_of(LISTING, 100, "stack-EnrichFunction-1"), [101, 1020])
        self.assertEqual(kills.processes_of(LISTING, 100, "stack-BackfillFunction-1"), [104])

    def test_nothing_is_found_in_nothing(self) -> None:
        self.assertEqual(kills.processes_of("", 100, "stack-EnrichFunction-1"), [])
        self.assertEqual(kills.processes_of(LISTING, 999, "stack-EnrichFunction-1"), [])


if __name__ == "__main__":
    unittest.main()
