"""Clients for the local AWS and the few questions a run asks it."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config

from .settings import REGION, Settings

_DESERIALIZER = TypeDeserializer()


def client(settings: Settings, service: str) -> Any:
    """A client for MiniStack; never for a real account, whatever the environment says.

    Whatever account, profile or setting the developer has in the environment is taken out of this process first: boto3
    stumbles over a profile that does not exist even where it is told everything.

    One try, and time enough for a tick of the backfill, which may last as long as its function.
    """
    forget_account(os.environ)
    return boto3.client(
        service,
        endpoint_url=settings.aws_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(read_timeout=320, retries={"total_max_attempts": 1}, proxies={}),
    )


def forget_account(environment: MutableMapping[str, str]) -> None:
    """Removes every AWS setting but the certificate bundle, and points the configuration files at nothing."""
    for name in [name for name in environment if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        del environment[name]
    environment.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """A DynamoDB item as plain Python values."""
    return {key: _DESERIALIZER.deserialize(value) for key, value in item.items()}


def query(dynamodb: Any, table: str, pk: str, prefix: str = "") -> Iterator[dict[str, Any]]:
    """The items of one partition in order, newest state."""
    names, values, condition = {"#pk": "pk"}, {":pk": {"S": pk}}, "#pk = :pk"
    if prefix:
        names["#sk"] = "sk"
        values[":prefix"] = {"S": prefix}
        condition += " AND begins_with(#sk, :prefix)"
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression=condition,
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
        ConsistentRead=True,
    )
    for page in pages:
        yield from map(plain, page["Items"])


def scan(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    """Everything in a table. Only here, where a table is small and local."""
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from map(plain, page["Items"])


def queue_depth(sqs: Any, url: str, *, delayed: bool = True) -> int:
    """Messages in a queue: waiting, in flight and (if asked for) put off until later."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    if delayed:
        names.append("ApproximateNumberOfMessagesDelayed")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes.get(name, 0)) for name in names)


def in_flight(sqs: Any, url: str) -> int:
    """Messages that a consumer has in its hands."""
    name = "ApproximateNumberOfMessagesNotVisible"
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
    return int(attributes.get(name, 0))
