"""Value sets: which codes and words mean a concept that a criterion asks for, and for which systems a set is complete."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache

from msgspec import Struct
from msgspec.structs import replace

from cds_service.terminology.assertion import Assertion, tells_of_others
from cds_service.terminology.codes import HIERARCHICAL, Code, Coding, bare
from cds_service.terminology.text_net import AllWords, TextNet, agreed, covers, normalised
from cds_service.value import OneOf

REMEMBERED = 4_096
"""Codes of systems, and as many of their displays, of which it is remembered from chart to chart what they mean.

All charts hold the same ones. Other words are the patient's own, and are forgotten with the record."""
LONGEST_REMEMBERED = 1_000
"""Letters of the codes of one concept, or of a display; what is longer is none, and would fill the memory."""

Translations = Mapping[Code, tuple[Coding, ...]]
"""A site's local codes, and the codes that they are equivalent to."""


class AskedOf(OneOf):
    """Which coded element a value set is about."""

    CONDITION = "Condition"
    OBSERVATION = "Observation"
    MEDICATION = "Medication"
    PROCEDURE = "Procedure"
    ANSWER = "answer"


@dataclass(frozen=True)
class ValueSet:
    """One concept. `prefixes` stand for all codes below them, in systems whose codes are hierarchical."""

    name: str
    title: str
    asked_of: AskedOf
    concepts: tuple[Coding, ...]
    """Its codes with their names, as the file lists them; one without any code is named by itself."""
    codes: frozenset[Code]
    prefixes: frozenset[Code]
    excluded: frozenset[str]
    """Narrower sets whose codes are not this concept."""
    complete_for: frozenset[str]
    net: TextNet | None
    ordinals: Mapping[Code, Decimal]
    order: str
    """What to order to learn it."""


class Recognition(Struct, frozen=True, dict=True):
    """What our value sets recognise in a resource's codes and texts."""

    by_code: frozenset[str] = frozenset()
    by_text: frozenset[str] = frozenset()
    """Sets that only the words name."""
    disputed: frozenset[str] = frozenset()
    """Sets that the words name while a code of a system for which the set is complete says no."""
    doubted: frozenset[str] = frozenset()
    """Sets that the words only suspect, or deny while a code or other words say yes."""
    denied: frozenset[str] = frozenset()
    """Sets that are said not to be: by words ("no history of"), or because the whole entry was refuted."""
    systems: frozenset[str] = frozenset()
    has_text: bool = False
    codes: tuple[Coding, ...] = ()
    is_refuted: bool = False

    @cached_property
    def named(self) -> frozenset[str]:
        """All sets that a code or the words name, be it in doubt."""
        return self.by_code | self.by_text | self.doubted

    @cached_property
    def members(self) -> frozenset[str]:
        """The sets that it is in without a doubt."""
        return (self.by_code | self.by_text) - self.doubted

    def is_in(self, name: str) -> bool:
        return name in self.members

    def rests_on_text(self, name: str) -> bool:
        return name not in self.by_code and name in self.by_text

    def refuted(self) -> "Recognition":
        """The same of an entry that was refuted: all that it names is denied."""
        return Recognition(denied=self.named | self.denied, has_text=self.has_text, codes=self.codes, is_refuted=True)


NOTHING = Recognition()


