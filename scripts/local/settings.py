"""Where things are and how they are called, for every step of a local run."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
LOGS = LOCAL / "logs"
MINISTACK_LOG = LOGS / "ministack.log"
VENVS = LOCAL / "venvs"
#: Apart from `.aws-sam`, so that a `sam deploy` by hand never ships what was built for a local run.
BUILD = LOCAL / "build"
STATE_FILE = LOCAL / "run.json"

STACK = "intercom-memory"
REGION = "us-east-1"
FUNCTIONS = ("webhook", "oauth", "enrich", "backfill")

#: MiniStack gives the HTTP API this id (stack tag `ms-custom-id`), so its URL is known before the deploy, which the
#: parameter `PublicBaseUrl` needs. It must be eight hexadecimal digits.
API_ID = "facade01"


@dataclass(frozen=True)
class Settings:
    """One local run."""

    once: bool
    aws_port: int = 4566
    intercom_port: int = 4570
    conversations: int = 240
    contacts: int = 80
    companies: int = 12
    articles: int = 10
    tickets: int = 8
    workspace: str = "local123"
    client_id: str = "local-client"
    #: New for each run: nothing outside it can sign for it.
    client_secret: str = field(default_factory=lambda: secrets.token_hex(20))

    @property
    def steps(self) -> int:
        """How many steps a run has; one that checks fills the memory after it has killed functions, in a step of its own."""
        return 11 if self.once else 10

    @property
    def aws_url(self) -> str:
        """MiniStack. By number: clients then address S3 buckets by path, and no name has to resolve."""
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def intercom_url(self) -> str:
        """The emulated Intercom, API and web app alike."""
        return f"http://127.0.0.1:{self.intercom_port}"

    @property
    def public_url(self) -> str:
        """The API as a browser or curl reaches it: both resolve every name under `localhost` themselves."""
        return f"http://{API_ID}.execute-api.localhost:{self.aws_port}"

    @property
    def internal_url(self) -> str:
        """The same API by path, for programs that leave names to the system's resolver."""
        return f"{self.aws_url}/_aws/execute-api/{API_ID}/$default"


def venv_bin(name: str) -> Path:
    """The folder of programs of the virtual environment `name` (`sam` or `aws`)."""
    return VENVS / name / "bin"


def aws_environment(settings: Settings) -> dict[str, str]:
    """The environment of everything that talks to MiniStack.

    Whatever account, profile or endpoint the developer has configured is taken out first: nothing here may reach a
    real AWS account, and nothing of it may reach the functions, which inherit MiniStack's environment.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "SAM_", "LAMBDA_"))}
    # Certificate bundles are no account: a machine behind an inspecting proxy cannot install or build without.
    kept.update({key: value for key, value in os.environ.items() if key == "AWS_CA_BUNDLE"})
    kept.update(
        AWS_ENDPOINT_URL=settings.aws_url,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        SAM_CLI_TELEMETRY="0",
        NO_PROXY="127.0.0.1,localhost,.localhost",
        no_proxy="127.0.0.1,localhost,.localhost",
        PYTHONUNBUFFERED="1",
    )
    return kept


def interactive() -> bool:
    """Whether a person watches: progress bars for people, plain lines for logs."""
    return sys.stdout.isatty() and not os.environ.get("CI")
