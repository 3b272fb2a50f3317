#!/usr/bin/env python3
"""`make invoke`: gives one event to a function that was built, without Docker.

    make invoke FUNCTION=WebhookFunction EVENT=events/webhook-ping.json

Does what `sam local invoke FUNCTION -e EVENT --env-vars events/env.json` does: the function's own binary, as
`make run` built it, asks a Lambda Runtime API for the event and gives it its answer. While a stack runs, the names of
its tables, queues and keys take the place of those in events/env.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local import aws, deploy, stack
from local.console import Failure, say
from local.invocation import failed, function_variables, json_file, variables, without_stack
from local.loglines import without_time
from local.settings import BUILD, REGION, ROOT, Settings, aws_environment

SECONDS = 60.0
ENVIRONMENT = ROOT / "events" / "env.json"


class Runtime(ThreadingHTTPServer):
    """As much of the Lambda Runtime API as one invocation needs."""

    def __init__(self, event: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.event: bytes | None = event
        self.answer: bytes = b""
        self.failed = False
        self.answered = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: the function was ended while it waited for more, as it should be."""


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
    try:
        if len(words) != 2:
            say(usage())
            return 2
        return invoke(words[0], (ROOT / words[1]).resolve())
    except Failure as failure:
        say(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130


def usage() -> str:
    """How it is called, with the functions and events that there are."""
    functions = json_file(ENVIRONMENT, ROOT)
    events = sorted(path.name for path in ENVIRONMENT.parent.glob("*.json") if path != ENVIRONMENT)
    return (
        "make invoke FUNCTION=WebhookFunction EVENT=events/webhook-ping.json\n"
        f"functions: {', '.join(functions)}\nevents, in events/: {', '.join(events)}"
    )


def invoke(function: str, path: Path) -> int:
    """Gives one event to one function."""
    given = function_variables(json_file(ENVIRONMENT, ROOT), function, "events/env.json")
    event = json.dumps(json_file(path, ROOT)).encode()
    binary = BUILD / function / "bootstrap"
    if not binary.is_file():
        raise Failure(f"{function} is not built yet; `make run` builds it")
    settings = stack.running()
    deployed = deployed_variables(settings, function)
    runtime = Runtime(event)
    threading.Thread(target=runtime.serve_forever, daemon=True).start()
    environment = {
        **aws_environment(settings),
        **variables(given, deployed or {}),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    }
    process = subprocess.Popen([str(binary)], env=environment, stdout=subprocess.PIPE, text=True, errors="replace")
    telling = threading.Thread(target=tell, args=(function, process.stdout), daemon=True)
    telling.start()
    try:
        deadline = time.monotonic() + SECONDS
        while not runtime.answered.wait(0.05) and process.poll() is None and time.monotonic() < deadline:
            pass
    finally:
        process.terminate()
        process.wait()
        telling.join(timeout=1)
    if not runtime.answered.is_set():
        # Why it does not start it has said itself, on the line before.
        lacking = "" if deployed else without_stack()
        raise Failure(f"{function} gave no answer (exit code {process.returncode}){lacking}")
    if runtime.failed:
        raise Failure(failed(function, runtime.answer, stack_runs=deployed is not None))
    say(runtime.answer.decode())
    if deployed is None and b'"statusCode":503' in runtime.answer:
        print(f"{function} could not do it{without_stack()}", file=sys.stderr, flush=True)
    return 0


def tell(function: str, log: Iterable[str]) -> None:
    """What the function logs, beside its answer: on the error output."""
    for line in log:
        told = without_time(line)
        if told:
            print(f"{function}: {told}", file=sys.stderr, flush=True)


def deployed_variables(settings: Settings, function: str) -> dict[str, str] | None:
    """The environment of the function as the running stack has it; nothing where none runs."""
    try:
        name = deploy.physical_ids(settings, "AWS::Lambda::Function")[function]
        configuration = aws.client(settings, "lambda").get_function_configuration(FunctionName=name)
    except (BotoCoreError, ClientError, KeyError):
        return None
    return configuration["Environment"]["Variables"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