class Terminology:
    """All value sets, indexed by code; and what a site's local codes mean in the codes that they hold."""

    def __init__(self, value_sets: Mapping[str, ValueSet], content: bytes, translations: Translations | None = None) -> None:
        self._sets = dict(value_sets)
        self._content = content
        self._translations = translations or {}
        self._by_kind = {kind: tuple(s for s in value_sets.values() if s.asked_of is kind) for kind in AskedOf}
        self._words = {kind: AllWords(s.net for s in sets if s.net is not None) for kind, sets in self._by_kind.items()}
        self._complete_systems = frozenset().union(*[one.complete_for for one in value_sets.values()])
        self._bare_codes = lru_cache(None)(self._collect_bare_codes)
        self._untold = lru_cache(None)(self._collect_untold)
        self.titles = lru_cache(None)(self._collect_titles)
        """What several sets are called, for people."""
        self._coded_remembered = lru_cache(REMEMBERED)(self._coded)
        self._is_worded_remembered = lru_cache(REMEMBERED)(self._is_worded)
        self._with_words_remembered = lru_cache(REMEMBERED)(self._with_words)
        self._codes: dict[tuple[AskedOf, str, str], set[str]] = {}
        self._prefixes: dict[tuple[AskedOf, str, str], set[str]] = {}
        for one in value_sets.values():
            for index, entries in ((self._codes, one.codes), (self._prefixes, one.prefixes)):
                for system, code in entries:
                    index.setdefault((one.asked_of, system, code), set()).add(one.name)
        self._systems = frozenset(system for _, system, _ in (*self._codes, *self._prefixes))

    def __getitem__(self, name: str) -> ValueSet:
        return self._sets[name]

    def __contains__(self, name: object) -> bool:
        return name in self._sets

    def __iter__(self) -> Iterator[ValueSet]:
        return iter(self._sets.values())

    def __len__(self) -> int:
        return len(self._sets)

    def bare_codes(self, names: frozenset[str]) -> frozenset[str]:
        """The codes of several sets without their systems, a site's own among them: what has none is in no such set."""
        return self._bare_codes(names)

    def digest_bytes(self) -> bytes:
        """The content of all sets, for the knowledge's digest."""
        return self._content

    def systems(self) -> frozenset[str]:
        """The code systems in which the sets hold codes."""
        return self._systems

    def sets_holding(self, coding: Coding) -> frozenset[str]:
        """The sets that hold a code, whatever it is asked of."""
        return frozenset(name for kind in AskedOf for name in self._of_codes(kind, [coding]))

    def with_translations(self, translations: Translations) -> "Terminology":
        """The same sets, with a site's local codes understood as the codes that they are equivalent to."""
        return Terminology(self._sets, self._content, translations)

    def recognise(self, asked_of: AskedOf, codings: Sequence[Coding], texts: Sequence[str]) -> Recognition:
        """The sets that hold one of the codes, and those that only the words name.

        What codes and their displays say is remembered; other words, which are the patient's own, are read each time.
        """
        of_systems = tuple([coding for coding in codings if coding.system and coding.code])
        is_short = _is_short(of_systems)
        coded = (self._coded_remembered if is_short else self._coded)(asked_of, of_systems, bool(texts))
        if asked_of is AskedOf.OBSERVATION and coded.by_code:
            return coded  # a coded test is what its code says
        displays = {coding.display for coding in coded.codes} if is_short else set()
        worded = [
            text
            for text in dict.fromkeys(texts)
            if (self._is_worded_remembered if text in displays else self._is_worded)(asked_of, text)
        ]
        if not worded:  # as nearly all
            return coded
        with_words = self._with_words_remembered if displays.issuperset(texts) else self._with_words
        return with_words(asked_of, coded, tuple(worded), tuple(texts))

    def _coded(self, asked_of: AskedOf, codings: tuple[Coding, ...], has_text: bool) -> Recognition:
        """What the codes say."""
        known = self._translated(codings)
        systems = frozenset(coding.system for coding in known if coding.system)
        return Recognition(self._of_codes(asked_of, known), systems=systems, has_text=has_text, codes=known)

    def _is_worded(self, asked_of: AskedOf, text: str) -> bool:
        """Whether one of the nets finds something in the text."""
        return self._words[asked_of].occur_in(text)

    def _with_words(
        self, asked_of: AskedOf, coded: Recognition, worded: tuple[str, ...], texts: tuple[str, ...]
    ) -> Recognition:
        """What the codes say, and the words besides. `worded`: those of the texts in which something is found."""
        if asked_of is AskedOf.OBSERVATION:
            return replace(coded, by_text=self._named(worded))
        by_code = coded.by_code
        read = self._read(asked_of, worded)
        by_text = {name for name, found in read.items() if found is Assertion.PRESENT and name not in by_code}
        doubted = {name for name, found in read.items() if found is not Assertion.PRESENT and name in by_code}
        doubted |= {name for name, found in read.items() if found is Assertion.POSSIBLE}
        absent = {name for name, found in read.items() if found is Assertion.ABSENT} - doubted
        # Words for something wider than what a code says are a doubt: AML by code, "AML after breast cancer" in words.
        wider = {name for name in by_text if self._sets[name].excluded & by_code}
        by_text -= wider
        return replace(
            coded,
            by_text=frozenset(by_text),
            disputed=frozenset(name for name in by_text if coded.systems & self._sets[name].complete_for),
            doubted=frozenset(doubted | wider),
            denied=frozenset(absent) if absent and not any(map(tells_of_others, texts)) else frozenset(),
        )

    def _read(self, asked_of: AskedOf, texts: Sequence[str]) -> dict[str, Assertion]:
        """What the words say of each set that they name.

        Words that a narrower set's words cover are not this concept: "basal cell carcinoma" is no carcinoma. The name of a
        medicine is but a name: "tacrolimus, GVHD prophylaxis" is tacrolimus.
        """
        plain = [normalised(text) for text in texts]
        nets = [(one, one.net) for one in self._by_kind[asked_of] if one.net is not None]
        mentions = {one.name: [net.mentions(text) for text in plain] for one, net in nets}
        found = {name: spans for name, spans in mentions.items() if any(spans)}
        read: dict[str, Assertion] = {}
        for one, net in nets:
            if one.name not in found:
                continue
            readings = []
            for index, (text, spans) in enumerate(zip(plain, found[one.name], strict=True)):
                covering = [span for other in one.excluded & found.keys() for span in found[other][index]]
                own = [span for span in spans if not covers(covering, span)]
                name_only = asked_of is AskedOf.MEDICATION and own
                readings.append(Assertion.PRESENT if name_only else net.judge(text, own))
            if (together := agreed(readings)) is not None:
                read[one.name] = together
        return read

    def _named(self, texts: Sequence[str]) -> frozenset[str]:
        """The tests that the words name."""
        tests = self._by_kind[AskedOf.OBSERVATION]
        named = {one.name for one in tests if one.net is not None and any(one.net.names_test(text) for text in texts)}
        return frozenset(name for name in named if not self._sets[name].excluded & named)

    def left_open_by(self, recognition: Recognition, asked_of: AskedOf) -> frozenset[str]:
        """The sets of a kind of which it is not known whether it belongs to them, though it does not say so.

        Of others it is known: it carries a code that some set holds, or a code of a system for which the set is complete, or
        words that the set's net has checked.
        """
        in_doubt = recognition.disputed | recognition.doubted
        if recognition.is_refuted or recognition.by_code:
            return in_doubt
        return in_doubt | self._untold(asked_of, recognition.systems & self._complete_systems, recognition.has_text)

    def _collect_untold(self, asked_of: AskedOf, systems: frozenset[str], has_text: bool) -> frozenset[str]:
        """The sets that neither a code of these systems nor words, if there are any, can exclude."""
        return frozenset(
            one.name
            for one in self._by_kind[asked_of]
            if systems.isdisjoint(one.complete_for) and not (has_text and one.net is not None)
        )

    def ordinal(self, name: str, codings: Iterable[Coding]) -> Decimal | None:
        """The number that a coded answer stands for."""
        ordinals = self._sets[name].ordinals
        found = {ordinals[key] for c in codings if c.system and c.code and (key := c.key) in ordinals}
        return found.pop() if len(found) == 1 else None

    def _collect_titles(self, names: tuple[str, ...]) -> str:
        return ", ".join(self._sets[name].title for name in names)

    def _collect_bare_codes(self, names: frozenset[str]) -> frozenset[str]:
        standard = {key for name in names for key in self._sets[name].codes}
        local = {key for key, targets in self._translations.items() if standard & {target.key for target in targets}}
        return frozenset(bare(code) for _, code in standard | local)

    def _translated(self, codings: tuple[Coding, ...]) -> tuple[Coding, ...]:
        """The codes, and beside a local one the standard ones that the site's map gives for it."""
        if not self._translations:
            return codings
        return (*codings, *(found for coding in codings for found in self._translations.get(coding.key, ())))

    def _of_codes(self, asked_of: AskedOf, codings: Sequence[Coding]) -> frozenset[str]:
        """The sets that hold one of the codes; each code is judged alone, so that none hides another."""
        return frozenset().union(*[self._of_code(asked_of, *coding.key) for coding in codings])

    def _of_code(self, asked_of: AskedOf, system: str, code: str) -> frozenset[str]:
        """The sets that hold this code, less those that a narrower set takes it from: the longest prefix wins."""
        found = dict.fromkeys(self._codes.get((asked_of, system, code), ()), len(code) + 1)
        if system in HIERARCHICAL:
            for length in range(3, len(code) + 1):
                for name in self._prefixes.get((asked_of, system, code[:length]), ()):
                    found[name] = max(found.get(name, 0), length)
        return frozenset(
            name
            for name, depth in found.items()
            if not any(found.get(narrower, 0) >= depth for narrower in self._sets[name].excluded)
        )


def _is_short(codings: Iterable[Coding]) -> bool:
    """Whether they have no more letters than are worth remembering."""
    letters = [len(coding.system or "") + len(coding.code or "") + len(coding.display or "") for coding in codings]
    return sum(letters) <= LONGEST_REMEMBERED
