"""What ships is what is tested: the features of every dependency in the functions, beside those under test.

Cargo gives a dependency the union of the features that everything in one build asks of it. Tests are built together with
dev-dependencies, the functions are not: what only a dev-dependency switches on is there in every test and missing in
what ships. Each such difference has to be listed in features.json with the reason why it can do no harm.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from . import preflight
from .console import Failure
from .settings import FUNCTIONS, ROOT

LIST = ROOT / "scripts" / "features.json"

#: Features of each package by name and version.
Features = dict[str, frozenset[str]]

#: The list: features by package name that may be on under test only, and why.
Explained = dict[str, dict[str, object]]


def parse(tree: str, anywhere: bool = False) -> Features:
    """Reads `cargo tree --prefix none -f '{p} [{f}]'`.

    A package may be built twice, for the target and for a macro that runs while compiling. Then what both have counts, or,
    with `anywhere`, what one of them has.
    """
    found: Features = {}
    for line in tree.splitlines():
        match = re.match(r"(\S+) v(\S+).* \[([^\]]*)\]", line)
        if match:
            package, features = f"{match[1]} {match[2]}", frozenset(match[3].split(",")) - {""}
            before = found.get(package, features)
            found[package] = before | features if anywhere else before & features
    return found


def unexplained(shipped: dict[str, Features], tested: Features, explained: Explained) -> list[str]:
    """What is on under test and off in a function, and not in the list; what is in the list and no longer seen."""
    wrong: list[str] = []
    seen: dict[str, set[str]] = {}
    for function, features in shipped.items():
        for package, have in features.items():
            name = package.split()[0]
            extra = tested.get(package, frozenset()) - have
            seen.setdefault(name, set()).update(extra)
            listed = explained.get(name, {}).get("features", [])
            unknown = sorted(extra - set(listed if isinstance(listed, list) else []))
            if unknown:
                wrong.append(f"{package}: {', '.join(unknown)} on in tests, off in {function} as it ships")
    for name, entry in explained.items():
        listed = entry.get("features")
        if not entry.get("why") or not isinstance(listed, list):
            wrong.append(f"{name}: the list needs `features` and a reason, `why`")
        elif stale := sorted(set(listed) - seen.get(name, set())):
            wrong.append(f"{name}: {', '.join(stale)} in the list, but there is no such difference any more")
    return wrong


def apart(shipped: dict[str, Features], own: frozenset[str]) -> list[str]:
    """Dependencies that two functions build with different features, and so twice; `own` are the workspace's packages."""
    wrong = []
    for package in sorted(set().union(*shipped.values())):
        sets = {function: features[package] for function, features in shipped.items() if package in features}
        if package.split()[0] not in own and len(set(sets.values())) > 1:
            union = frozenset().union(*sets.values())
            missing = "; ".join(
                f"{function} lacks {', '.join(sorted(union - have))}"
                for function, have in sets.items()
                if have != union
            )
            wrong.append(f"{package} is compiled more than once: {missing}")
    return wrong


def tree(*selection: str, anywhere: bool = False) -> Features:
    """Asks cargo. What runs only while compiling is left out."""
    command = ["cargo", "tree", "--locked", "--target", preflight.host_triple(), "--prefix", "none"]
    done = subprocess.run(
        [*command, "--format", "{p} [{f}]", *selection], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Failure(f"cargo tree: {done.stderr.strip()}")
    return parse(done.stdout, anywhere)


def workspace_packages() -> frozenset[str]:
    """The names of our own packages."""
    command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return frozenset(package["name"] for package in json.loads(done.stdout)["packages"])


def check(explained: Path = LIST) -> list[str]:
    """Everything that is wrong, nothing where all is well."""
    shipped = {function: tree("--package", function, "--edges", "no-dev,no-build,features") for function in FUNCTIONS}
    tested = tree("--workspace", "--edges", "no-build,features", anywhere=True)
    return unexplained(shipped, tested, json.loads(explained.read_text(encoding="utf-8"))) + apart(
        shipped, workspace_packages()
    )
