"""The life of an installation: connected again, uninstalled, and back."""

from __future__ import annotations

import json

from . import install
from .intercom import Intercom
from .settings import Settings


def check(settings: Settings, outputs: dict[str, str], intercom: Intercom) -> list[str]:
    """Takes the workspace through it and leaves it connected. Returns what is wrong."""
    wrong: list[str] = []

    def expect(what: str, status: str, health: str) -> None:
        found = install.status_of(settings, outputs)["status"]
        if found != status:
            wrong.append(f"{what}: the installation is {found}, not {status}")
        answered = health_state(intercom)
        if answered != health:
            wrong.append(f"{what}: Intercom's health check is answered {answered}, not {health}")

    before = read_so_far(settings, outputs)
    install.through_oauth(settings, outputs["InstallUrl"])
    expect("after connecting a second time", "active", "OK")
    after = read_so_far(settings, outputs)
    lost = [resource for resource, up_to in before.items() if (after.get(resource) or "") < (up_to or "")]
    wrong.extend(f"connecting a second time loses the checkpoint of {resource}" for resource in lost)

    notice = intercom.call("POST", "/uninstall")
    if notice["status"] != 200:
        wrong.append(f"Intercom's uninstall notice is answered {notice['status']}, not 200")
    expect("after the uninstall", "uninstalled", "UNHEALTHY")

    install.through_oauth(settings, outputs["InstallUrl"])
    expect("after coming back", "active", "OK")
    return wrong


def health_state(intercom: Intercom) -> str:
    """What Intercom's daily question whether the installation works is answered."""
    answer = intercom.call("POST", "/health")
    try:
        return str(json.loads(answer["body"]).get("state"))
    except ValueError:
        return f"HTTP {answer['status']}"


def read_so_far(settings: Settings, outputs: dict[str, str]) -> dict[str, str | None]:
    """Up to when each resource has been read."""
    resources = install.status_of(settings, outputs)["resources"]
    return {resource["resource"]: resource.get("up_to") for resource in resources}
