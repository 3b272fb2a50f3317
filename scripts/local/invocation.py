"""What one event is given to and with, decided before anything is started. No I/O but reading files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .console import Failure
from .loglines import plainly
from .near import near, unknown

Variables = dict[str, str]

#: What a sample's environment takes from the running stack: where its tables, queues, keys and addresses are. Its own
#: credentials stay, since the samples are signed with them.
FROM_THE_STACK = (
    "STATE_TABLE",
    "MEMORY_TABLE",
    "LIVE_QUEUE_URL",
    "BACKFILL_QUEUE_URL",
    "TOKEN_KEY_ID",
    "KEYS_SECRET_ID",
    "INTERCOM_API_BASE_URL",
    "INTERCOM_APP_BASE_URL",
    "PUBLIC_BASE_URL",
)

#: Characters of a function's own words about its failure.
LONGEST = 300


def variables(given: Variables, deployed: Mapping[str, str]) -> Variables:
    """The environment of a sample, with what only the running stack knows."""
    known = {name: deployed[name] for name in FROM_THE_STACK if name in given and deployed.get(name)}
    return {**given, **known}


def json_file(path: Path, root: Path) -> Any:
    """The content of a JSON file; one line says what is wrong with it."""
    shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Failure(no_file(shown, path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{shown} cannot be read: {error}") from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Failure(f"{shown} is not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from error


def no_file(shown: str, path: Path) -> str:
    """What files of the kind there are."""
    there_is = sorted(one.name for one in path.parent.glob("*.json") if one.name != "env.json")
    meant = near(path.name, there_is)
    guess = f"; did you mean {' or '.join(str(Path(shown).parent / name) for name in meant)}?" if meant else ""
    listed = f" There are: {', '.join(there_is)}" if there_is else ""
    return f"there is no file {shown}{guess or '.'}{listed}"


def function_variables(functions: Any, name: str, env_file: str) -> Variables:
    """The environment of a function in events/env.json."""
    if not isinstance(functions, dict):
        raise Failure(f"{env_file} is not what it should be: an object of functions and their variables")
    if name not in functions:
        raise Failure(unknown("function", name, functions))
    return {variable: str(value) for variable, value in functions[name].items()}


def failed(function: str, answer: bytes, *, stack_runs: bool) -> str:
    """What a function said instead of answering, as one line."""
    try:
        said = json.loads(answer)
        reason = str(said.get("errorMessage") or said)
    except (ValueError, AttributeError):
        reason = answer.decode("utf-8", "replace")
    unreadable = re.search(r"(?:payload type: |original: Error\(\")(.*?)(?: at line|\", line|$)", reason)
    if unreadable:
        return f"{function} cannot read this event: {unreadable[1]}. Is it an event for another function?"
    short = plainly(reason)
    short = short if len(short) <= LONGEST else short[:LONGEST] + "…"
    return f"{function} failed: {short}" + ("" if stack_runs else without_stack())


def without_stack() -> str:
    """What an event may be lacking."""
    return " (no stack is running, and this event needs its tables, queues or keys: start one with `make run`)"
