"""Text nets: what a diagnosis, test or drug is called in words, for where no code tells."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cds_service.terminology.assertion import WORD_START, Assertion, assertion, pattern

_EXCEPTION_VOID = pattern(r"(?:\bnon[- ]?|\bnot |\bno |非|除外|排除)$")
_NO_SUCH_TEST = pattern(
    r"^\s*[-(]?\s*(?:negative|neg\b|阴性)",
    r"^-(?!\w)|^-(?=CD ?\d)|^\s*\(\s*-\s*\)|^\s*-\s*$",
    r"^[^.;,]{0,12}\b(?:negative|阴性)",
)
_TEST_DENIED = pattern(r"\b(?:without|lacking|negative for|other than|non-?)\s*$")


Span = tuple[int, int]
_CLAUSES = re.compile(r"[;。\n]|\.(?=\s|$)")


@dataclass(frozen=True)
class TextNet:
    r"""`words` are regular expressions, matched at the start of a word in Latin script; \b is a word's edge there.

    `but_not` let a hit go; `in_doubt` make it a mere possibility.
    """

    words: tuple[str, ...]
    but_not: tuple[str, ...] = ()
    in_doubt: tuple[str, ...] = ()

    def reads(self, text: str) -> Assertion | None:
        """What the text says of it; None where it does not name it."""
        return self.judge(normalised(text), self.mentions(normalised(text)))

    def judge(self, text: str, mentions: Sequence[Span]) -> Assertion | None:
        """What these mentions of it say together. One clear statement outweighs others beside it."""
        found = {assertion(text, start, end) for start, end in mentions}
        if Assertion.PRESENT in found:
            return Assertion.POSSIBLE if self._doubts(text) else Assertion.PRESENT
        return Assertion.POSSIBLE if Assertion.POSSIBLE in found else Assertion.ABSENT if found else None

    def mentions(self, text: str) -> list[Span]:
        """Where the text, normalised before, names it, unless its clause holds an exception.

        Each of our words is tried, since of two at one place the longer tells what it is.
        """
        if self._pattern.search(text) is None:  # most nets, for most texts
            return []
        found = {match.span() for word in self._each_word for match in word.finditer(text)}
        return sorted(span for span in found if not self.excepts(_clause_around(text, span)))

    def names_test(self, text: str) -> bool:
        """Whether the text is the name of this test: a test for what is *not* there, such as "CD123- cells", is another."""
        text = normalised(text)
        return not self.excepts(text) and any(
            not (_NO_SUCH_TEST.search(text[mention.end() :]) or _TEST_DENIED.search(text[: mention.start()]))
            for mention in self._pattern.finditer(text)
        )

    def places(self, text: str) -> list[Span]:
        """Where the text, normalised before, names it, whatever else it says."""
        return [mention.span() for mention in self._pattern.finditer(text)]

    def excepts(self, text: str) -> bool:
        """Whether the text holds one of the exceptions, and does not deny it ("AML, non-APL")."""
        return self._exceptions is not None and any(
            _EXCEPTION_VOID.search(text[: exception.start()]) is None for exception in self._exceptions.finditer(text)
        )

    def _doubts(self, text: str) -> bool:
        return self._in_doubt is not None and self._in_doubt.search(text) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return _compiled(self.words)

    @cached_property
    def _each_word(self) -> tuple[re.Pattern[str], ...]:
        return tuple(_compiled((word,)) for word in self.words)

    @cached_property
    def _exceptions(self) -> re.Pattern[str] | None:
        return _compiled(self.but_not) if self.but_not else None

    @cached_property
    def _in_doubt(self) -> re.Pattern[str] | None:
        return _compiled(self.in_doubt) if self.in_doubt else None


def normalised(text: str) -> str:
    """The text with full-width signs as their usual ones."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def covers(spans: Iterable[Span], mention: Span) -> bool:
    """Whether one of these spans lies over a part of the mention."""
    return any(start < mention[1] and mention[0] < end for start, end in spans)


class AllWords:
    """Whether any of several nets may find something in a text: one look, instead of one a net."""

    def __init__(self, nets: Iterable[TextNet]) -> None:
        self._words = [word for net in nets for word in net.words]

    def occur_in(self, text: str) -> bool:
        text = normalised(text)
        if text.isascii():  # to lower it once is three times as fast as to compare in either case
            return self._in_small_letters.search(text.lower()) is not None
        return self._in_either_case.search(text) is not None

    @cached_property
    def _in_either_case(self) -> re.Pattern[str]:
        return _compiled(_by_first_letter(self._words))

    @cached_property
    def _in_small_letters(self) -> re.Pattern[str]:
        words = [word for word in self._words if _first_letter(word).isascii()]
        together = _compiled(_by_first_letter(words)).pattern
        return re.compile(_LETTER_OR_ESCAPE.sub(lambda sign: sign[0].lower() if sign[0].isalpha() else sign[0], together))


_LETTER_OR_ESCAPE = re.compile(r"\\.|[^\W\d_]")
_LETTER_FIRST = re.compile(r"[^\W\d_](?![?*+{])")
_ESCAPE_OR_CLASS = re.compile(r"\\.|\[[^\]]*\]")
_INNERMOST_GROUP = re.compile(r"\([^()]*\)")


def _by_first_letter(words: Iterable[str]) -> list[str]:
    """The same words, so put together that at each place only those are tried that may begin there."""
    of_letter: dict[str, list[str]] = {}
    for word in words:
        of_letter.setdefault(_first_letter(word), []).append(word)
    others = of_letter.pop("", [])
    return [f"{letter}(?:{'|'.join(word[1:] for word in alike)})" for letter, alike in of_letter.items()] + others


def _first_letter(word: str) -> str:
    """The letter with which all begins that a word's expression matches, small; none where it may begin otherwise."""
    first = _LETTER_FIRST.match(word)
    return first[0].lower() if first is not None and not _has_alternatives(word) else ""


def _has_alternatives(word: str) -> bool:
    """Whether it is two expressions, either of which may match, and not one that holds some in brackets."""
    outer, inner = _ESCAPE_OR_CLASS.sub("", word), ""
    while outer != inner:
        inner, outer = outer, _INNERMOST_GROUP.sub("", outer)
    return "|" in outer


def agreed(readings: Iterable[Assertion | None]) -> Assertion | None:
    """What several texts of one entry say together; where they disagree it is a mere possibility."""
    found = {one for one in readings if one is not None}
    return found.pop() if len(found) == 1 else Assertion.POSSIBLE if found else None


def _clause_around(text: str, mention: Span) -> str:
    before = max((end.end() for end in _CLAUSES.finditer(text, 0, mention[0])), default=0)
    behind = _CLAUSES.search(text, mention[1])
    return text[before : behind.start() if behind is not None else len(text)]


_NOWHERE = re.compile(r"(?!)")
"""Where no words are found; an empty expression would match everywhere."""


def _compiled(words: Sequence[str]) -> re.Pattern[str]:
    """One expression; the words that may begin in Latin script share the test for a word's start, which is costly."""
    latin = [word for word in words if word[:1].isascii()]
    others = [word for word in words if not word[:1].isascii()]
    parts = [*([f"{WORD_START}(?:{'|'.join(latin)})"] if latin else []), *others]
    return pattern(*parts) if parts else _NOWHERE
