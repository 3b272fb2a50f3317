"""The stack that runs, for everything that looks at it: `make show`, `status`, `logs`, `tick`, `invoke`, `replay`.

Its ports are those that its run has noted in .local/run.json, whatever they are.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from . import deploy, processes
from .console import Failure, say
from .settings import Settings

Ask = Callable[[Settings, dict[str, str]], int]


def running(state: Mapping[str, object] | None = None) -> Settings:
    """The settings of the run that is on, as far as anybody else needs them: its ports. Without a run, the usual ones."""
    ports = (processes.state() if state is None else state).get("ports")
    known = {name: port for name, port in (ports if isinstance(ports, dict) else {}).items() if isinstance(port, int)}
    usual = Settings(once=True)
    return Settings(
        once=True,
        aws_port=known.get("aws", usual.aws_port),
        intercom_port=known.get("intercom", usual.intercom_port),
    )


def answer(ask: Ask) -> int:
    """Asks the running stack something for a person. Whatever is in the way is one line."""
    settings = running()
    try:
        return ask(settings, deploy.outputs(settings))
    except (BotoCoreError, ClientError) as error:
        say(no_answer(settings, error))
    except Failure as failure:
        say(str(failure))
    except BrokenPipeError:
        # `make show | head`: who reads has seen enough. Python would complain once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        say(f"the running stack does not answer: {error}; start one with `make run`")
    except KeyboardInterrupt:
        return 130
    return 1


def no_answer(settings: Settings, error: Exception) -> str:
    """Why nothing can be looked at, and what helps."""
    if isinstance(error, EndpointConnectionError):
        return f"no stack answers at {settings.aws_url}; start one with `make run`"
    if "does not exist" in str(error):
        return f"the stack at {settings.aws_url} is not deployed yet: wait until `make run` says that it is running"
    return f"the stack at {settings.aws_url} cannot be asked: {error}"


def words(arguments: list[str], environment: Mapping[str, str] = os.environ) -> list[str]:
    """The words of a command: those of the command line, or those that make passes on in WORDS.

    There no shell has stumbled over an apostrophe among them.
    """
    if arguments:
        return arguments
    given = environment.get("WORDS", "")
    try:
        return shlex.split(given)
    except ValueError:
        return given.split()
