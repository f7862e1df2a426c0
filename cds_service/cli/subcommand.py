"""What the subcommands share: their type, and help with examples."""

import argparse
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]  # argparse has no public name for it
else:
    Subcommands = object


class ExampleHelp(TypedDict):
    epilog: str
    formatter_class: type[argparse.HelpFormatter]


def with_examples(*examples: str) -> ExampleHelp:
    """The end of a help text: commands that can be typed."""
    lines = "\n".join(f"  {example}" for example in examples)
    return {"epilog": f"examples:\n{lines}", "formatter_class": argparse.RawDescriptionHelpFormatter}
