"""Facts by the value sets that recognise them: of a hundred questions to a record each looks at few of its facts."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from cds_service.terminology.value_set import Recognition


class Recognised(Protocol):
    """What a value set may recognise."""

    @property
    def recognition(self) -> Recognition: ...


F = TypeVar("F", bound=Recognised)


class Index(Generic[F]):
    """Facts of one kind. What is found keeps the order of the record."""

    def __init__(self, facts: Sequence[F]) -> None:
        self._facts = facts

    def within(self, value_set: str) -> tuple[F, ...]:
        """Those that are in a value set."""
        return self._members.get(value_set, ())

    def naming(self, value_sets: Collection[str]) -> Sequence[F]:
        """Those that are, or may be, in one of these value sets."""
        found: Sequence[F] = ()
        for name in value_sets:
            if facts := self._named.get(name):
                if found:  # several sets name some, and perhaps the same
                    return [fact for fact in self._facts if not fact.recognition.named.isdisjoint(value_sets)]
                found = facts
        return found

    @cached_property
    def _members(self) -> Mapping[str, tuple[F, ...]]:
        return _by_name(self._facts, lambda recognition: recognition.members)

    @cached_property
    def _named(self) -> Mapping[str, tuple[F, ...]]:
        return _by_name(self._facts, lambda recognition: recognition.named)


def _by_name(facts: Sequence[F], names: Callable[[Recognition], Iterable[str]]) -> Mapping[str, tuple[F, ...]]:
    found: dict[str, list[F]] = {}
    for fact in facts:
        for name in names(fact.recognition):
            found.setdefault(name, []).append(fact)
    return {name: tuple(members) for name, members in found.items()}
