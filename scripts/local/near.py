"""What somebody may have meant who typed a name that is none. Standard library only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHOWN = 3


def near(word: str, names: Iterable[str], limit: int = SHOWN) -> list[str]:
    """The names that are most like a word: those that hold it first, then those that are spelt nearly so."""
    by_lower = {name.lower(): name for name in names}
    asked = word.lower()
    holding = [name for lower, name in by_lower.items() if asked and (asked in lower or lower in asked)]
    alike = [by_lower[lower] for lower in difflib.get_close_matches(asked, by_lower, n=limit, cutoff=0.6)]
    return list(dict.fromkeys([*alike, *holding]))[:limit]


def unknown(what: str, word: str, names: Iterable[str]) -> str:
    """One line: there is no such name, what may have been meant, and what there is."""
    there_is = sorted(names)
    meant = near(word, there_is)
    guess = f"; did you mean {' or '.join(meant)}?" if meant else "."
    listed = f" There are: {', '.join(there_is)}" if there_is else " There are none."
    return f"no {what} is called {word}{guess}{listed}"
