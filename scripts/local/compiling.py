"""Compiles what a local run needs with cargo itself, and knows how far it is; `sam build` shows nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from . import preflight, venvs
from .console import Failure, tail
from .settings import LOCAL, LOGS, ROOT, Settings, aws_environment, venv_bin

EMULATOR = LOCAL / "bin" / "intercom-emulator"

#: What one invocation of cargo builds gets the union of its features. So only those are built together that `sam build`,
#: one by one, would build with the same: it finds everything compiled, and what runs here is what it builds. The webhook
#: function has fewer of our own crates' features, the emulator fewer of everybody's (scripts/local/features.py).
BUILDS = (("oauth", "enrich", "backfill"), ("webhook",), ("emulator",))

#: Seconds that the slowest packages take alone on one processor (`cargo build --timings`), the others about one.
SECONDS = {
    "aws-sdk-dynamodb": 60.0,
    "aws-sdk-kms": 22.0,
    "aws-sdk-sqs": 11.0,
    "aws-sdk-secretsmanager": 10.0,
    "aws-lc-sys": 30.0,
    "aws-sdk-sts": 9.0,
    "aws_lambda_events": 6.0,
    "serde_derive": 5.0,
    "syn": 5.0,
    "tokio": 5.0,
    "hyper": 4.0,
    "rustls": 5.0,
    "store": 8.0,
    "emulator": 12.0,
    "enrich": 8.0,
    "backfill": 8.0,
    "oauth": 8.0,
    "webhook": 5.0,
}


def environment(settings: Settings) -> dict[str, str]:
    """The environment of all compiling here.

    `SAM_BUILD_MODE=debug` is the fast profile: a fraction of the release profile's time. `CARGO_LAMBDA_COMPILER=cargo`
    leaves out zig, which a build for the machine's own system does not need, and lets cargo-lambda and plain cargo
    share what they have compiled.
    """
    path = os.pathsep.join([str(venv_bin("sam")), os.environ.get("PATH", "")])
    return {
        **aws_environment(settings),
        "PATH": path,
        "SAM_BUILD_MODE": "debug",
        "CARGO_LAMBDA_COMPILER": "cargo",
        "SAM_CLI_POLL_DELAY": "0.5",
    }


@dataclass
class Progress:
    """How far the compiling is. A package counts once for each build in which it takes part, also where it is there already."""

    packages: list[frozenset[str]]
    began: float = field(default_factory=time.monotonic)
    done: list[set[str]] = field(init=False)
    built_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.done = [set() for _ in self.packages]

    def finish(self, build: int, package: str, fresh: bool) -> None:
        """Cargo says that it has this package."""
        if package in self.packages[build] and package not in self.done[build]:
            self.done[build].add(package)
            self.built_seconds += 0.0 if fresh else weight(package)

    def count(self) -> tuple[int, int]:
        """Packages done, and all."""
        return sum(map(len, self.done)), sum(map(len, self.packages))

    def seconds_left(self, now: float) -> float | None:
        """As long as what is still to come takes at the speed so far; None before there is any. What a later build shares
        with the first one is there when its turn comes."""
        elapsed = now - self.began
        if self.built_seconds < 5 or elapsed < 5:
            return None
        left = sum(weight(package) for package in self.packages[0] - self.done[0])
        for number, packages in enumerate(self.packages[1:], start=1):
            left += sum(weight(package) for package in packages - self.packages[0] - self.done[number])
        return left * elapsed / self.built_seconds

    def line(self, now: float) -> str:
        """For people."""
        done, total = self.count()
        return f"{done} of {total} crates compiled{left_in_words(self.seconds_left(now))}"


def left_in_words(seconds: float | None) -> str:
    """`, about 3 min left`"""
    if seconds is None:
        return ""
    return ", less than a minute left" if seconds < 50 else f", about {round(seconds / 60) or 1} min left"


def weight(package: str) -> float:
    """Seconds of one processor, roughly."""
    return SECONDS.get(package.split("@")[0], 1.0)


def packages_of(tree: str) -> frozenset[str]:
    """`name@version` of each line of `cargo tree --prefix none --format '{p}'`."""
    found = (re.match(r"(\S+) v(\S+)", line) for line in tree.splitlines())
    return frozenset(f"{match[1]}@{match[2]}" for match in found if match)


def package_of(message: dict[str, object]) -> tuple[str, bool] | None:
    """Package and whether it was there already, of one of cargo's messages; None of all others."""
    target = message.get("target")
    if message.get("reason") != "compiler-artifact" or not isinstance(target, dict):
        return None
    if "custom-build" in target.get("kind", ()):
        return None
    # `registry+https://…#name@1.2.3`, or `path+file:///…/name#1.2.3`.
    where, _, what = str(message.get("package_id", "")).rpartition("#")
    name = what if "@" in what else f"{where.rsplit('/', 1)[-1]}@{what}"
    return name, bool(message.get("fresh"))


