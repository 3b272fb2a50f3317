"""What `make deploy` has to know of the Intercom app: from the environment, or asked for, each with a line that explains it."""

from __future__ import annotations

import getpass
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from local.console import Failure, say

#: As in the template's patterns and in the functions: what is shorter could be guessed, and whoever guesses it can sign.
SHORTEST_SECRET = 16

#: These would break out of the JSON that the values end in.
_FORBIDDEN = re.compile(r'["\\\s]')


@dataclass(frozen=True)
class Question:
    """One value."""

    name: str
    explanation: str
    variable: str
    secret: bool = True

    def fault(self, value: str) -> str:
        """What is wrong with an answer, without repeating it; empty where nothing is."""
        if not value:
            return f"the {self.name} is needed"
        if _FORBIDDEN.search(value):
            return f"the {self.name} has no quotes, backslashes or white space in it"
        if self.secret and len(value) < SHORTEST_SECRET:
            return f"the {self.name} has at least {SHORTEST_SECRET} characters; this has {len(value)}"
        return ""


CLIENT_ID = Question(
    "client ID",
    "The client ID names your app when a workspace is connected. It is no secret.",
    "INTERCOM_CLIENT_ID",
    secret=False,
)
CLIENT_SECRET = Question(
    "client secret",
    "The client secret signs Intercom's webhooks and opens OAuth. It is not shown while you type and goes to AWS Secrets "
    "Manager only.",
    "INTERCOM_CLIENT_SECRET",
)
ACCESS_TOKEN = Question(
    "access token",
    "The access token (Developer Hub, Authentication) reads the app's own workspace. It is not shown while you type and goes "
    "to AWS Secrets Manager only.",
    "INTERCOM_ACCESS_TOKEN",
)
SECOND_SECRET = Question(
    "second secret",
    "The second secret signs webhooks too, while the client secret is being rotated. It is not shown while you type and goes "
    "to AWS Secrets Manager only.",
    "INTERCOM_WEBHOOK_SECRET",
)


def answer(question: Question, *, keep: bool = False) -> str | None:
    """The value, from the environment or from the person. With `keep`, no answer is one: what there is stays."""
    given = os.environ.get(question.variable, "").strip()
    if given:
        fault = question.fault(given)
        if fault:
            raise Failure(f"{question.variable}: {fault}")
        return given
    if not sys.stdin.isatty():
        if keep:
            return None
        raise Failure(f"nobody can be asked for the {question.name} here; set {question.variable} in the environment")
    return ask(question, keep=keep, read=getpass.getpass if question.secret else input)


def ask(question: Question, *, keep: bool, read: Callable[[str], str]) -> str | None:
    """Asks until the answer has the right form."""
    say(f"\n{question.explanation}" + (" Enter keeps what is there." if keep else ""))
    while True:
        try:
            value = read(f"  {question.name.capitalize()}: ").strip()
        except EOFError:
            raise Failure(f"no {question.name} was given") from None
        if keep and not value:
            return None
        fault = question.fault(value)
        if not fault:
            return value
        say(f"  {fault[0].upper()}{fault[1:]}.")
