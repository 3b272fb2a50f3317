#!/usr/bin/env python3
"""`make invoke`: gives one event to a function that was built, without Docker.

    make invoke FUNCTION=WebhookFunction EVENT=events/webhook-ping.json

Does what `sam local invoke FUNCTION -e EVENT --env-vars events/env.json` does: the function's own binary, as
`make run` built it, asks a Lambda Runtime API for the event and gives it its answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from local.console import say
from local.settings import BUILD, REGION, ROOT

SECONDS = 60.0


class Runtime(ThreadingHTTPServer):
    """As much of the Lambda Runtime API as one invocation needs."""

    def __init__(self, event: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.event: bytes | None = event
        self.answer: bytes = b""
        self.failed = False
        self.answered = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Hands the event out once, and keeps what comes back."""

    protocol_version = "HTTP/1.1"
    server: Runtime

    def do_GET(self) -> None:
        """The function asks for work; the second time there is none, so it waits until it is ended."""
        if self.server.event is None:
            self.server.answered.wait()
            time.sleep(SECONDS)
            return
        event, self.server.event = self.server.event, None
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000000")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + SECONDS) * 1000)))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:{REGION}:000000000000:function:local")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        """The function answers, or says why it cannot."""
        self.server.answer = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.failed = self.path.endswith("/error")
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.answered.set()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the output belongs to the function."""


def main(words: list[str]) -> int:
    """Invokes; the exit code is 0 when the function answered."""
    if len(words) != 2:
        say(__doc__ or "")
        return 2
    function, event = words[0], Path(words[1])
    binary = BUILD / function / "bootstrap"
    if not binary.is_file():
        say(f"{function} is not built; `make run` builds it")
        return 1
    variables = json.loads((ROOT / "events" / "env.json").read_text(encoding="utf-8"))[function]
    runtime = Runtime(event.read_bytes())
    threading.Thread(target=runtime.serve_forever, daemon=True).start()
    environment = {
        # Nothing of the developer's own AWS account.
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **variables,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    process = subprocess.Popen([str(binary)], env=environment, stdout=sys.stderr)
    deadline = time.monotonic() + SECONDS
    while not runtime.answered.wait(0.05) and process.poll() is None and time.monotonic() < deadline:
        pass
    process.terminate()
    process.wait()
    if not runtime.answered.is_set():
        say(f"{function} gave no answer (exit code {process.returncode})")
        return 1
    say(runtime.answer.decode())
    return 1 if runtime.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
