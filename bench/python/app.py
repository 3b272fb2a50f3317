"""The webhook function's job in Python, as one would write it with boto3: what `make bench` compares with."""

import base64
import hashlib
import hmac
import json
import logging
import os
import time

import boto3

log = logging.getLogger()
log.setLevel(logging.INFO)
queue_url = os.environ["LIVE_QUEUE_URL"]
sqs = boto3.client("sqs")
secret = json.loads(
    boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["CREDENTIALS_SECRET_ID"])["SecretString"]
)
keys = [key.encode() for key in [*secret["webhook_secrets"], secret["client_secret"]] if key]
COUNTED = {"ping", "api.request.completed"}


def answer(status, text=""):
    return {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": text}


def count(name, topic, now):
    metric = {"Namespace": "IntercomMemory", "Dimensions": [["service"]], "Metrics": [{"Name": name, "Unit": "Count"}]}
    line = {"_aws": {"Timestamp": now, "CloudWatchMetrics": [metric]}, "service": "webhook", "topic": topic, name: 1}
    print(json.dumps(line))


def handler(event, _context):
    body = event.get("body") or ""
    raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    signature = event["headers"].get("x-hub-signature", "")
    if not any(hmac.compare_digest("sha1=" + hmac.new(key, raw, hashlib.sha1).hexdigest(), signature) for key in keys):
        return answer(401, "the signature does not hold\n")
    text = raw.decode()
    notification = json.loads(text)
    topic, now = notification["topic"], time.time_ns() // 1_000_000
    if topic in COUNTED:
        count("NotificationsCounted", topic, now)
        return answer(200)
    head = json.dumps(
        {
            "v": 1,
            "kind": "notification",
            "workspace": notification.get("app_id"),
            "id": notification.get("id"),
            "topic": topic,
            "received_at_ms": now,
            "deferrals": 0,
            "trace": event["headers"].get("x-amzn-trace-id"),
        }
    )
    sqs.send_message(QueueUrl=queue_url, MessageBody=head[:-1] + ',"notification":' + text + "}")
    log.info(json.dumps({"message": "queued", "topic": topic, "id": notification.get("id")}))
    count("NotificationsQueued", topic, now)
    return answer(200)
