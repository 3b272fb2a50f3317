#!/usr/bin/env python3
"""`make deploy`: the bundle into an AWS account. Asks for the Intercom app's client ID and client secret, nothing else.

Without a terminal both come from the environment: INTERCOM_CLIENT_ID, INTERCOM_CLIENT_SECRET. A later deploy asks for
nothing and keeps them.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from local.console import Failure, report_failure, say
from local.settings import ROOT, STACK
from rollout import questions, sam
from rollout.account import SMALL_ACCOUNT, Account, Stack

#: The schedule is named after the stack, with nine characters more, and may have 64.
LONGEST_STACK_NAME = 55

HUB = "https://app.intercom.com/a/developer-signup"


@dataclass(frozen=True)
class Answers:
    """What a deploy is told: the template's parameters, and what goes into the operator's own secret afterwards."""

    parameters: dict[str, str]
    optional: dict[str, Any]


def main() -> int:
    """Deploys; the exit code is 0 when the stack is there."""
    given = arguments()
    signal.signal(signal.SIGTERM, interrupt)
    try:
        deploy(given)
    except Failure as failure:
        report_failure(failure)
        return 1
    except KeyboardInterrupt:
        say("\nstopped. What CloudFormation has begun it ends by itself; `make deploy` goes on from there.")
        return 130
    return 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make deploy", description="Deploy the bundle to AWS.")
    parser.add_argument("--stack-name", default=STACK, help=f"name of the CloudFormation stack (default {STACK})")
    parser.add_argument("--region", help="AWS region (default: that of the AWS configuration)")
    parser.add_argument("--profile", help="AWS profile (default: that of the AWS configuration)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="another parameter of the template; repeatable"
    )
    parser.add_argument("--ask", action="store_true", help="ask again for what the stack has already")
    parser.add_argument("--private-app", action="store_true", help="one workspace by its access token, without OAuth")
    parser.add_argument("--second-secret", action="store_true", help="accept a second webhook secret, for a rotation")
    parser.add_argument("--built", type=Path, metavar="TEMPLATE", help="deploy this built template; build nothing")
    return parser.parse_args()


def deploy(given: argparse.Namespace) -> None:
    """Everything, in an order in which what can be wrong is told before anything takes its time."""
    check_stack_name(given.stack_name)
    others = other_parameters(given.set)
    account = Account(given.profile, given.region)
    stack = account.stack(given.stack_name)
    say(
        f"Deploying to account {account.number}, region {account.region}, "
        f"stack {given.stack_name} ({'there already' if stack.exists else 'new'})."
    )
    warn_of_small_account(account)
    answers = ask(given, stack)
    architecture = others.get("Architecture") or stack.parameters.get("Architecture") or "arm64"
    template = given.built.resolve() if given.built else sam.build(architecture)
    sam.check_built(template, architecture)

    def run(parameters: dict[str, str]) -> None:
        sam.deploy(template, given.stack_name, account.region, given.profile, parameters)

    # Not in the first deploy: should it fail, it has to be able to take its tables back.
    protection = {} if "DeletionProtection" in others else {"DeletionProtection": "true"}
    run({**(protection if stack.exists else {}), **others, **answers.parameters})
    if protection and not stack.exists:
        say("\nThe stack stands; now its tables are protected against deletion.")
        run(protection)
    outputs = account.outputs(given.stack_name)
    if answers.optional:
        account.change_secret(outputs["OptionalSecretArn"], answers.optional)
    tell(outputs, answers, stack)


def check_stack_name(name: str) -> None:
    """CloudFormation's rule, and our own limit."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
        raise Failure("a stack's name has letters, digits and hyphens, and begins with a letter")
    if len(name) > LONGEST_STACK_NAME:
        raise Failure(f"the stack's name has {len(name)} characters; {LONGEST_STACK_NAME} are possible")


def other_parameters(words: list[str]) -> dict[str, str]:
    """What `--set` names. SAM would pass over a name that the template does not have."""
    known = template_parameters()
    parameters: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if name not in known:
            raise Failure(f"the template has no parameter {name}; README.md lists them")
        if not sign:
            raise Failure(f"--set takes NAME=VALUE: {name} has no value")
        if known[name].get("NoEcho"):
            raise Failure(f"{name} is a secret, and a command line is none: it is asked for, or set in the environment")
        parameters[name] = value
    return parameters


def template_parameters() -> dict[str, dict[str, Any]]:
    """The template's parameters."""
    return yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), Loader=Tolerant)["Parameters"]


class Tolerant(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, which nobody here needs the meaning of."""


Tolerant.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def ask(given: argparse.Namespace, stack: Stack) -> Answers:
    """The two values, or the flags' others. A stack that is there already keeps what it has."""
    parameters: dict[str, str] = {}
    optional: dict[str, Any] = {}
    keep, again = stack.exists, given.ask or not stack.exists
    if again and sys.stdin.isatty():
        say(f'\nOpen your app in {HUB}, "Basic information".')
    if not given.private_app:
        client_id = value(questions.CLIENT_ID, again, keep)
        if client_id is not None:
            parameters["IntercomClientId"] = client_id
    client_secret = value(questions.CLIENT_SECRET, again, keep)
    if client_secret is not None:
        parameters["IntercomClientSecret"] = client_secret
        # A rotation ends here: the second secret was the one that is the first now.
        if keep and not given.second_secret:
            optional["webhook_secrets"] = []
    if given.private_app:
        optional["access_token"] = questions.answer(questions.ACCESS_TOKEN)
    if given.second_secret:
        optional["webhook_secrets"] = [questions.answer(questions.SECOND_SECRET)]
    return Answers(parameters, optional)


def value(question: questions.Question, again: bool, keep: bool) -> str | None:
    """The answer, where there is something to ask or the environment says something."""
    if again or os.environ.get(question.variable):
        return questions.answer(question, keep=keep)
    return None


def warn_of_small_account(account: Account) -> None:
    """A new account may run ten Lambdas at once, which one first backfill takes alone."""
    limit = account.concurrency()
    if limit is not None and limit <= SMALL_ACCOUNT:
        say(
            f"This account may run {limit} Lambda instances at once. That is enough to begin with; for more than one busy "
            "workspace ask AWS for 1,000 (Service Quotas, Lambda, Concurrent executions)."
        )


def tell(outputs: dict[str, str], answers: Answers, stack: Stack) -> None:
    """What to do next."""
    say(f"\nDeployed. {'Its addresses' if stack.exists else 'Now tell Intercom its addresses'}, in {HUB}:")
    if "access_token" not in answers.optional:
        say(f'  Authentication, "Use OAuth", redirect URL   {outputs["CallbackUrl"]}')
    say(f"  Webhooks, endpoint URL                      {outputs['WebhookUrl']}")
    say('  and there the topics (README.md, "Deploy it to AWS", has the list)')
    say(f"  Uninstall URL, where it is asked for        {outputs['UninstallUrl']}")
    say(f"  Health check URL, where it is asked for     {outputs['HealthUrl']}")
    if "access_token" in answers.optional:
        say("\nThe workspace registers itself within six minutes; nothing has to be opened.")
    else:
        say(f"\nThen open this in a browser and press Authorize:\n  {outputs['InstallUrl']}")


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    """The same clean way out as by Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
