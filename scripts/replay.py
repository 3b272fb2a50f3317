#!/usr/bin/env python3
"""`make replay`: has the emulated Intercom send a notification again that it has sent before, the same to the byte.

make replay                              the last one
make replay ARGS=notif_0f2c7a52-…        one by its id, as `make logs` and the emulator's page show it
"""

from __future__ import annotations

import sys

from local import stack
from local.console import say
from local.intercom import Intercom
from local.settings import Settings


def replay(settings: Settings, key: str | None) -> int:
    """Sends it, and says how it was answered."""
    sent = Intercom(settings).call("POST", "/replay", {"id": key} if key else {})
    delivery = sent["delivery"]
    status, error = delivery["status"], delivery.get("error", "")
    say(
        f"{sent['topic']} {sent['id']}: " + (f"{status} after {delivery['ms']} ms" if status else f"no answer: {error}")
    )
    return 0 if status == 200 else 1


def main(arguments: list[str]) -> int:
    """Replays the one that is named, or the last."""
    words = stack.words(arguments)
    if len(words) > 1 or words[:1] in (["help"], ["--help"], ["-h"]):
        say((__doc__ or "").strip())
        return 2
    return stack.answer(lambda settings, _: replay(settings, words[0] if words else None))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