class Compiling:
    """Runs while something else does; `line` can be asked all the time."""

    def __init__(self, settings: Settings) -> None:
        self._environment = environment(settings)
        self._triple = preflight.host_triple()
        self._failure: Failure | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._doing = "downloading crates"
        self.progress: Progress | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def running(self) -> bool:
        """Whether there is something to wait for."""
        return self._thread.is_alive()

    def line(self) -> str:
        """How far it is."""
        return self.progress.line(time.monotonic()) if self.progress else self._doing

    def stop(self) -> None:
        """Ends cargo, and with it everything that it has started."""
        self._stopped = True
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    def result(self) -> None:
        """Waits for the end; raises what went wrong."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._fetch()
            self.progress = Progress([self._packages(packages) for packages in BUILDS])
            for number, packages in enumerate(BUILDS):
                self._build(number, packages)
            keep_emulator(self._triple)
        except Failure as failure:
            self._failure = failure
        except OSError as error:
            self._failure = Failure(f"compiling: {error}")

    def _fetch(self) -> None:
        """Downloads the crates that are missing: a network that is not there is then told apart from code that is wrong."""
        log = LOGS / "fetch.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            command = ["cargo", "fetch", "--locked", "--target", self._triple]
            self._wait(subprocess.Popen(command, env=self._environment, cwd=ROOT, stdout=output, stderr=output))
        if self._process is not None and self._process.returncode != 0:
            if venvs.offline(tail(log)):
                raise Failure("no network: the crates cannot be downloaded, and the first run has to")
            raise Failure("downloading the crates failed", log)

    def _wait(self, process: subprocess.Popen[bytes], lines: Iterable[bytes] = (), number: int = 0) -> None:
        self._process = process
        for line in lines:
            message = json.loads(line) if line.startswith(b"{") else {}
            found = package_of(message)
            if found and self.progress:
                self.progress.finish(number, *found)
        process.wait()
        if self._stopped:
            raise Failure("compiling was stopped")

    def _packages(self, packages: tuple[str, ...]) -> frozenset[str]:
        command = ["cargo", "tree", "--locked", "--edges", "no-dev", "--target", self._triple, "--prefix", "none"]
        selection = [word for package in packages for word in ("--package", package)]
        tree = subprocess.run(
            [*command, "--format", "{p}", *selection],
            env=self._environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return packages_of(tree.stdout)

    def _build(self, number: int, packages: tuple[str, ...]) -> None:
        log = LOGS / f"compile-{'-'.join(packages)}.log"
        selection = [word for package in packages for word in ("--package", package)]
        command = ["cargo", "build", "--locked", "--message-format", "json-render-diagnostics", *selection]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--target", self._triple],
                env=self._environment,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=output,
            )
            self._wait(process, process.stdout or (), number)
        if process.returncode != 0:
            raise Failure(f"compiling {', '.join(packages)} failed (exit code {process.returncode})", log)


def keep_emulator(triple: str) -> None:
    """Copies the emulator out of cargo's folder: cargo-lambda moves every binary that it finds there."""
    EMULATOR.parent.mkdir(parents=True, exist_ok=True)
    # A program that runs cannot be written over, but it can be replaced.
    EMULATOR.unlink(missing_ok=True)
    shutil.copy2(binary(EMULATOR.name, triple), EMULATOR)


def binary(name: str, triple: str) -> str:
    """Where cargo leaves a program."""
    return str(ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / triple / "debug" / name)
