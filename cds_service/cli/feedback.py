"""cds-service feedback report: do clinicians accept the cards, and if not, why?"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cds_service.cards import OVERRIDE_REASONS
from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.errors import SettingsError
from cds_service.settings import read_settings
from cds_service.store.database import existing
from cds_service.store.reports import NO_REASON, Acceptance, acceptance

REASONS = (*OVERRIDE_REASONS, "other", NO_REASON)


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser("feedback", help="what clinicians made of the cards")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    report = actions.add_parser(
        "report",
        help="acceptance and override reasons per trial",
        description="Cards shown, accepted and overridden, with the reasons, per trial; read from CDS_DATABASE_URL.",
        **with_examples(
            "cds-service feedback report",
            "cds-service feedback report --since 2026-10-01 --plot feedback.svg",
        ),
    )
    report.add_argument("--since", type=date.fromisoformat, metavar="YYYY-MM-DD", help="only from this day on")
    report.add_argument("--plot", type=Path, metavar="FILE", help="draw it too, as .svg or .png; needs the extra [report]")
    report.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    since = datetime.combine(arguments.since, time.min, UTC) if arguments.since is not None else None
    rows = acceptance(existing(read_settings().database_url), since)
    if not rows:
        sys.stdout.write("no cards were shown and no feedback came\n")
        return 0
    Console().print(_table(rows))
    if arguments.plot is not None:
        _plot(rows, arguments.plot)
    return 0


def _table(rows: Sequence[Acceptance]) -> Table:
    table = Table()
    table.add_column("Trial or card")
    for name in ("Shown", "Accepted", "Overridden", "Acceptance"):
        table.add_column(name, justify="right")
    table.add_column("Reasons")
    for row in rows:
        share = "" if row.share is None else f"{row.share:.0%}"
        counts = [str(count) for count in (row.shown, row.accepted, row.overridden)]
        reasons = ", ".join(f"{reason} {row.reasons[reason]}" for reason in REASONS if row.reasons[reason])
        table.add_row(row.topic, *counts, share, reasons)
    return table


def _plot(rows: Sequence[Acceptance], path: Path) -> None:
    """A bar a trial: accepted, then each reason. Raises: SettingsError where the library is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SettingsError("--plot needs matplotlib: pip install 'cds-service[report]'") from error
    figure = Figure(figsize=(9, 1.5 + 0.5 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    topics = [row.topic for row in rows]
    left = [0] * len(rows)
    for name in ("accepted", *REASONS):
        counts = [row.accepted if name == "accepted" else row.reasons[name] for row in rows]
        if any(counts):
            axes.barh(topics, counts, left=left, label=name)
            left = [before + count for before, count in zip(left, counts, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("cards with feedback")
    axes.legend(loc="best", frameon=False)
    figure.savefig(path)
