"""The two servers of a run: MiniStack in AWS's place, the emulator in Intercom's."""

from __future__ import annotations

from . import compiling
from .processes import Child
from .settings import REGION, Settings, aws_environment, venv_bin


def start_ministack(settings: Settings) -> Child:
    """MiniStack with nothing in it. Its state lives in its memory, so each run begins from the same place."""
    child = Child(
        "ministack",
        [str(venv_bin("aws") / "ministack")],
        {
            **aws_environment(settings),
            "GATEWAY_PORT": str(settings.aws_port),
            "MINISTACK_REGION": REGION,
            # Otherwise it listens on every interface of the machine, the two below included.
            "BIND_HOST": "127.0.0.1",
            # Every call is checked against the caller's policies: a function whose role lacks something fails here too.
            "AUTH": "true",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        },
    )
    child.wait_until_answering(f"{settings.aws_url}/_ministack/health", 30)
    return child


def start_emulator(settings: Settings) -> Child:
    """The emulated Intercom with a workspace of the run's size."""
    options = {
        "--port": settings.intercom_port,
        "--workspace": settings.workspace,
        "--client-id": settings.client_id,
        "--client-secret": settings.client_secret,
        "--conversations": settings.conversations,
        "--contacts": settings.contacts,
        "--companies": settings.companies,
        "--articles": settings.articles,
        "--tickets": settings.tickets,
        # 10,000 a minute is what Intercom's documents give an app. Functions can only be killed in the middle of something
        # where it takes a while, so a run that checks is held to what Intercom gave before 2024.
        "--rate-limit": 166 if settings.once else 1_666,
    }
    child = Child(
        "emulator",
        [str(compiling.EMULATOR), *(str(word) for pair in options.items() for word in pair)],
        aws_environment(settings),
    )
    child.wait_until_answering(f"{settings.intercom_url}/_emulator", 15)
    return child
