"""JSON as programs really write it: what is no JSON by the letter, but can be read without guessing.

A byte-order mark before it, and half of a surrogate pair in a text (an emoji that a field's length cut in two): neither may
cost a patient the whole record. Everything else that is not JSON is refused.
"""

import codecs
import re

import msgspec

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)
"""What decoding raises where bytes are no JSON, are nested too deep, or hold something else than is asked for."""
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\."  # any other escape, so that none is taken up in its middle
)


def mended(body: bytes) -> bytes | None:
    """The same text readable to a strict parser; None where there was nothing to mend."""
    text = body.removeprefix(codecs.BOM_UTF8)
    text = _ESCAPES.sub(lambda escape: rb"\ufffd" if escape["half"] else escape[0], text)
    return None if text == body else text
