"""A real `sam deploy` of the real template, and what MiniStack leaves out of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from . import aws, preflight
from .compiling import environment
from .console import Failure, say
from .processes import run_logged
from .settings import API_ID, LOGS, REGION, ROOT, STACK, Settings, venv_bin


def deploy(settings: Settings, template: Path) -> dict[str, str]:
    """Deploys the built template; returns the stack's outputs."""
    parameters = {
        "Architecture": preflight.sam_architecture(),
        "IntercomApiBaseUrl": settings.intercom_url,
        "IntercomAppBaseUrl": settings.intercom_url,
        "IntercomClientId": settings.client_id,
        "IntercomClientSecret": settings.client_secret,
        "PublicBaseUrl": settings.public_url,
        "LinkTeamKeys": "ENG",
    }
    run_logged(
        "sam deploy",
        [
            str(venv_bin("sam") / "sam"),
            "deploy",
            "--config-file",
            str(ROOT / "samconfig.yaml"),
            "--template-file",
            str(template),
            "--stack-name",
            STACK,
            "--region",
            REGION,
            "--no-confirm-changeset",
            "--no-fail-on-empty-changeset",
            "--tags",
            f"ms-custom-id={API_ID}",
            "--parameter-overrides",
            *(f"{name}={value}" for name, value in parameters.items()),
        ],
        environment(settings),
        LOGS / "sam-deploy.log",
        ROOT,
    )
    return outputs(settings)


def outputs(settings: Settings) -> dict[str, str]:
    """The outputs of the deployed stack."""
    stack = aws.client(settings, "cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def physical_ids(settings: Settings, of_type: str = "") -> dict[str, str]:
    """The stack's resources, of one type or of all: logical name to physical id."""
    pages = aws.client(settings, "cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if of_type in ("", resource["ResourceType"])
    }


def fit_policies(settings: Settings) -> None:
    """Rewrites the deployed roles' policies in the two points where MiniStack's check differs from AWS's.

    It checks every call against the caller's policies, so a function may here, too, do what its role says and no more.
    But it does not know KMS's encryption context as a condition, and takes batch calls to SQS for actions of their own,
    which for AWS are covered by the single ones.
    """
    iam = aws.client(settings, "iam")
    for role in physical_ids(settings, "AWS::IAM::Role").values():
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            for statement in document["Statement"]:
                fit_statement(statement)
            iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def fit_mappings(settings: Settings) -> None:
    """Gives the pollers of the queues their bound as a number.

    CloudFormation knows from the property's type that a parameter's text is one; MiniStack keeps the text, and its pollers
    then fail to compare it, once a second and for ever.
    """
    functions = aws.client(settings, "lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        bound = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        if bound is not None:
            functions.update_event_source_mapping(
                UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(bound)}
            )


def fit_statement(statement: dict[str, Any]) -> None:
    """One statement of a policy; see `fit_policies`."""
    condition = {
        operator: {key: value for key, value in keys.items() if not key.startswith("kms:EncryptionContext:")}
        for operator, keys in statement.pop("Condition", {}).items()
    }
    condition = {operator: keys for operator, keys in condition.items() if keys}
    if condition:
        statement["Condition"] = condition
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    batched = ("sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
    statement["Action"] = actions + [f"{action}Batch" for action in actions if action in batched]


def connect_routes(settings: Settings) -> int:
    """Makes the HTTP API's routes; returns their number.

    SAM writes them as an OpenAPI document into the API's `Body`, which AWS imports and MiniStack does not. So they are
    read from the processed template, whatever it holds, and made one by one.
    """
    cloudformation = aws.client(settings, "cloudformation")
    body = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    template: dict[str, Any] = yaml.safe_load(body) if isinstance(body, str) else body
    resources = physical_ids(settings)
    gateway = aws.client(settings, "apigatewayv2")
    integrations: dict[str, str] = {}
    made = 0
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::ApiGatewayV2::Api":
            continue
        api = resources[name]
        for path, methods in resource["Properties"]["Body"]["paths"].items():
            for method, operation in methods.items():
                function = resources[function_of(operation)]
                if function not in integrations:
                    integrations[function] = gateway.create_integration(
                        ApiId=api,
                        IntegrationType="AWS_PROXY",
                        IntegrationUri=function_arn(settings, function),
                        PayloadFormatVersion="2.0",
                    )["IntegrationId"]
                gateway.create_route(
                    ApiId=api, RouteKey=f"{method.upper()} {path}", Target=f"integrations/{integrations[function]}"
                )
                made += 1
    if made == 0:
        raise Failure("the processed template has no HTTP API route")
    say(f"  {made} routes")
    return made


def function_of(operation: dict[str, Any]) -> str:
    """The logical name of the function behind an operation of the OpenAPI document."""
    uri = json.dumps(operation["x-amazon-apigateway-integration"]["uri"])
    named = re.search(r"\$\{(\w+)\.Arn\}", uri)
    if named is None:
        raise Failure(f"no function in the integration {uri}")
    return named.group(1)


def function_arn(settings: Settings, name: str) -> str:
    """The ARN of a function by its name."""
    return aws.client(settings, "lambda").get_function_configuration(FunctionName=name)["FunctionArn"]
