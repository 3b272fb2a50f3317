"""A run from its first step to its last."""

from __future__ import annotations

import os
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import aws, build, compare, deploy, install, lifecycle, live, logs, report, servers
from .backfill import Backfill
from .console import Failure, say, step
from .intercom import Intercom
from .kills import Kills
from .memory import Memory
from .processes import Child, forget, remember, remember_ports
from .settings import MINISTACK_LOG, Settings
from .window import MemoryWindow


class Journey:
    """Builds, deploys, installs, fills, listens, compares, and cleans up behind itself whatever happens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._children: list[Child] = []
        self._wrong: list[str] = []
        #: The process group in which the local AWS runs the functions.
        self._functions_group = 0
        self._window: MemoryWindow | None = None

    def run(self) -> int:
        """Returns the exit code: 0 when everything expected was there."""
        remember("run", os.getpid())
        remember_ports(self._settings.aws_port, self._settings.intercom_port)
        try:
            outputs = self._prepare()
            self._use(outputs)
            if not self._settings.once:
                self._stay_up()
        except KeyboardInterrupt:
            if self._settings.once:
                raise
            say("\nstopping")
        except (OSError, BotoCoreError, ClientError) as error:
            self._check_servers()
            raise Failure(f"a server of this run does not answer as it should: {error}", MINISTACK_LOG) from error
        except Failure as failure:
            self._check_servers()
            # What a function said tells more than what was said about it.
            if failure.log == MINISTACK_LOG and logs.keep(self._settings):
                failure.log = logs.FILE
            raise
        else:
            logs.keep(self._settings)
        finally:
            if self._window is not None:
                self._window.close()
            for child in reversed(self._children):
                child.stop()
            forget()
        return 1 if self._wrong else 0

    def _prepare(self) -> dict[str, str]:
        """Everything up to a deployed stack that Intercom knows of."""
        settings = self._settings
        with step("sam build"):
            template = build.sam_build(settings)
        with step("Starting MiniStack (a stand-in for AWS) and the emulated Intercom"):
            ministack = servers.start_ministack(settings)
            self._children.append(ministack)
            self._functions_group = ministack.process.pid
            self._children.append(servers.start_emulator(settings))
        with step("sam deploy"):
            outputs = deploy.deploy(settings, template)
        with step(
            "Finishing what the stand-in for AWS leaves out of a deploy: the API's addresses, and rights as AWS reads them"
        ):
            deploy.connect_routes(settings)
            deploy.fit_policies(settings)
            deploy.fit_mappings(settings)
        return outputs

    def _use(self, outputs: dict[str, str]) -> None:
        """The main job, and whether it was done."""
        settings = self._settings
        intercom = Intercom(settings)
        # The emulator reaches the API by path, since it leaves names to the system; the browser gets its real address.
        memory = Memory(aws.client(settings, "dynamodb"), outputs["MemoryTableName"], settings.workspace)
        self._window = MemoryWindow(memory)
        intercom.point_at(settings.internal_url, outputs["CallbackUrl"], self._window.url)
        with step("Installing through OAuth"):
            install.through_oauth(settings, outputs["InstallUrl"])
            connected = install.status_of(settings, outputs)
            say(f"  connected: {connected['name']} ({connected['workspace']}), {connected['status']}")
        backfill = Backfill(settings, outputs, memory, self._check_servers)
        killed = 0
        if settings.once:
            # Who watches need not wait until a dead walk's lease has ended; who checks goes on meanwhile.
            with step("Killing functions in the middle of the backfill"):
                killed = Kills(settings, outputs, intercom, backfill, self._functions_group).strike()
        else:
            self._fill("Reading the history to its beginning (backfill)", backfill, intercom, memory)
        with step("What happens while we listen"):
            happened = live.make_things_happen(intercom, memory)
            self._wrong += [f"{one.action}: {reason}" for one in happened for reason in one.wrong]
        with step("What must be refused, and whether all is well"):
            self._wrong += live.door_checks(settings, outputs)
        if settings.once:
            title = "Reading on (backfill) where the killed functions left off, once their batches are visible again"
            self._fill(title, backfill, intercom, memory)
        with step("Connecting again, uninstalling, coming back"):
            self._wrong += lifecycle.check(settings, outputs, intercom)
            Backfill(settings, outputs, memory, self._check_servers).run(counts(intercom.truth()))
            self._check_queues()
        things = memory.all()
        truth = intercom.truth()
        self._wrong += compare.everything(truth, things)
        say()
        report.contents(things)
        self._wrong += report.links(compare.providers(truth, things))
        report.times(happened)
        shown = report.one_conversation(things)
        report.by_hand(settings, outputs, shown, install.status_link(settings, outputs))
        self._verdict(things, killed)

    def _fill(self, title: str, backfill: Backfill, intercom: Intercom, memory: Memory) -> None:
        """Reads the history to its end, and compares."""
        with step(title):
            truth = intercom.truth()
            backfill.run(counts(truth))
            self._wrong += compare.everything(truth, memory.all())

    def _check_queues(self) -> None:
        """Nothing was given up."""
        sqs = aws.client(self._settings, "sqs")
        for name, url in deploy.physical_ids(self._settings, "AWS::SQS::Queue").items():
            depth = aws.queue_depth(sqs, url) if name.endswith("DeadLetters") else 0
            if depth:
                self._wrong.append(f"{depth} messages in {name}")

    def _verdict(self, things: report.Things, killed: int) -> None:
        """Every missing thing by name, or that there is none."""
        self._wrong = list(dict.fromkeys(self._wrong))
        say()
        if self._wrong:
            say(f"{len(self._wrong)} things are not as expected:")
            for reason in self._wrong:
                say(f"  ✗ {reason}")
        else:
            though = f", though {killed} processes were killed on the way" if killed else ""
            say(
                f"Everything is as expected: what is remembered of {len(things)} things is what Intercom holds{though}."
            )

    def _stay_up(self) -> None:
        """Until Ctrl-C, or until a server dies."""
        say("\nRunning. Ctrl-C ends it.")
        while True:
            time.sleep(1)
            self._check_servers()

    def _check_servers(self) -> None:
        """Raises where one has ended, which says more than that it was not reached."""
        for child in self._children:
            child.check_alive()


def counts(truth: dict[str, Any]) -> dict[str, int]:
    """How many things of each kind there are to read."""
    return {entity: len(truth[kind]) for kind, entity in compare.KINDS.items()}
