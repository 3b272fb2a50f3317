"""What `make deploy` asks of the AWS account and tells it by itself; everything else is done by SAM."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, ProfileNotFound

from local.console import Failure, say

#: What Lambda lets a new account run at once. The bundle works with it, but one busy function takes it all.
SMALL_ACCOUNT = 100

#: A stack whose first deploy failed and left nothing but its name.
EMPTY_HUSKS = ("ROLLBACK_COMPLETE",)


@dataclass(frozen=True)
class Stack:
    """What there is of the stack before a deploy; `parameters` is empty where there is none."""

    exists: bool
    parameters: dict[str, str]


class Account:
    """One account and region, as the AWS SDKs' own rules find them."""

    def __init__(self, profile: str | None, region: str | None) -> None:
        try:
            self.session = boto3.Session(profile_name=profile, region_name=region)
        except ProfileNotFound as error:
            raise Failure(f"{error}; `aws configure list-profiles` names those there are") from error
        except BotoCoreError as error:
            raise Failure(f"the AWS configuration cannot be read: {error}") from error
        if not self.session.region_name:
            raise Failure('no AWS region is set: add --region (ARGS="--region eu-west-1"), or set AWS_REGION')
        self.region: str = self.session.region_name
        self.number: str = self.ask("sts", "get_caller_identity")["Account"]

    def client(self, service: str) -> Any:
        """A client that gives up soon: a person is waiting."""
        return self.session.client(service, config=Config(connect_timeout=5, retries={"total_max_attempts": 2}))

    def ask(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """One call; what can go wrong with it is one line."""
        try:
            return getattr(self.client(service), operation)(**arguments)
        except NoCredentialsError as error:
            raise Failure("no AWS credentials were found: `aws configure`, `aws sso login`, or AWS_PROFILE") from error
        except NoRegionError as error:
            raise Failure("no AWS region is set: add --region, or set AWS_REGION") from error
        except ClientError as error:
            raise Failure(
                f"AWS refused {service} {operation}: {error.response['Error'].get('Message', error)}"
            ) from error
        except BotoCoreError as error:
            raise Failure(f"AWS cannot be asked ({service} {operation}): {error}") from error

    def stack(self, name: str) -> Stack:
        """What there is of the stack. One that a failed first deploy left behind is removed: it would block this one."""
        found = self.describe(name)
        status = found["StackStatus"] if found else "REVIEW_IN_PROGRESS"
        if status in EMPTY_HUSKS:
            say(f"The stack {name} is what a failed first deploy left, empty; removing it.")
            self.ask("cloudformation", "delete_stack", StackName=name)
            try:
                self.client("cloudformation").get_waiter("stack_delete_complete").wait(StackName=name)
            except BotoCoreError as error:
                raise Failure(
                    f"the stack {name} could not be removed; look at it in the CloudFormation console"
                ) from error
            found, status = None, "REVIEW_IN_PROGRESS"
        if status == "REVIEW_IN_PROGRESS" or found is None:
            return Stack(False, {})
        if not status.endswith("_COMPLETE") or status.startswith("DELETE"):
            raise Failure(f"the stack {name} is in the state {status}; look at it in the CloudFormation console first")
        parameters = {one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])}
        return Stack(True, parameters)

    def describe(self, name: str) -> dict[str, Any] | None:
        """The stack as CloudFormation describes it."""
        try:
            return self.ask("cloudformation", "describe_stacks", StackName=name)["Stacks"][0]
        except Failure as failure:
            if "does not exist" in str(failure):
                return None
            raise

    def outputs(self, name: str) -> dict[str, str]:
        """The stack's outputs."""
        found = self.describe(name)
        return {one["OutputKey"]: one["OutputValue"] for one in (found or {}).get("Outputs", [])}

    def concurrency(self) -> int | None:
        """How many Lambda instances the account may run at once; `None` where that cannot be told."""
        try:
            return int(self.ask("lambda", "get_account_settings")["AccountLimit"]["ConcurrentExecutions"])
        except (Failure, KeyError, TypeError, ValueError):
            return None

    def change_secret(self, secret_id: str, changes: dict[str, Any]) -> None:
        """Writes some fields of a JSON secret; the others stay."""
        text = self.ask("secretsmanager", "get_secret_value", SecretId=secret_id)["SecretString"]
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise Failure(f"the secret {secret_id} is not a JSON object; put one there by hand (docs/runbook.md)")
        if fields != {**fields, **changes}:
            self.ask(
                "secretsmanager", "put_secret_value", SecretId=secret_id, SecretString=json.dumps({**fields, **changes})
            )
