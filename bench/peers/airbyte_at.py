"""Runs the installed airbyte-source-intercom against INTERCOM_BASE_URL: conversations and their parts, all of them.

Its manifest has the address written into it; the copy in memory gets another one, nothing else is touched.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from airbyte_cdk.entrypoint import launch
from source_intercom import SourceIntercom

STREAMS = ("conversations", "conversation_parts")
ADDRESS = "https://api.intercom.io/"


class SourceElsewhere(SourceIntercom):
    """The connector's own source; the address in its manifest is the only thing that has no setting."""

    #: The connector finds its manifest and its specification by the package of its class.
    __module__ = SourceIntercom.__module__

    @staticmethod
    def _parse(connection_definition_str: str) -> object:
        if ADDRESS not in connection_definition_str:
            raise SystemExit("the manifest does not name Intercom's address")
        return SourceIntercom._parse(
            connection_definition_str.replace(
                ADDRESS, os.environ["INTERCOM_BASE_URL"] + "/"
            )
        )


def main() -> None:
    """A first sync of the two streams; records go to the standard output."""
    config = {
        "access_token": os.environ["INTERCOM_ACCESS_TOKEN"],
        "start_date": "2020-01-01T00:00:00Z",
    }
    with tempfile.TemporaryDirectory() as folder:
        config_file, catalog_file = (
            Path(folder) / "config.json",
            Path(folder) / "catalog.json",
        )
        config_file.write_text(json.dumps(config), encoding="utf-8")
        catalog_file.write_text(json.dumps(catalog()), encoding="utf-8")
        launch(
            SourceElsewhere(),
            ["read", "--config", str(config_file), "--catalog", str(catalog_file)],
        )


def catalog() -> dict[str, object]:
    """What a user would configure: both streams, incrementally."""
    return {
        "streams": [
            {
                "stream": {
                    "name": name,
                    "json_schema": {},
                    "supported_sync_modes": ["full_refresh", "incremental"],
                    "source_defined_cursor": True,
                    "default_cursor_field": ["updated_at"],
                },
                "sync_mode": "incremental",
                "destination_sync_mode": "append",
                "cursor_field": ["updated_at"],
            }
            for name in STREAMS
        ]
    }


if __name__ == "__main__":
    main()
