#!/usr/bin/env python3
"""`make show`: looks at what the memory of the running stack holds.

make show                                          everything, one line a thing
make show ARGS="conversation 215470000000101"      one thing as Markdown
make show ARGS="mentions linear issue ENG-42"      what mentions something, newest first
"""

from __future__ import annotations

import sys
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local import aws, deploy, report
from local.console import say
from local.memory import Memory, transcript
from local.settings import Settings


def main(words: list[str]) -> int:
    """Shows what the words ask for."""
    settings = Settings(once=True)
    try:
        outputs = deploy.outputs(settings)
    except (BotoCoreError, ClientError) as error:
        say(f"no stack answers at {settings.aws_url} ({type(error).__name__}); start one with `make run`")
        return 1
    dynamodb = aws.client(settings, "dynamodb")
    memory = Memory(dynamodb, outputs["MemoryTableName"], settings.workspace)
    if not words:
        things = memory.all()
        for (entity_type, key), items in sorted(things.items()):
            title = next((item.get("title", "") for item in items if item["sk"] == "document"), "")
            say(f"{entity_type:<12} {key:<26} {title}")
        report.contents(things)
        return 0
    if len(words) == 2:
        items = memory.thing(*words)
        say(transcript(items) if items else f"nothing is remembered of {words[0]} {words[1]}")
        return 0 if items else 1
    if len(words) == 4 and words[0] == "mentions":
        return mentions(dynamodb, outputs["MemoryTableName"], "#".join([settings.workspace, *words[1:]]))
    say(__doc__ or "")
    return 2


def mentions(dynamodb: Any, table: str, relation: str) -> int:
    """Everything that has a relation to one thing, newest first: the index `by_relation`."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        IndexName="by_relation",
        KeyConditionExpression="relation_pk = :pk",
        ExpressionAttributeValues={":pk": {"S": relation}},
        ScanIndexForward=False,
    )
    found = [aws.plain(item) for page in pages for item in page["Items"]]
    for item in found:
        since = item["relation_sk"].split("#", 1)[0]
        say(f"{since}  {item['entity_type']} {item['entity_id']}  ({item['relationship']})")
    if not found:
        say(f"nothing has a relation to {relation}")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
