"""What the functions log, for people: one line an event, with what it is about, how it went and how long it took. No I/O."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone

#: `INFO Lambda runtime invoke{requestId="…" xrayTraceId="…"}: written entity=conversation id="215…"`
_MESSAGE = re.compile(r"^\s*(TRACE|DEBUG|INFO|WARN|ERROR) (?:Lambda runtime invoke\{([^}]*)\}: )?(.*)$", re.DOTALL)
_REQUEST = re.compile(r'(?:requestId="|RequestId: )([\w-]+)')
_DURATION = re.compile(r"\bDuration: ([\d.]+) ms")
_FIELD = re.compile(r'(?:^| )([a-z_]+)=("(?:[^"\\]|\\.)*"|[A-Z]\w* \{[^}]*\}|.*?)(?= [a-z_]+=|$)', re.DOTALL)

#: Fields that say what an event is about, in the order of their worth. The workspace of a local run is always the same.
_ABOUT = ("topic", "entity", "resource", "id", "message_id", "path")
_UNTOLD = ("workspace", *_ABOUT)

#: The functions that somebody waits for: that they answered is worth a line, even where they have nothing to say.
ASKED = ("oauth", "webhook")


@dataclass(frozen=True)
class Line:
    """One line of a log group."""

    at_ms: int
    function: str
    text: str
    #: What tells it from others of the same moment.
    key: str = ""


@dataclass(frozen=True)
class Said:
    """What a function said."""

    level: str
    message: str
    fields: dict[str, str]


class Teller:
    """Puts the lines of an invocation together: how long it took is known only at its end."""

    def __init__(self) -> None:
        self._open: dict[str, list[Line]] = {}

    def tell(self, line: Line) -> list[str]:
        """The lines for people that are complete with this one."""
        metric = metric_of(line.text)
        if metric is not None:
            return in_memory(line, metric)
        named = _REQUEST.search(line.text)
        request = named[1] if named else ""
        if line.text.startswith(("START RequestId", "INIT_START")):
            self._open.setdefault(request, [])
            return []
        if line.text.startswith("END RequestId"):
            return []
        if line.text.startswith("REPORT RequestId"):
            return finished(self._open.pop(request, []), line)
        if request in self._open:
            self._open[request].append(line)
            return []
        return [human(line, "")]

    def rest(self) -> list[str]:
        """What was said by those that have not ended yet."""
        lines = sorted((line for lines in self._open.values() for line in lines), key=lambda line: line.at_ms)
        self._open = {}
        return [human(line, "still at it") for line in lines]


def finished(lines: list[Line], report: Line) -> list[str]:
    """An invocation that has ended: what it said, or that it had nothing to say."""
    duration = _DURATION.search(report.text)
    took = f"{float(duration[1]):.0f} ms" if duration else ""
    if not lines:
        return [columns(report, "INFO", "", "answered", took)] if report.function in ASKED else []
    return [human(line, took) for line in lines]


def human(line: Line, took: str) -> str:
    """One line for people."""
    said = parse(line.text)
    if said is None:
        return columns(line, "INFO", "", line.text.strip(), took)
    return columns(line, said.level, about(said), outcome(said), took)


def parse(text: str) -> Said | None:
    """Level, message and fields of a line; nothing where it is not of this form."""
    whole = _MESSAGE.match(text)
    if whole is None:
        return None
    rest = whole[3]
    first = _FIELD.search(rest)
    message = rest[: first.start()] if first else rest
    fields = {found[1]: unquoted(found[2]) for found in _FIELD.finditer(rest[len(message) :])} if first else {}
    return Said(whole[1], message.strip(), fields)


def unquoted(value: str) -> str:
    """A text as it was before it was quoted."""
    return value[1:-1].replace('\\"', '"') if len(value) > 1 and value[0] == value[-1] == '"' else value


def about(said: Said) -> str:
    """The topic with its notification, or the thing."""
    return " ".join(said.fields[name] for name in _ABOUT if said.fields.get(name))


def outcome(said: Said) -> str:
    """What became of it."""
    fields = {name: value for name, value in said.fields.items() if name not in _UNTOLD}
    stored = re.fullmatch(r"Stored \{ items: (\d+), renamed: (true|false) \}", fields.get("written", ""))
    if stored:
        fields.pop("written")
        items = f"{stored[1]} item{'' if stored[1] == '1' else 's'}"
        more = "; those who repeat its name follow" if stored[2] == "true" else ""
        return sentence(f"{said.message} ({items}{more})", fields)
    if fields.get("written") in ("Unchanged", "Superseded"):
        known = {"Unchanged": "known already", "Superseded": "a newer view was there"}
        return sentence(known[fields.pop("written")], fields)
    return sentence(plainly(said.message), fields)


def sentence(message: str, fields: dict[str, str]) -> str:
    """A message with its error behind a colon, and the rest in brackets."""
    error = plainly(fields.pop("error", ""))
    rest = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in fields.items() if value)
    return message + (f": {error}" if error else "") + (f" ({rest})" if rest else "")


def plainly(error: str) -> str:
    """An error without the insides of Rust: of a nested one what the innermost says, else what stands before them."""
    innermost = re.search(r'original: Error\("(.*?)", line', error)
    if innermost:
        return innermost[1].replace('\\"', '"')
    error = re.sub(r'^(?:[A-Z]\w+\()+"?', "", error)
    return re.split(r"(?:^|: )[A-Z]\w+ ?\{| \([A-Z]\w+\(|\n", error)[0] or error


def without_time(text: str) -> str | None:
    """A line for who has just caused it: what went on, without when; nothing for metrics."""
    if metric_of(text) is not None:
        return None
    said = parse(text)
    if said is None:
        return text.strip()
    mark = {"WARN": "! ", "ERROR": "!! "}.get(said.level, "")
    return mark + " ".join(part for part in (about(said), outcome(said)) if part)


def columns(line: Line, level: str, thing: str, what: str, took: str) -> str:
    """Time, function, thing, outcome, milliseconds; what is no information is marked."""
    mark = {"WARN": "! ", "ERROR": "!! "}.get(level, "")
    told = f"{time_of(line.at_ms)}  {line.function:<8}  {thing}{'  ' if thing else ''}{mark}{what}"
    return f"{told}  {took}".rstrip()


def metric_of(text: str) -> dict[str, object] | None:
    """What a line for CloudWatch's metrics counts; nothing where it is no such line."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        metric = json.loads(text)
    except ValueError:
        return None
    return metric if "_aws" in metric else None


def in_memory(line: Line, metric: dict[str, object]) -> list[str]:
    """Of all metrics a person wants one by one only how long a notification took; the rest is said in other lines."""
    if "WebhookToMemory" not in metric:
        return []
    what = "in memory, after its webhook by"
    return [columns(line, "INFO", str(metric.get("topic", "")), what, f"{metric['WebhookToMemory']} ms")]


def raw(line: Line) -> str:
    """A line as it was logged, with its time and its function."""
    return f"{time_of(line.at_ms)} {line.function}: {line.text}"


def time_of(milliseconds: int) -> str:
    """The time of day, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc).strftime("%H:%M:%S.%f")[:-3]
