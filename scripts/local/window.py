"""A window into the memory for the emulator's page, which knows nothing of the connector: one conversation, read only.

`GET /conversations/<id>` answers `{"parts": [ids…], "text": "…"}`, read from the table at that moment.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import BotoCoreError, ClientError

from .memory import Item, Memory, events_of, what_of
from .names import Names, keys_in
from .rendering import markdown

PREFIX = "/conversations/"


class MemoryWindow(ThreadingHTTPServer):
    """Answers on a free port of the loopback interface until it is closed."""

    daemon_threads = True

    def __init__(self, memory: Memory) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.memory = memory
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        """Answers no more."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: MemoryWindow

    def do_GET(self) -> None:
        """One conversation."""
        # A page of another site that a browser on this machine shows comes under another name.
        own = self.headers.get("Host") == f"127.0.0.1:{self.server.server_port}"
        if not own or not self.path.startswith(PREFIX):
            self._answer(404, {"error": "only conversations are shown here"})
            return
        try:
            self._answer(200, conversation(self.server.memory, unquote(self.path.removeprefix(PREFIX))))
        except (BotoCoreError, ClientError) as error:
            self._answer(503, {"error": f"the table does not answer ({type(error).__name__})"})

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the run's output is not for this."""


def conversation(memory: Memory, key: str) -> dict[str, Any]:
    """A conversation with the names of whom it has to do with."""
    items = memory.thing("conversation", key)
    if not items:
        return {"parts": [], "text": ""}
    people = memory.documents_of(keys_in(items))
    # A contact's companies are named by their own documents.
    known = {(one["entity_type"], one["entity_id"]) for one in people}
    companies = {("company", str(key)) for one in people for key in (one.get("fields") or {}).get("company_ids") or []}
    more = memory.documents_of(sorted(companies - known))
    return shown(items, Names([*people, *more, *documents(items)]))


def documents(items: list[Item]) -> list[Item]:
    """The document among the items, as a list."""
    return [item for item in items if item["sk"] == "document"]


def shown(items: list[Item], names: Names) -> dict[str, Any]:
    """Which parts are there, and all of it for people."""
    return {"parts": [what_of(event) for event in events_of(items)], "text": markdown(items, names)}
