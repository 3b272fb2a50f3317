"""The emulator's controls: what a person could do in Intercom, and what Intercom would now answer."""

from __future__ import annotations

import json
from typing import Any

from . import browser
from .console import Failure
from .settings import Settings


class Intercom:
    """The emulated Intercom of a run, by its `/_emulator` controls."""

    def __init__(self, settings: Settings) -> None:
        self._base = f"{settings.intercom_url}/_emulator"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One control; raises when it is refused."""
        payload = b"" if body is None else json.dumps(body).encode()
        status, _, text = browser.request(method, self._base + path, payload, {"Content-Type": "application/json"})
        if status >= 400:
            raise Failure(f"the emulator refused {method} /_emulator{path}: {status} {reason(text)}")
        return json.loads(text) if text.strip() else None

    def point_at(self, base_url: str, callback_url: str, memory_url: str) -> None:
        """Fills in what a person fills in on the app's pages of the Developer Hub, and whom to ask what became of it."""
        self.call(
            "PUT",
            "/settings",
            {
                "webhook_url": f"{base_url}/api/intercom/webhooks",
                "uninstall_url": f"{base_url}/api/intercom/uninstall",
                "health_url": f"{base_url}/api/intercom/health",
                "redirect_uri": callback_url,
                "memory_url": memory_url,
            },
        )

    def truth(self) -> dict[str, Any]:
        """Every object as Intercom would now return it."""
        return self.call("GET", "/truth")

    def object(self, kind: str, key: str) -> Any:
        """One object as Intercom would now return it."""
        return self.call("GET", f"/objects/{kind}/{key}")

    def mutate(self, action: str, **given: Any) -> dict[str, Any]:
        """Does something in the workspace and delivers its webhook."""
        return self.call("POST", "/mutate", {"action": action, "deliver": "once", **given})

    def requests(self) -> dict[str, Any]:
        """How many API requests were made."""
        return self.call("GET", "/requests")


def reason(answer: str) -> str:
    """Why a control was refused, in its own words."""
    try:
        return str(json.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return answer[:200]
