"""Immunophenotypes in words: "Blasts are CD34+, CD117-, CD123 partial +; negative for CD33" → what each antigen is.

A sign belongs to the antigen before it; a word behind a list of antigens to all of them, and so does a word before it
("positive for …"). Where the two disagree, or a negation reaches over a positive word unclearly, the antigen is
INDETERMINATE. What is said of other cells than the leukaemia's, of an earlier sample, or of a drug, is not said of the antigen.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from msgspec.structs import replace

from cds_service.facts import immunophenotype_words as lexicon
from cds_service.facts.finding import Finding, Reading
from cds_service.facts.immunophenotype_words import Polarity
from cds_service.facts.model import Amount, Result
from cds_service.terminology.text_net import TextNet, normalised
from cds_service.terminology.value_set import Recognition, Terminology
from cds_service.value import Value

ANTIGENS = ("cd123", "cd117", "cd33", "cll1")
"""The antigens that trials ask for. Others are known as such only, so that their polarity is not taken for that of these."""

_BEFORE = frozenset({Polarity.NEGATIVE_BEFORE, Polarity.NEGATOR, Polarity.POSITIVE_BEFORE})
_FINDINGS = {
    Polarity.NEGATIVE_BEFORE: Finding.NEGATIVE,
    Polarity.NEGATOR: Finding.NEGATIVE,
    Polarity.NEGATIVE: Finding.NEGATIVE,
    Polarity.POSITIVE_BEFORE: Finding.POSITIVE,
    Polarity.POSITIVE: Finding.POSITIVE,
    Polarity.UNCLEAR: Finding.INDETERMINATE,
}
_FAR = 30
"""So many characters away a word speaks of something else."""


class AntigenReading(Value, frozen=True):
    """What a text says of one antigen."""

    antigen: str
    reading: Reading | None
    """None where only a percentage is told."""
    words: str
    """The sentence in which it stands."""
    percent: Decimal | None = None


class _Antigen(Value, frozen=True):
    """An antigen's name in a sentence; `name` is None for one that no trial asks for."""

    name: str | None
    start: int
    end: int
    sign: Finding | None = None
    upto: int = 0
    """Where its sign ends."""


class _Word(Value, frozen=True):
    polarity: Polarity
    start: int
    end: int


def read(text: str, terminology: Terminology) -> Iterator[AntigenReading]:
    """What a text says of the antigens that it names. One that it only names is passed over."""
    plain = _plain(text)
    position = 0
    for end in [*(found.span() for found in lexicon.SENTENCES.finditer(plain)), (len(plain), len(plain))]:
        sentence = plain[position : end[0]]
        position = end[1]
        yield from dict.fromkeys(_Sentence(sentence, terminology).readings())


def told(result: Result, terminology: Terminology) -> Sequence[Result]:
    """A result whose words speak of antigens: what they say of its own, and a result more for each other one."""
    if not result.words or not _names_antigen(result.words, terminology):
        return (result,)
    own = {name for name in ANTIGENS if any(result.is_in(f"{name}{part}") for part in ("", "_cells", "_stain", "_intensity"))}
    readings = list(read(result.words, terminology))
    said = _together([one.reading for one in readings if one.antigen in own and one.reading is not None]) if own else None
    return (replace(result, said=said), *in_words(result, [one for one in readings if one.antigen not in own]))


def in_words(source: Result, readings: Iterable[AntigenReading]) -> Iterator[Result]:
    """A result for each reading, with the source and the date of another. They rest on text, and are to be confirmed."""
    for one in readings:
        named = Recognition(by_text=frozenset({one.antigen}), has_text=True)
        method = f"{source.method} {(source.words or '').lower()}"
        amount = Amount(one.percent, "%") if one.percent is not None else None
        yield Result(source.reference, source.label, named, source.when, amount, one.words, method=method, said=one.reading)


def _together(readings: Sequence[Reading]) -> Reading:
    """Where they differ, or none says anything of an antigen that is spoken of, it is unclear."""
    if len({one.finding for one in readings}) != 1:
        return Reading(Finding.INDETERMINATE, from_text=True)
    return Reading(readings[0].finding, from_text=True, partial=any(one.partial for one in readings))


def _names_antigen(text: str, terminology: Terminology) -> bool:
    plain = _plain(text)
    return any(net is not None and net.places(plain) for net in (terminology[name].net for name in ANTIGENS))


def _plain(text: str) -> str:
    return lexicon.GLUED.sub(r" \1 ", lexicon.DASHES.sub("-", normalised(text)))


