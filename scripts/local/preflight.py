"""What must be there before anything is started. Each thing that is missing is one clear line."""

from __future__ import annotations

import platform
import re
import shutil
import socket
import subprocess
import sys

from .console import Failure
from .settings import ROOT, Settings

PYTHON = (3, 10)


def check(settings: Settings) -> None:
    """Raises a Failure that names the first thing in the way."""
    if sys.version_info < PYTHON:
        raise Failure(f"Python {PYTHON[0]}.{PYTHON[1]} or newer is needed; this is {platform.python_version()}")
    host_triple()
    if not any(shutil.which(compiler) for compiler in ("cc", "gcc", "clang")):
        raise Failure("no C compiler (cc) on the PATH; install one, e.g. `apt-get install build-essential`")
    for port, flag in ((settings.aws_port, "--aws-port"), (settings.intercom_port, "--intercom-port")):
        if port_in_use(port):
            raise Failure(
                f"port {port} is in use by another program; end that program, or choose another port with "
                f'`make run ARGS="{flag} N"`'
            )


def host_triple() -> str:
    """The machine's own target, which the functions are built for: MiniStack starts them as they are.

    Also checks that Rust is there and new enough.
    """
    if shutil.which("cargo") is None or shutil.which("rustc") is None:
        raise Failure("Rust (cargo, rustc) is not on the PATH; install it from https://rustup.rs")
    about = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=False, cwd=ROOT).stdout
    release = re.search(r"^release: (\d+)\.(\d+)\.(\d+)", about, re.MULTILINE)
    host = re.search(r"^host: (\S+)", about, re.MULTILINE)
    if release is None or host is None:
        raise Failure("`rustc -vV` gives no version; is a Rust toolchain installed (`rustup default stable`)?")
    needed = minimum_rust()
    if tuple(map(int, release.groups())) < needed:
        raise Failure(f"Rust {'.'.join(map(str, needed))} or newer is needed; `rustup update` brings it")
    if not host.group(1).endswith("-linux-gnu"):
        raise Failure(
            f"the local run needs Linux with glibc, since the functions run natively; this is {host.group(1)}. "
            "On another system use a Linux virtual machine or container"
        )
    return host.group(1)


def minimum_rust() -> tuple[int, int, int]:
    """`rust-version` of the workspace, the one place where it is written."""
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    version = re.search(r'^rust-version = "(\d+)\.(\d+)(?:\.(\d+))?"', manifest, re.MULTILINE)
    if version is None:
        raise Failure("Cargo.toml names no rust-version")
    major, minor, patch = version.groups(default="0")
    return int(major), int(minor), int(patch)


def sam_architecture() -> str:
    """The template's name for this machine's processor."""
    return "arm64" if host_triple().startswith("aarch64") else "x86_64"


def port_in_use(port: int) -> bool:
    """Whether the port cannot be listened on, now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of an ended run that still wait out their time do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
