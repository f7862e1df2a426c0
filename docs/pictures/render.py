"""Draw the README's pictures of cards: `make pictures`. A test says when they no longer show what the program says."""

import io
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console

from cds_service.cards import Display, cards
from cds_service.criteria.knowledge import Knowledge, load_knowledge
from cds_service.evaluation import evaluate
from cds_service.fhir.bundle import read_bundle
from cds_service.sandbox import shown, stories

HERE = Path(__file__).parent
PICTURES = {"relapsed-cd117-positive": 0, "hepatitis-b-carrier": -1, "leukaemia-of-unspecified-kind": 0}
"""Story → which of its cards is drawn; each file is named for its story."""


def picture(story: str, knowledge: Knowledge) -> str:
    """The SVG of one card as the terminal shows it."""
    record = read_bundle((stories.DIRECTORY / f"{story}.json").read_bytes())
    findings = evaluate(record, knowledge, stories.WRITTEN_FOR.date(), ZoneInfo("UTC"))
    card = cards(findings, "Practitioner/invented-haematologist", Display(b"pictures"))[PICTURES[story]]
    console = Console(record=True, width=118, file=io.StringIO(), force_terminal=True)
    console.print(shown.card(msgspec.to_builtins(card)))
    return console.export_svg(title="patient-view", unique_id=story)


if __name__ == "__main__":
    loaded = load_knowledge()
    for name in PICTURES:
        (HERE / f"{name}.svg").write_text(picture(name, loaded), encoding="utf-8")
