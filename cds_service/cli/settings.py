"""cds-service settings: what can be set, and what is."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.errors import SettingsError
from cds_service.settings import SETTINGS, current_values, read_settings


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "settings",
        help="list all settings and their values",
        description="List every CDS_* variable with its value and meaning, passwords masked; a wrong one is reported.",
        **with_examples("cds-service settings", "CDS_TIMEZONE=Asia/Shanghai cds-service settings"),
    )
    parser.add_argument("--markdown", action="store_true", help="the table of defaults as docs/settings.md has it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.markdown:
        sys.stdout.write(markdown())
        return 0
    problem: SettingsError | None = None
    try:
        values = current_values()
    except SettingsError as error:  # whoever sets one that there is not wants to see those that there are
        problem, values = error, current_values({})
    table = Table()
    for name in ("Setting", "Value" if problem is None else "Value by default", "Default", "Meaning"):
        table.add_column(name, overflow="fold")
    for setting in SETTINGS:
        table.add_row(setting.name, values[setting.name], setting.default, setting.help)
    Console().print(table)
    if problem is not None:
        raise problem
    read_settings()
    return 0


def markdown() -> str:
    """The settings as a table for documents."""
    rows = [f"| `{setting.name}` | `{setting.default or ' '}` | {setting.help} |" for setting in SETTINGS]
    return "\n".join(("| variable | default | meaning |", "|---|---|---|", *rows, ""))
