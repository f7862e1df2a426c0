"""The README's pictures show what the program says today."""

import html
import importlib.util
import re
from types import ModuleType

import pytest

from cds_service.criteria.knowledge import Knowledge

SPEC = importlib.util.spec_from_file_location("render", "docs/pictures/render.py")
assert SPEC is not None
assert SPEC.loader is not None
render: ModuleType = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(render)


def words(svg: str) -> list[str]:
    """What a picture says; the knowledge's digest is of its own day."""
    text = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))
    return re.sub(r"knowledge\s+[0-9a-f]{12}", "knowledge", html.unescape(text).replace("\xa0", " ")).split()


@pytest.mark.parametrize("story", render.PICTURES)
def test_a_picture_shows_the_card_as_it_is_now_else_run_make_pictures(story: str, knowledge: Knowledge) -> None:
    drawn = (render.HERE / f"{story}.svg").read_text(encoding="utf-8")
    assert words(drawn) == words(render.picture(story, knowledge))