class _Sentence:
    """One sentence: its antigens and its words of polarity, in their order."""

    def __init__(self, text: str, terminology: Terminology) -> None:
        self.text = text
        self.antigens = sorted(_antigens(text, terminology), key=lambda one: one.start)
        taken = [*((one.start, max(one.end, one.upto)) for one in self.antigens)]
        taken += [found.span() for found in lexicon.FALSE_WORDS.finditer(text)]
        free = (word for word in _words(text) if not any(start < word.end and word.start < end for start, end in taken))
        self.words = self._negated(list(free))

    def readings(self) -> Iterator[AntigenReading]:
        if lexicon.EARLIER.search(self.text):
            return
        for number, antigen in enumerate(self.antigens):
            if antigen.name is None or self._of_other_cells(number):
                continue
            finding, partial = self._finding(number), self._is_partial(number)
            if finding is Finding.NEGATIVE and partial:
                finding = Finding.INDETERMINATE
            percent = lexicon.PERCENT.match(self.text, antigen.end)
            if finding is not None:
                yield AntigenReading(antigen.name, Reading(finding, from_text=True, partial=partial), self.text.strip())
            elif percent is not None:
                yield AntigenReading(antigen.name, None, self.text.strip(), Decimal(percent["value"]))

    def _negated(self, words: Sequence[_Word]) -> list[_Word]:
        """A negation before a positive word, with no antigen between: one negative word ("no expression of")."""
        joined: list[_Word] = []
        for word in words:
            last = joined[-1] if joined else None
            negates = last is not None and last.polarity in (Polarity.NEGATOR, Polarity.NEGATIVE_BEFORE)
            if last is None or not negates or word.polarity not in (Polarity.POSITIVE, Polarity.POSITIVE_BEFORE):
                joined.append(word)
            elif self._is_near(last.end, word.start) and not any(last.end <= one.start < word.start for one in self.antigens):
                before = word.polarity is Polarity.POSITIVE_BEFORE
                joined[-1] = _Word(Polarity.NEGATIVE_BEFORE if before else Polarity.NEGATIVE, last.start, word.end)
            else:
                joined.append(word)
        return joined

    def _finding(self, number: int) -> Finding | None:
        segment, own = self._segment(number), self._own_words(number)
        finding = self.antigens[number].sign or self._worded(number)
        if finding is None or any(word.polarity is Polarity.NOT_DONE for word in own):
            return None
        if lexicon.DOUBT.search(segment):
            return Finding.INDETERMINATE
        if finding is Finding.POSITIVE and (lexicon.NOT_ONE_CELL.search(segment) or self._is_near_a_negation(number, segment)):
            return Finding.INDETERMINATE
        return finding

    def _is_near_a_negation(self, number: int, segment: str) -> bool:
        """Before the antigen, or before the word that its list hangs on, there is some negation, however it is said."""
        before = self._before(number)
        opening = self.text[max(before.start - _FAR, 0) : before.end].rpartition(",")[2] if before is not None else ""
        return lexicon.SOME_NEGATION.search(f"{opening} {segment}") is not None

    def _worded(self, number: int) -> Finding | None:
        """By the words before and behind; the nearer decides, but none makes a denied antigen positive."""
        behind, adjacent = self._behind(number)
        before = self._before(number)
        if len(own := {_FINDINGS.get(word.polarity) for word in self._own_words(number)}) > 1 and None not in own:
            return Finding.INDETERMINATE  # "low to negative"
        if before is None or (behind is not None and behind.polarity in (Polarity.NOT_DONE, Polarity.UNCLEAR)):
            return _FINDINGS.get(behind.polarity) if behind is not None else None
        if behind is None or not adjacent:
            return _FINDINGS[before.polarity]
        if _FINDINGS[before.polarity] is Finding.POSITIVE or behind.polarity is Polarity.NEGATIVE:
            return _FINDINGS[behind.polarity]
        clear = before.polarity is Polarity.NEGATOR and "," not in self.text[before.end : behind.start]
        return Finding.NEGATIVE if clear else Finding.INDETERMINATE

    def _behind(self, number: int) -> tuple[_Word | None, bool]:
        """The word behind an antigen, or behind the list that it opens; and whether no other antigen stands between."""
        if own := self._own_words(number):
            return own[0], True
        last = number
        while last + 1 < len(self.antigens) and self._are_listed(last, last + 1):
            last += 1
            if self.antigens[last].sign is not None:
                return None, False
        end = self.antigens[last].end
        word = next((word for word in self.words if word.start >= end), None)
        if word is None or word.start >= self._next_antigen(last) or word.polarity in _BEFORE:
            return None, False
        near = self._is_near(end, word.start) or not self.text[end : word.start].strip(" ,")
        return (word, last == number) if near else (None, False)

    def _own_words(self, number: int) -> list[_Word]:
        """The words that stand behind an antigen, before the next comma and the next antigen."""
        start, end = self.antigens[number].end, self._next_antigen(number)
        behind = (word for word in self.words if start <= word.start < end and word.polarity not in _BEFORE)
        return [word for word in behind if self._is_near(start, word.start)]

    def _before(self, number: int) -> _Word | None:
        """The word before an antigen, or before the list in which it stands."""
        first = number
        while first > 0 and self._are_listed(first - 1, first):
            first -= 1
        start = self.antigens[first].start
        preceding = max((one.upto or one.end for one in self.antigens[:first]), default=0)
        word = next((word for word in reversed(self.words) if word.end <= start), None)
        if word is None or word.start < preceding or not self._is_near(word.end, start):
            return None
        if word.polarity in _BEFORE:
            return word
        opens = word.polarity is Polarity.POSITIVE and preceding == 0 and not self.text[word.end : start].strip()
        return word if opens else None  # "dim CD123", "阳性 CD34"

    def _is_near(self, start: int, end: int) -> bool:
        return end - start <= _FAR and "," not in self.text[start:end]

    def _are_listed(self, one: int, other: int) -> bool:
        """Whether nothing but commas and the like stands between two antigens."""
        first, second = self.antigens[one], self.antigens[other]
        return lexicon.BETWEEN_LISTED.fullmatch(self.text[max(first.end, first.upto) : second.start]) is not None

    def _next_antigen(self, number: int) -> int:
        return self.antigens[number + 1].start if number + 1 < len(self.antigens) else len(self.text)

    def _segment(self, number: int) -> str:
        """The part of the sentence that speaks of this antigen: between commas and other antigens, with its brackets."""
        antigen = self.antigens[number]
        preceding = max(self.antigens[number - 1].end, self.antigens[number - 1].upto) if number else 0
        of_preceding = number > 0 and self.antigens[number - 1].sign is None and bool(self._own_words(number - 1))
        before = "" if of_preceding else self.text[preceding : antigen.start].rpartition(",")[2]
        following = self._next_antigen(number)
        opens_next = (
            w.start for w in self.words if w.polarity in _BEFORE and antigen.end <= w.start < following < len(self.text)
        )
        behind = self.text[antigen.end : next(opens_next, following)]
        brackets = behind[: behind.find(")") + 1] if behind.lstrip().startswith("(") else ""
        return f"{before} {brackets}{behind[len(brackets) :].partition(',')[0]}"

    def _is_partial(self, number: int) -> bool:
        segment = self._segment(number)
        return lexicon.PARTIAL.search(segment) is not None and lexicon.FULL.search(segment) is None

    def _of_other_cells(self, number: int) -> bool:
        """Said of other cells than the leukaemia's: the noun behind it tells, else the cells named last before it."""
        antigen = self.antigens[number]
        noun = self.text[max(antigen.end, antigen.upto) : self._next_antigen(number)].partition(",")[0]
        if (own := _first_cells(noun)) is not None:
            return own
        named = _last_cells(self.text[: antigen.start])
        return named if named is not None else bool(_first_cells(self.text[antigen.end :]))


