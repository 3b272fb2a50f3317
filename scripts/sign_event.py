#!/usr/bin/env python3
"""Signs event files anew, after a change of their body, with the client secret of events/env.json.

    scripts/sign_event.py events/webhook-ping.json …

Webhooks carry `X-Hub-Signature` (HMAC-SHA1 under a prefix), uninstall notices and health checks `X-Body-Signature`
(HMAC-SHA256 without one), each over the raw bytes of the body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
from pathlib import Path
from typing import Any

from local.console import say
from local.settings import ROOT

ENVIRONMENT = ROOT / "events" / "env.json"


def main(paths: list[str]) -> int:
    """Signs each file."""
    if not paths:
        say(__doc__ or "")
        return 2
    secret = json.loads(ENVIRONMENT.read_text(encoding="utf-8"))["WebhookFunction"]["INTERCOM_CLIENT_SECRET"]
    for path in map(Path, paths):
        event = json.loads(path.read_text(encoding="utf-8"))
        sign(event, secret.encode())
        path.write_text(json.dumps(event, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        say(f"signed {path}")
    return 0


def sign(event: dict[str, Any], secret: bytes) -> None:
    """Puts the right signature into the headers that the event has."""
    body = event["body"].encode()
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body)
    headers = event["headers"]
    headers["content-length"] = str(len(body))
    if "x-body-signature" in headers:
        headers["x-body-signature"] = hmac.new(secret, body, hashlib.sha256).hexdigest()
    else:
        headers["x-hub-signature"] = "sha1=" + hmac.new(secret, body, hashlib.sha1).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
