"""A haematologist's signature under the reading of a trial: who has reviewed it, and when."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from cds_service import strict_yaml
from cds_service.errors import KnowledgeFault

APART = frozenset({"reviewed", "examples"})
"""What may differ between a shipped trial and a site's signed copy of it: no part of the reading."""
_SIGNATURE = re.compile(r"(?=.*[^\W\d_]{2}).*\b(?P<day>\d{4}-\d{2}-\d{2})\b.*")
"""Somebody's name, and a day."""
_LINE = re.compile(r"^reviewed:.*$", re.MULTILINE)


def is_signature(text: str) -> bool:
    """Whether the words tell who, and on what day."""
    found = _SIGNATURE.fullmatch(text)
    return found is not None and is_day(found["day"])


def is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def signed(text: str, by: str, on: date) -> str:
    """A trial file's text with the signature, and otherwise as it was. Raises: ValueError for what is no name."""
    signature = f"{by.strip()}, {on}"
    if not by.strip() or not is_signature(signature):
        raise ValueError("a signature needs a name")
    line = f"reviewed: {json.dumps(signature, ensure_ascii=False)}"
    return _LINE.sub(lambda _: line, text, count=1)


def why_not_signed(copy: Path, shipped: Path) -> Iterator[KnowledgeFault]:
    """Why a site's file is not the shipped one, signed. Raises: KnowledgeErrors for a file that is no YAML."""
    own, ours = strict_yaml.load(copy), strict_yaml.load(shipped)
    if not isinstance(own.tree, dict) or not isinstance(ours.tree, dict) or not own.tree.get("reviewed"):
        problem = "stands in the directory of CDS_TRIALS, and the trial is shipped already"
        yield KnowledgeFault(
            copy.name, None, "", problem, "remove it there, or say in `reviewed` who has reviewed it, and when"
        )
        return
    for key in sorted((own.tree.keys() | ours.tree.keys()) - APART):
        if own.tree.get(key) != ours.tree.get(key):
            fix = "have the shipped file reviewed, and sign it anew: what was signed is not what this version ships"
            yield own.fault(key, "is not as in the trial that is shipped", fix)