def _antigens(text: str, terminology: Terminology) -> Iterator[_Antigen]:
    nets = {name: net for name in ANTIGENS if (net := terminology[name].net) is not None}
    named = [(start, end, name) for name, net in nets.items() for start, end in net.places(text)]
    for start, end, name in named:
        if not _is_something_else(text, start, end, nets[name]):
            yield _signed(text, name, start, end)
    for other in lexicon.OTHER_ANTIGENS.finditer(text):
        if not any(start < other.end() and other.start() < end for start, end, _ in named):
            yield _signed(text, None, *other.span())


def _is_something_else(text: str, start: int, end: int, net: TextNet) -> bool:
    """A drug against the antigen, or its gene."""
    drug = lexicon.DRUG_BEFORE.search(text[:start]) or lexicon.DRUG_BEHIND.search(text[end:])
    return drug is not None or net.excepts(text[start : end + _FAR].partition(",")[0])


def _signed(text: str, name: str | None, start: int, end: int) -> _Antigen:
    found = lexicon.SIGN.match(text, end)
    if found is None:
        return _Antigen(name, start, end)
    unclear = found["sign"] in ("+/-", "-/+", "±")
    finding = Finding.INDETERMINATE if unclear else Finding.NEGATIVE if found["sign"].startswith("-") else Finding.POSITIVE
    return _Antigen(name, start, end, finding, found.end())


def _words(text: str) -> Iterator[_Word]:
    for found in lexicon.WORDS.finditer(text):
        yield _Word(Polarity[found.lastgroup or ""], *found.span())


def _first_cells(text: str) -> bool | None:
    """Whether the cells that a text names first are other than the leukaemia's; None where it names none."""
    other, leukemic = lexicon.OTHER_CELLS.search(text), lexicon.LEUKEMIC_CELLS.search(text)
    if other is None:
        return None if leukemic is None else False
    return leukemic is None or other.start() < leukemic.start()


def _last_cells(text: str) -> bool | None:
    other = max((found.end() for found in lexicon.OTHER_CELLS.finditer(text)), default=-1)
    leukemic = max((found.end() for found in lexicon.LEUKEMIC_CELLS.finditer(text)), default=-1)
    return None if other == leukemic else other > leukemic
