"""A directory of the site's own data files: what is read from it, and a fault for what looks meant to be read and is not."""

from collections.abc import Iterator
from pathlib import Path

from cds_service.errors import KnowledgeErrors, KnowledgeFault

_DOCUMENTS = frozenset({".md", ".rst"})
_NAMED_SO = frozenset({"readme", "license", "changelog"})
_DATA = frozenset({".yaml", ".yml", ".json"})


def files_of_site(directory: Path, setting: str, suffix: str, *, apart: frozenset[str] = frozenset()) -> tuple[Path, ...]:
    """The files with this suffix, by name. What is named in `apart`, documents and hidden files may stand beside them.

    Raises: KnowledgeErrors naming every other file: one that a slip of its name hides must not be missing in silence.
    """
    try:
        entries = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        fault = KnowledgeFault(
            setting, None, "", f"names a directory that cannot be read ({error.strerror})", "let the service read it"
        )
        raise KnowledgeErrors([fault]) from error
    faults = [fault for path in entries if path.name not in apart for fault in _not_read(path, setting, suffix)]
    if faults:
        raise KnowledgeErrors(faults)
    return tuple(path for path in entries if path.suffix == suffix)


def _not_read(path: Path, setting: str, suffix: str) -> Iterator[KnowledgeFault]:
    if path.suffix == suffix or path.suffix in _DOCUMENTS or path.stem.casefold() in _NAMED_SO:
        return
    if path.is_dir():
        if any(_looks_like_data(inner) for inner in path.glob("*")):
            yield KnowledgeFault(
                setting, None, path.name, "is a directory, which is not searched", "move its files up, or elsewhere"
            )
        return
    right = f"{path.name.partition('.')[0]}{suffix}"
    fix = f"rename it to {right}, or move it elsewhere" if _looks_like_data(path) else "move it elsewhere"
    yield KnowledgeFault(setting, None, path.name, f"is not read: its name does not end in {suffix}", fix)


def _looks_like_data(path: Path) -> bool:
    return not _DATA.isdisjoint(suffix.casefold() for suffix in path.suffixes)
