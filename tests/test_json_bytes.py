"""JSON that is none by the letter, and what is never touched."""

import pytest

from cds_service.json_bytes import mended


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'\xef\xbb\xbf{"a": 1}', b'{"a": 1}'),
        (rb'"cut \ud83d"', rb'"cut \ufffd"'),
        (rb'"\uDE00 cut"', rb'"\ufffd cut"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
    ],
)
def test_a_mark_and_half_a_pair_are_mended(body: bytes, text: bytes) -> None:
    assert mended(body) == text


@pytest.mark.parametrize("body", [b"{}", rb'"\ud83d\ude00"', rb'"a \\ud83d"', rb'"\u00e9\n"', b"NaN", b"\xff"])
def test_everything_else_is_left_alone(body: bytes) -> None:
    assert mended(body) is None
