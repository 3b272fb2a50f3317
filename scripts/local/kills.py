"""`kill -9` of functions in the middle of their work, as a machine that dies does it. What was lost must be made good."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from . import aws, deploy
from .backfill import Backfill
from .console import Failure, say
from .intercom import Intercom
from .settings import MINISTACK_LOG, Settings

#: Intercom answers so slowly meanwhile that a page, and a batch, take long enough to be met in their middle.
LATENCY_MS = 250
#: How long a batch whose function was killed stays invisible. The template says 360, which nobody wants to wait for here.
#: A batch that takes longer would be worked on twice, as SQS may have it at any time, and with the same result.
VISIBILITY_SECONDS = 20
LIMIT_SECONDS = 30.0
POLL_SECONDS = 0.02
#: Nothing is in the middle of a batch at every moment.
TRIES = 5


@dataclass
class Kills:
    """Kills what runs in the process group of the local AWS."""

    settings: Settings
    outputs: dict[str, str]
    intercom: Intercom
    backfill: Backfill
    #: The process group of MiniStack, which starts the functions.
    group: int

    def __post_init__(self) -> None:
        self._functions = deploy.physical_ids(self.settings, "AWS::Lambda::Function")
        self._sqs = aws.client(self.settings, "sqs")

    def strike(self) -> int:
        """Kills the backfill while it walks and enrich while it works on batches; returns how many processes died.

        What both leave behind is taken up by itself: the walk when its lease has ended, the batches when their messages
        are visible again.
        """
        with self._slow_intercom(), self._short_visibility():
            walks = self._kill_the_walk()
            workers = self._kill_the_batches()
        batches = self._died("EnrichFunction")
        self._let_the_lease_end()
        say(
            f"  kill -9: {walks} backfill process on its second page, {workers} enrich processes, {batches} of them with a batch "
            "in hand"
        )
        return walks + workers

    def _kill_the_walk(self) -> int:
        pages = self._pages()
        failures: list[Failure] = []

        def tick() -> None:
            try:
                self.backfill.tick()
            except Failure as failure:
                failures.append(failure)

        ticking = threading.Thread(target=tick, daemon=True)
        ticking.start()
        # The second page is asked for only when the first one is durable and the checkpoint saved.
        wait_until(lambda: self._pages() >= pages + 2, "the backfill asks for its second page")
        killed = self._kill("BackfillFunction")
        ticking.join(timeout=LIMIT_SECONDS)
        if not killed or not failures:
            raise Failure(
                "the backfill function was killed while it walked, but its invocation did not fail", MINISTACK_LOG
            )
        return killed

    def _let_the_lease_end(self) -> None:
        """As if the two minutes were over for which the dead one holds its checkpoints; the tests of the walks wait for them
        on a clock of their own."""
        table = self.outputs["StateTableName"]
        dynamodb = aws.client(self.settings, "dynamodb")
        for name, checkpoint in self.backfill.checkpoints().items():
            if "lease_expires_at" in checkpoint:
                key = {"pk": {"S": f"WORKSPACE#{self.settings.workspace}"}, "sk": {"S": f"CHECKPOINT#{name}"}}
                dynamodb.update_item(
                    TableName=table,
                    Key=key,
                    UpdateExpression="SET lease_expires_at = :past",
                    ConditionExpression="attribute_exists(lease_expires_at)",
                    ExpressionAttributeValues={":past": {"N": "1"}},
                )

    def _kill_the_batches(self) -> int:
        killed = 0
        before = self._died("EnrichFunction")
        url = self.outputs["BackfillQueueUrl"]
        for _ in range(TRIES):
            wait_until(lambda: aws.in_flight(self._sqs, url) > 0, "enrich has a batch of the backfill in hand")
            killed += self._kill("EnrichFunction")
            time.sleep(1)
            if self._died("EnrichFunction") > before:
                return killed
        raise Failure("the enrich function was killed, but never while it worked on a batch", MINISTACK_LOG)

    def _kill(self, function: str) -> int:
        listing = subprocess.run(
            ["ps", "axeww", "-o", "pid=,pgid=,args="], capture_output=True, text=True, errors="replace", check=True
        )
        processes = processes_of(listing.stdout, self.group, self._functions[function])
        for process in processes:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                # It had ended by itself.
                continue
        return len(processes)

    def _pages(self) -> int:
        return int(self.intercom.requests()["by_route"].get("POST /conversations/search", 0))

    def _died(self, function: str) -> int:
        """Invocations of a function that ended with its process, as the local AWS noted them."""
        log = MINISTACK_LOG.read_text(encoding="utf-8", errors="replace")
        return log.count(f"Lambda {self._functions[function]}: Runtime exited")

    @contextmanager
    def _slow_intercom(self) -> Iterator[None]:
        self.intercom.call("PUT", "/settings", {"latency_ms": LATENCY_MS})
        try:
            yield
        finally:
            self.intercom.call("PUT", "/settings", {"latency_ms": 0})

    @contextmanager
    def _short_visibility(self) -> Iterator[None]:
        url, name = self.outputs["BackfillQueueUrl"], "VisibilityTimeout"
        was = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={name: str(VISIBILITY_SECONDS)})
        try:
            yield
        finally:
            self._sqs.set_queue_attributes(QueueUrl=url, Attributes={name: was})


def processes_of(listing: str, group: int, function: str) -> list[int]:
    """The ids of a function's processes in what `ps` says: id, process group, command and environment a line."""
    found = []
    for line in listing.splitlines():
        process, _, rest = line.strip().partition(" ")
        its_group, _, words = rest.strip().partition(" ")
        if its_group == str(group) and f"AWS_LAMBDA_FUNCTION_NAME={function}" in words.split():
            found.append(int(process))
    return found


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Returns once the condition holds."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"waited {LIMIT_SECONDS:.0f} s in vain until {what}", MINISTACK_LOG)
        time.sleep(POLL_SECONDS)
