"""The comparison of features as shipped with those under test."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local.features import apart, parse, unexplained

TREE = """enrich v0.1.0 (/somewhere/functions/enrich) []
regex feature "std"
regex v1.13.1 [std,unicode-perl]
tokio v1.54.1 [] (*)
"""


class TestFeatures(unittest.TestCase):
    def test_a_tree_is_read_whatever_else_stands_in_it(self) -> None:
        expected = {
            "enrich 0.1.0": frozenset(),
            "regex 1.13.1": frozenset({"std", "unicode-perl"}),
            "tokio 1.54.1": frozenset(),
        }
        self.assertEqual(parse(TREE), expected)

    def test_what_is_built_for_a_macro_too_does_not_hide_what_the_target_lacks(self) -> None:
        tree = "regex v1.13.1 [std,unicode-case]\nregex v1.13.1 [std]\n"
        self.assertEqual(parse(tree), {"regex 1.13.1": frozenset({"std"})})
        self.assertEqual(parse(tree, anywhere=True), {"regex 1.13.1": frozenset({"std", "unicode-case"})})

    def test_a_feature_that_only_tests_switch_on_is_found(self) -> None:
        tested = {"regex 1.13.1": frozenset({"std", "unicode-perl", "unicode-case"})}
        wrong = unexplained({"enrich": parse(TREE)}, tested, {})
        self.assertEqual(wrong, ["regex 1.13.1: unicode-case on in tests, off in enrich as it ships"])

    def test_a_difference_that_is_explained_is_none_and_one_without_a_reason_is(self) -> None:
        tested = {"regex 1.13.1": frozenset({"std", "unicode-perl", "unicode-case"})}
        shipped = {"enrich": parse(TREE)}
        why = {"regex": {"features": ["unicode-case"], "why": "nobody uses it"}}
        self.assertEqual(unexplained(shipped, tested, why), [])
        self.assertEqual(len(unexplained(shipped, tested, {"regex": {"features": ["unicode-case"], "why": ""}})), 1)

    def test_what_is_listed_and_no_longer_differs_has_to_go(self) -> None:
        why = {"regex": {"features": ["unicode-case"], "why": "nobody uses it"}}
        self.assertEqual(len(unexplained({"enrich": parse(TREE)}, parse(TREE), why)), 1)

    def test_what_two_functions_build_differently_is_found_but_for_our_own_packages(self) -> None:
        one = {"tower 0.5.3": frozenset({"retry"}), "intercom 0.1.0": frozenset({"client"})}
        two = {"tower 0.5.3": frozenset(), "intercom 0.1.0": frozenset()}
        wrong = apart({"enrich": one, "webhook": two}, frozenset({"intercom"}))
        self.assertEqual(wrong, ["tower 0.5.3 is compiled more than once: webhook lacks retry"])
        self.assertEqual(apart({"enrich": one, "oauth": one}, frozenset()), [])
