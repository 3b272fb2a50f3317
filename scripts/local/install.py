"""Connects the workspace through OAuth, the way a person in a browser does."""

from __future__ import annotations

import json
from typing import Any

from . import aws
from .browser import Browser, Page, first_form, request
from .console import Failure, say
from .settings import LOGS, MINISTACK_LOG, Settings


def through_oauth(settings: Settings, install_url: str) -> None:
    """From the install URL over Intercom's authorize page to the connected page."""
    browser = Browser()
    authorize = browser.get(install_url)
    tell(authorize)
    form = first_form(authorize)
    if authorize.status != 200 or form is None or not authorize.url.startswith(settings.intercom_url):
        raise stuck("the install URL does not lead to Intercom's authorize page", authorize)
    connected = browser.submit(form)
    tell(connected)
    if connected.status != 200 or not connected.url.startswith(settings.public_url):
        raise stuck("authorizing does not end on a connected page", connected)


def status_of(settings: Settings, outputs: dict[str, str]) -> dict[str, Any]:
    """The status of the workspace as JSON, asked for with the operator key."""
    key = operator_key(settings, outputs)
    url = f"{settings.internal_url}/api/intercom/status?workspace={settings.workspace}"
    status, _, text = request("GET", url, headers={"Accept": "application/json", "Authorization": f"Bearer {key}"})
    if status != 200:
        raise Failure(f"the status page answered {status}", MINISTACK_LOG)
    return json.loads(text)


def status_link(settings: Settings, outputs: dict[str, str]) -> str:
    """A new link to the status page, for one browser and the next fifteen minutes."""
    url = f"{settings.internal_url}/api/intercom/status?workspace={settings.workspace}&link=new"
    headers = {"Accept": "application/json", "Authorization": f"Bearer {operator_key(settings, outputs)}"}
    status, _, text = request("GET", url, headers=headers)
    if status != 200:
        raise Failure(f"the status page gives no link, but {status}", MINISTACK_LOG)
    return json.loads(text)["link"]


def operator_key(settings: Settings, outputs: dict[str, str]) -> str:
    """The key to the status page, which the deploy has generated."""
    secret = aws.client(settings, "secretsmanager").get_secret_value(SecretId=outputs["KeysSecretArn"])
    return json.loads(secret["SecretString"])["operator_key"]


def tell(page: Page) -> None:
    """Each address on the way."""
    for stop in page.way:
        say(f"  {stop}")


def stuck(reason: str, page: Page) -> Failure:
    """Names the page on which the installation stopped, and shows the functions' log."""
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / "install-page.html").write_text(page.body, encoding="utf-8")
    return Failure(
        f"{reason}: {page.url.split('?')[0]} answered {page.status} (page in .local/logs/install-page.html)",
        MINISTACK_LOG,
    )
