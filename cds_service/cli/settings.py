"""cds-service settings: what can be set, and what is."""

import argparse

from rich.console import Console
from rich.table import Table

from cds_service.cli.subcommand import Subcommands, with_examples
from cds_service.settings import SETTINGS, current_values, read_settings


def add_parser(subcommands: Subcommands) -> None:
    parser = subcommands.add_parser(
        "settings",
        help="list all settings and their values",
        description="List every CDS_* variable with its value and meaning; a wrong one is reported.",
        **with_examples("cds-service settings", "CDS_TIMEZONE=Asia/Shanghai cds-service settings"),
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    read_settings()
    values = current_values()
    table = Table()
    for name in ("Setting", "Value", "Default", "Meaning"):
        table.add_column(name, overflow="fold")
    for setting in SETTINGS:
        table.add_row(setting.name, values[setting.name], setting.default, setting.help)
    Console().print(table)
    return 0
