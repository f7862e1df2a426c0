"""A card as a terminal shows it."""

from typing import cast

from rich.console import ConsoleRenderable, Group
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from cds_service.sandbox.search import Json

_COLOURS = {"info": "cyan", "warning": "yellow", "critical": "red"}


def card(content: Json) -> ConsoleRenderable:
    """Summary, detail and links in a frame coloured by the indicator."""
    colour = _COLOURS[str(content["indicator"])]
    links = "".join(f"\n\n{link['label']}: {link['url']}" for link in cast(list[Json], content.get("links", [])))
    detail = Markdown(f"{content.get('detail', '')}{links}")
    return Panel(Group(Text(f"{content['summary']}\n", style=f"bold {colour}"), detail), border_style=colour)
