"""YAML as a tree of texts with their places: doubled keys, aliases and merge keys refused.

Every scalar stays text, so that `no`, `1.10` and `12:30` are what the author wrote; a plain `null` is None.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from cds_service.errors import KnowledgeErrors, KnowledgeFault

Tree = str | None | list["Tree"] | dict[str, "Tree"]


@dataclass(frozen=True)
class Document:
    """A file's tree, and the line of each node by its path ("criteria[3].all[0].window")."""

    file: str
    tree: Tree
    lines: Mapping[str, int] = field(repr=False)

    def fault(self, place: str, problem: str, fix: str) -> KnowledgeFault:
        """A fault at a path of this file; an unknown path gets the line of the nearest node around it."""
        around = place
        while around and around not in self.lines:
            around = around[: max(around.rfind("."), around.rfind("["), 0)]
        return KnowledgeFault(self.file, self.lines.get(around), place, problem, fix)


def load(path: Path) -> Document:
    """Raises: KnowledgeErrors with the line of each fault."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeErrors(
            [KnowledgeFault(path.name, None, "", f"cannot be read ({type(error).__name__})", "restore the file")]
        ) from error
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        fault = KnowledgeFault(path.name, line, "", f"is not YAML: {error.problem}", "mend the line")
        raise KnowledgeErrors([fault]) from error
    except yaml.YAMLError as error:
        raise KnowledgeErrors([KnowledgeFault(path.name, None, "", "is not YAML", "mend the file")]) from error
    reader = _Reader(path.name)
    tree = reader.read(root, "") if root is not None else None
    if reader.faults:
        raise KnowledgeErrors(reader.faults)
    return Document(path.name, tree, reader.lines)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[str, int] = {}
        self.faults: list[KnowledgeFault] = []
        self._open: set[int] = set()
        self._seen: set[int] = set()

    def read(self, node: yaml.Node, place: str) -> Tree:
        self.lines[place] = node.start_mark.line + 1
        if id(node) in self._seen and not isinstance(node, yaml.ScalarNode):
            self._refuse(node, place, "repeats another node by an alias", "write it out")
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, f"{place}[{index}]") for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, place))
        return self._scalar(node)

    def _pairs(self, node: yaml.MappingNode, place: str) -> Iterator[tuple[str, Tree]]:
        keys: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            inner = f"{place}.{key}" if place else key
            if key in keys:
                self._refuse(key_node, inner, "stands twice", "keep one of the two")
            if key == "<<":
                self._refuse(key_node, inner, "merges another node", "write it out")
                continue
            keys.add(key)
            yield key, self.read(value_node, inner)

    def _scalar(self, node: yaml.Node) -> str | None:
        text = str(node.value)
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return None if plain and text in ("null", "~", "") else text

    def _refuse(self, node: yaml.Node, place: str, problem: str, fix: str) -> None:
        self.faults.append(KnowledgeFault(self.file, node.start_mark.line + 1, place, problem, fix))
