"""The part of `make bench` about history: a first backfill beside other connectors, reconciliation, live events meanwhile.

bench/backfill counts and measures; here its figures become tables.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from typing import Any

from . import bench_costs as costs
from . import bench_page as page
from . import bench_peers as peers
from .console import Failure, say
from .settings import LOGS, ROOT

PARTS = ("backfill", "reconcile", "live")
PROFILE = "bench-local"

#: The design's budgets.
LEAST_SHARE = 95.0
MOST_LIVE_P95_MS = 5_000.0

#: What a call takes on AWS, of which nothing can be measured here; docs/benchmarks.md says so beside the bill.
WEBHOOK_SECONDS = 0.010
INTERCOM_SECONDS = 0.200
DYNAMODB_SECONDS = 0.005

Figures = dict[str, Any]


def run(part: str, options: list[str]) -> str:
    """Measures one part, writes its tables into the page, and gives them."""
    build()
    if part == "backfill":
        installed = [peer for peer in peers.PEERS if peers.install(peer)]
        say("Measuring a first backfill beside other connectors (about ten minutes)")
        text = backfill(measure(part, ["--peers", str(peers.listed(installed)), *options]))
    elif part == "reconcile":
        say("Measuring reconciliation (a minute or two)")
        text = reconcile(measure(part, options))
    else:
        say("Measuring live events during a backfill (three minutes)")
        text = live(measure(part, options))
    page.write(text, part)
    return text


def build() -> None:
    """The runner, with the handlers in it."""
    say(f"Building with the profile {PROFILE} (minutes, the first time)")
    command = ["cargo", "build", "--quiet", "--profile", PROFILE, "--package", "bench-backfill"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise Failure("bench-backfill does not compile")


def measure(part: str, options: list[str]) -> Figures:
    """The runner's figures."""
    target = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target") / PROFILE / "bench-backfill"
    log = LOGS / f"bench-{part}.log"
    LOGS.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        done = subprocess.run(
            [str(target), part, *options], cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=errors
        )
    if done.returncode != 0:
        raise Failure(f"measuring {part} failed (exit code {done.returncode})", log)
    figures: Figures = json.loads(done.stdout)
    (LOGS / f"bench-{part}.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return figures


def backfill(figures: Figures) -> str:
    """Ours and the peers', with the limit enforced and lifted; the budgets; the bill."""
    limit, count = figures["limit"], figures["conversations"]
    text = ""
    for name, title in (
        ("enforced", f"{limit} requests in ten seconds are allowed, the next is answered 429"),
        ("lifted", "No limit"),
    ):
        one = figures[name]
        text += f"**{title}**\n\n" + side_by_side([one["ours"]["run"], *one["peers"]], name == "enforced") + "\n"
    ours = figures["enforced"]["ours"]
    fresh = figures["nobody_known"]["run"]["requests"]
    singly = fresh["by_route"].get("GET /contacts/{id}", 0)
    text += (
        f"Where no contact is known before, and conversations come first: {fresh['total']:,} requests, {singly:,} of them for "
        "single contacts.\n\n"
    )
    return text + backfill_budgets(ours["run"], count) + "\n" + backfill_bill(ours, count)


def side_by_side(runs: list[Figures], enforced: bool) -> str:
    """One column a connector; those that could not be installed say so."""
    by_name = {run["name"]: run for run in runs}
    names = [runs[0]["name"], *(peer.name for peer in peers.PEERS)]

    def row(title: str, cell: Any) -> list[str]:
        return [title, *(cell(by_name[name]) if name in by_name else "not installed" for name in names)]

    rows = [
        row("requests", lambda run: f"{run['requests']['total']:,}"),
        row("of these answered 429", lambda run: f"{run['requests']['rate_limited']:,}"),
    ]
    if enforced:
        rows.append(row("share of the allowance used", lambda run: percent(run["requests"]["share_percent"])))
        rows.append(row("most requests in one window", lambda run: f"{run['requests']['max_in_window']:,}"))
    rows.append(row("wall time", lambda run: f"{run['seconds']:.1f} s"))
    for kind in ("conversations", "parts"):
        rows.append(row(f"{kind} complete", lambda run, kind=kind: complete(run["complete"], kind)))
    if any(run["ended"] for run in runs):
        rows.append(row("ended", lambda run: run["ended"] or "by itself"))
    return page.table(["", *names], rows)


def backfill_budgets(run: Figures, count: int) -> str:
    """The design's budgets of a first backfill under an enforced limit."""
    requests, allowed = run["requests"], count + count // 50 + 20
    share = requests["share_percent"]
    return budgets(
        [
            (
                f"requests for {count:,} conversations",
                f"{requests['total']:,}",
                f"{allowed:,}",
                requests["total"] <= allowed,
            ),
            ("429s under the enforced limit", f"{requests['rate_limited']:,}", "0", requests["rate_limited"] == 0),
            ("share of the allowance used", percent(share), f"≥ {LEAST_SHARE:.0f} %", (share or 0.0) >= LEAST_SHARE),
            (
                "conversations and parts that are missing",
                f"{missing(run['complete']):,}",
                "0",
                missing(run["complete"]) == 0,
            ),
        ]
    )


def backfill_bill(ours: Figures, count: int) -> str:
    """Per 1,000 conversations, from what the run under the limit spent."""
    per = count / 1000
    ticks, batches = ours["ticks"], ours["batches"]
    lines = [
        *costs.dynamodb(ours["dynamodb"]["read"], ours["dynamodb"]["write"], per),
        # Each batch is received once and deleted once.
        costs.sqs(ours["sends"] + 2 * batches["count"], per),
        costs.functions("Lambda, backfill", ticks["count"], ticks["seconds"], costs.BACKFILL_GB, per),
        costs.functions("Lambda, enrich", batches["count"], batches["seconds"], costs.ENRICH_GB, per),
    ]
    return page.table(["1,000 conversations backfilled", "counted", "on paper"], costs.rows(lines))


def reconcile(figures: Figures) -> str:
    """What each reconciliation asked and wrote; the budget; the bill of live events."""
    count, changed = figures["conversations"], figures["changed"]
    titles = {
        "nothing": "nothing changed",
        "told": f"1 % changed ({changed}), webhooks came",
        "lost": f"every conversation changed, 1 % of the webhooks ({changed}) were lost",
    }
    rows = [
        [
            title,
            f"{figures[name]['requests']['total']:,}",
            f"{figures[name]['dynamodb']['read']:,.0f}",
            f"{figures[name]['dynamodb']['write']:,.0f}",
            "yes" if missing(figures[name]["complete"]) == 0 else f"no: {missing(figures[name]['complete'])} missing",
        ]
        for name, title in titles.items()
    ]
    text = page.table(
        ["reconciliation where", "requests", "read units", "write units", "memory equals the truth"], rows
    )
    allowed, asked = count // 50 + 20, figures["nothing"]["requests"]["total"]
    text += "\n" + budgets([("requests where nothing was missed", f"{asked:,}", f"{allowed:,}", asked <= allowed)])
    return text + "\n" + live_bill(figures["live"])


def live_bill(live: Figures) -> str:
    """Per 1,000 live events, each in a batch of its own."""
    events = live["events"]
    per = events / 1000
    seconds = live["requests"]["total"] * INTERCOM_SECONDS + live["dynamodb"]["requests"] * DYNAMODB_SECONDS
    lines = [
        costs.Cost("HTTP API requests", "1,000", 1000 * costs.API_REQUEST),
        costs.functions("Lambda, webhook", events, events * WEBHOOK_SECONDS, costs.WEBHOOK_GB, per),
        costs.sqs(live["sends"] + 2 * events, per),
        costs.functions("Lambda, enrich", events, seconds, costs.ENRICH_GB, per),
        *costs.dynamodb(live["dynamodb"]["read"], live["dynamodb"]["write"], per),
    ]
    return page.table(["1,000 live events", "counted", "on paper"], costs.rows(lines))


def live(figures: Figures) -> str:
    """From webhook to memory, and the budget."""
    measured = figures["live"]
    # What never came counts as slower than everything that did.
    times = [*measured["milliseconds"], *[math.inf] * measured["late"]]
    requests = measured["requests"]
    rows = [
        ["live events", f"{len(times):,}, one in {figures['between_ms'] / 1000:.1f} s"],
        *([f"webhook to memory, {name}", milliseconds(nearest(times, share))] for name, share in SHARES),
        ["requests, live and backfill", f"{requests['total']:,}"],
        ["of these answered 429", f"{requests['rate_limited']:,}"],
        ["share of the allowance used", percent(requests["share_percent"])],
        ["conversations complete", complete(measured["complete"], "conversations")],
        ["parts complete", complete(measured["complete"], "parts")],
    ]
    p95 = nearest(times, 0.95)
    text = page.table(["live events during a backfill", ""], rows)
    allowed = milliseconds(MOST_LIVE_P95_MS)
    return text + "\n" + budgets([("webhook to memory, p95", milliseconds(p95), allowed, p95 <= MOST_LIVE_P95_MS)])


SHARES = (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))


def nearest(values: list[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf


def budgets(rows: list[tuple[str, str, str, bool]]) -> str:
    """What was allowed, and whether it was kept."""
    return page.table(
        ["budget", "measured", "allowed", ""],
        [[what, measured, allowed, "kept" if kept else "**missed**"] for what, measured, allowed, kept in rows],
    )


def missing(complete: Figures) -> int:
    """Conversations and parts that are not there."""
    there = complete["conversations"] + complete["parts"]
    return complete["conversations_expected"] + complete["parts_expected"] - there


def complete(figures: Figures, kind: str) -> str:
    """How many of how many."""
    return f"{figures[kind]:,} of {figures[f'{kind}_expected']:,}"


def percent(share: float | None) -> str:
    """A share, where there is one."""
    return "—" if share is None else f"{share:.1f} %"


def milliseconds(value: float) -> str:
    """A time for people; what never came has none."""
    return "never" if math.isinf(value) else f"{value:,.0f} ms"
