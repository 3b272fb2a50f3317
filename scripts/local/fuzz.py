"""Fuzzing with cargo-fuzz, where a nightly toolchain is installed: libFuzzer's instrumentation needs one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .console import Failure, say, step
from .settings import LOCAL, ROOT

#: Exact, like all tools here.
VERSION = "0.13.2"
FOLDER = LOCAL / "cargo"
#: Seconds for each target of fuzz/: a minute together.
TARGETS = {"door": 30, "notification": 15, "signature": 15}
#: Nothing here is `unsafe`, so an address sanitizer has nothing to look for; without it, and without optimising the
#: AWS SDK, the targets build in a few minutes.
BUILD = ["--dev", "--sanitizer", "none"]
SEEDS = ROOT / "crates" / "memory" / "tests" / "fixtures" / "notifications"


def has_nightly() -> bool:
    """Whether `cargo +nightly` is there: rustup's way of naming a toolchain, which a plain cargo does not know."""
    try:
        return (
            subprocess.run(["cargo", "+nightly", "--version"], capture_output=True, check=False, cwd=ROOT).returncode
            == 0
        )
    except OSError:
        return False


def commands() -> list[tuple[str, list[str]]]:
    """What to run, each with a title; nothing, and a word about it, without a nightly toolchain."""
    if not has_nightly():
        say("\nfuzzing is left out: no nightly Rust toolchain (`rustup toolchain install nightly`)")
        return []
    if shutil.which("c++") is None:
        say("\nfuzzing is left out: no C++ compiler (c++), which libFuzzer is compiled with")
        return []
    ensure()
    runs = []
    for target, seconds in TARGETS.items():
        corpus = ROOT / "fuzz" / "corpus" / target
        corpus.mkdir(parents=True, exist_ok=True)
        fuzz = ["cargo", "+nightly", "fuzz", "run", "--fuzz-dir", "fuzz", *BUILD, target, str(corpus), str(SEEDS)]
        options = ["--", f"-max_total_time={seconds}", "-max_len=20000", "-timeout=10"]
        runs.append((f"nothing is found in {seconds} s of fuzzing: {target}", [*fuzz, *options]))
    return runs


def ensure() -> None:
    """Installs cargo-fuzz under .local/cargo, where it is not already."""
    tool = FOLDER / "bin" / "cargo-fuzz"
    if (
        tool.is_file()
        and VERSION in subprocess.run([str(tool), "--version"], capture_output=True, text=True, check=False).stdout
    ):
        return
    with step(f"Installing cargo-fuzz {VERSION} into .local/cargo (once)"):
        install(tool)


def install(tool: Path) -> None:
    """With cargo, from its registry."""
    command = ["cargo", "install", "--quiet", "--locked", "--root", str(FOLDER), "--version", VERSION, "cargo-fuzz"]
    if subprocess.run(command, check=False, cwd=ROOT).returncode != 0 or not tool.is_file():
        raise Failure(f"installing cargo-fuzz {VERSION} failed")
