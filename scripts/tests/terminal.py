"""A program at a terminal, and somebody who answers its questions."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

#: No deploy asks this often; a question that is asked for ever is told so, and not by a time-out.
MOST_QUESTIONS = 70
SAME_QUESTION = 5


@dataclass
class Conversation:
    """What was on the screen, what was asked, and how it ended."""

    screen: str = ""
    questions: list[str] = field(default_factory=list)
    exit_code: int | None = None

    def last_line(self) -> str:
        """What stands after the last line break, without colours."""
        return _COLOURS.sub("", self.screen).replace("\r", "\n").rsplit("\n", 1)[-1]


class Stuck(AssertionError):
    """The program did not come to its end."""


def talk(
    command: list[str],
    answer: Callable[[str], str],
    environment: dict[str, str],
    folder: Path,
    seconds: float,
    interrupt_at: str = "",
) -> Conversation:
    """Runs a program at a terminal of its own and answers each question, to its end.

    With `interrupt_at`, Ctrl-C is pressed as soon as a question, or the screen, has that in it.
    """
    child, terminal = pty.fork()
    if child == 0:
        try:
            os.chdir(folder)
            os.execvpe(command[0], command, environment)
        finally:
            os._exit(127)
    conversation = Conversation()
    try:
        listen(terminal, answer, conversation, time.monotonic() + seconds, interrupt_at)
        _, status = os.waitpid(child, 0)
        conversation.exit_code = os.waitstatus_to_exitcode(status)
        return conversation
    except Stuck:
        # Its own group, which the terminal made it: what it has started ends too.
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        os.close(terminal)


def listen(
    terminal: int, answer: Callable[[str], str], conversation: Conversation, until: float, interrupt_at: str
) -> None:
    """Reads until the program has closed its end."""
    while True:
        if time.monotonic() > until:
            raise Stuck(f"it did not end in time; the end of the screen:\n{conversation.screen[-2000:]}")
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            read = os.read(terminal, 65536)
        except OSError:
            return
        if not read:
            return
        conversation.screen += read.decode("utf-8", errors="replace")
        if interrupt_at and interrupt_at in conversation.screen:
            interrupt_at = ""
            os.write(terminal, b"\x03")
            continue
        line = conversation.last_line()
        # The space comes last, when the program has begun to listen and, for a secret, has switched the echo off.
        if not line.endswith(": "):
            continue
        question = line.strip()
        conversation.questions.append(question)
        asked = conversation.questions.count(question)
        if asked > SAME_QUESTION or len(conversation.questions) > MOST_QUESTIONS:
            raise Stuck(f"question {len(conversation.questions)}, asked {asked} times: {question}")
        os.write(terminal, (answer(question) + "\n").encode())
