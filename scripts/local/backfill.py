"""Lets the first backfill run to its end, ticking the deployed function instead of waiting for its minute."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import aws
from .console import Failure, say
from .memory import Memory
from .settings import MINISTACK_LOG, Settings, interactive

LIMIT_SECONDS = 240.0
POLL_SECONDS = 0.5
#: Units of their own beside the walks: the question whether an uninstalled workspace is gone, and whether a refused token is
#: taken again. When they are over they wait for nothing, and neither keeps the history from being read.
UNITS = ("uninstall", "reauth")
#: What has to have a checkpoint before "all are idle" means anything.
RESOURCES = ("conversations", "contacts", "companies", "articles")


@dataclass
class Backfill:
    """The running backfill of one workspace."""

    settings: Settings
    outputs: dict[str, str]
    memory: Memory
    #: Raises when a server of this run has ended: then there is nothing to wait for.
    check_alive: Callable[[], None]

    def __post_init__(self) -> None:
        self._dynamodb = aws.client(self.settings, "dynamodb")
        self._sqs = aws.client(self.settings, "sqs")
        self._lambda = aws.client(self.settings, "lambda")
        self._ticks = 0
        self._failure: Failure | None = None
        self._stop = threading.Event()

    def checkpoints(self) -> dict[str, dict[str, Any]]:
        """The workspace's checkpoints by resource."""
        items = aws.query(
            self._dynamodb, self.outputs["StateTableName"], f"WORKSPACE#{self.settings.workspace}", "CHECKPOINT#"
        )
        return {item["sk"].removeprefix("CHECKPOINT#"): item for item in items}

    def queued(self) -> int:
        """What enrich still has to do."""
        # Revisions of names are put off for a minute on purpose; everything else is there without them.
        urls = [self.outputs[name] for name in ("BackfillQueueUrl", "LiveQueueUrl")]
        return sum(aws.queue_depth(self._sqs, url, delayed=False) for url in urls)

    def finished(self) -> bool:
        """Whether every resource has been walked and everything queued is done."""
        checkpoints = {name: item for name, item in self.checkpoints().items() if name not in UNITS}
        blocked = [name for name, item in checkpoints.items() if item.get("phase") == "blocked"]
        if blocked:
            raise Failure(f"the backfill is blocked: {', '.join(blocked)}", MINISTACK_LOG)
        walked = all(name in checkpoints for name in RESOURCES)
        idle = all(item.get("phase") == "idle" for item in checkpoints.values())
        return walked and idle and self.queued() == 0

    def tick(self) -> None:
        """One invocation, as the schedule makes it each minute."""
        answer = self._lambda.invoke(FunctionName=self.outputs["BackfillFunctionName"], Payload=b"{}")
        payload = answer["Payload"].read()
        self._ticks += 1
        if answer.get("FunctionError"):
            reason = json.loads(payload or b"{}").get("errorMessage", "")
            raise Failure(f"the backfill function failed: {reason}", MINISTACK_LOG)

    def run(self, expected: dict[str, int]) -> None:
        """Ticks until all is read, showing how far it is; `expected` is what Intercom holds."""
        ticker = threading.Thread(target=self._tick_on, daemon=True)
        ticker.start()
        started, told = time.monotonic(), ""
        try:
            with Progress(
                TextColumn("  {task.description:<14}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                disable=not interactive(),
            ) as progress:
                bars = {name: progress.add_task(name, total=total) for name, total in expected.items()}
                while True:
                    self.check_alive()
                    held = self.memory.documents()
                    for name, bar in bars.items():
                        progress.update(bar, completed=held[name])
                    if self._failure is not None:
                        raise self._failure
                    # Both before and after: a page may have been queued between the two questions.
                    if self.finished() and self.finished():
                        break
                    if time.monotonic() - started > LIMIT_SECONDS:
                        raise Failure(
                            f"the backfill is not done after {LIMIT_SECONDS:.0f} s: {self.standing()}; is this machine very busy?",
                            MINISTACK_LOG,
                        )
                    line = "  " + ", ".join(f"{name} {held[name]}/{total}" for name, total in expected.items())
                    if not interactive() and line != told:
                        told = line
                        say(line)
                    time.sleep(POLL_SECONDS)
                held = self.memory.documents()
                for name, bar in bars.items():
                    progress.update(bar, completed=held[name])
        finally:
            self._stop.set()
            ticker.join(timeout=5)
        say(f"  {read_to_the_end(held, expected, self._ticks)}")

    def _tick_on(self) -> None:
        while not self._stop.is_set() and self._failure is None:
            try:
                self.tick()
            except Failure as failure:
                self._failure = failure
            except (BotoCoreError, ClientError) as error:
                # The main thread raises it; in this one it would only end the ticking.
                self._failure = Failure(f"ticking the backfill failed: {error}", MINISTACK_LOG)
            self._stop.wait(POLL_SECONDS)

    def standing(self) -> str:
        """What is not read yet, for people."""
        phases = {name: str(item.get("phase", "?")) for name, item in self.checkpoints().items()}
        return still_read(phases, self.queued())


def still_read(phases: Mapping[str, str], queued: int) -> str:
    """What is under way: resources that are not read to their end, and messages."""
    if not phases:
        return "it has not begun"
    under_way = [name.replace("_", " ") for name, phase in sorted(phases.items()) if phase != "idle"]
    waiting = f"{queued} message{'' if queued == 1 else 's'} in the queues" if queued else ""
    left = [*([f"still being read: {', '.join(under_way)}"] if under_way else []), *([waiting] if waiting else [])]
    return "; ".join(left) or "everything is read, but not compared"


def read_to_the_end(held: Mapping[str, int], expected: Mapping[str, int], ticks: int) -> str:
    """What was read, and in how many turns, in words."""
    read = ", ".join(f"{name} {held.get(name, 0)} of {total}" for name, total in expected.items())
    turns = "one turn" if ticks == 1 else f"{ticks} turns"
    return f"read to the end in {turns} of the backfill function (on AWS it has one a minute): {read}"
