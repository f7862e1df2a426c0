"""JSON data files without doubled keys, of which the standard reader would let one win in silence."""

import json


class DoubledKeyError(ValueError):
    """An object of the file has a key twice."""


def refuse_doubled_keys(content: str | bytes) -> None:
    """Raises: DoubledKeyError; another ValueError where the content is not JSON."""
    json.loads(content, object_pairs_hook=_no_doubles)


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) != len(pairs):
        keys = [key for key, _ in pairs]
        raise DoubledKeyError(f"has the key {next(key for key in keys if keys.count(key) > 1)} twice")
    return dict(pairs)
