"""What counted requests cost on paper. No free tier, no storage, no logs, no data transfer."""

from __future__ import annotations

from dataclasses import dataclass

#: Dollars, us-east-1, on demand; where from is on docs/benchmarks.md.
WRITE_UNIT = 0.625e-6
READ_UNIT = 0.125e-6
SQS_REQUEST = 0.40e-6
LAMBDA_REQUEST = 0.20e-6
#: arm64, first tier.
LAMBDA_GB_SECOND = 0.0000133334
API_REQUEST = 1.00e-6

#: The functions' memory in the template, in GB.
WEBHOOK_GB = 0.25
ENRICH_GB = 0.5
BACKFILL_GB = 0.5


@dataclass(frozen=True)
class Cost:
    """One line of the bill: what was counted, and dollars."""

    what: str
    counted: str
    dollars: float


def dynamodb(read: float, write: float, per: float) -> list[Cost]:
    """Units, both tables and all indexes together; `per` is how many times a thousand things they were for."""
    return [
        Cost("DynamoDB, write units", f"{write / per:,.0f}", write / per * WRITE_UNIT),
        Cost("DynamoDB, read units", f"{read / per:,.0f}", read / per * READ_UNIT),
    ]


def sqs(requests: float, per: float) -> Cost:
    """Sends, receives and deletes."""
    return Cost("SQS requests", f"{requests / per:,.0f}", requests / per * SQS_REQUEST)


def functions(what: str, count: float, seconds: float, gigabytes: float, per: float) -> Cost:
    """Invocations and their time."""
    dollars = (count * LAMBDA_REQUEST + seconds * gigabytes * LAMBDA_GB_SECOND) / per
    return Cost(what, f"{count / per:,.0f} × {1000 * seconds / max(count, 1):,.0f} ms", dollars)


def rows(costs: list[Cost]) -> list[list[str]]:
    """The bill as rows of a table, the sum last."""
    lines = [[cost.what, cost.counted, f"${cost.dollars:.4f}"] for cost in costs]
    return [*lines, ["sum", "", f"${sum(cost.dollars for cost in costs):.4f}"]]
