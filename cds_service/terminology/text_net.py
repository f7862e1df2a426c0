"""Text nets: what a diagnosis, test or drug is called in words, for where no code tells.

A net catches a text by its words; negations, family history and screening before a word, and a negation behind it, let it go.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

_NEGATED_BEFORE = re.compile(
    r"(?:\bno\b|\bnot\b|\bnegative for|\bden(?:y|ies|ied)\b|\bwithout\b|\bruled? out|\bexclud(?:e|ed|ing)\b|"
    r"\bfamily history|\bfamilial risk|\bmother|\bfather|\bsister|\bbrother|\bscreening (?:for|exam|mammogra)|"
    r"\brisk (?:of|for)|\bprophyla(?:xis|ctic)|\bfear of|\bconcern about|无|否认|家族史|排除)[^.;。；]*$",
    re.IGNORECASE,
)
_NEGATED_BEHIND = re.compile(
    r"^[^.;,。；，]{0,20}?(?:\bnegative\b|\bruled out\b|\bexcluded\b|\bscreening\b|阴性|已排除)", re.IGNORECASE
)


@dataclass(frozen=True)
class TextNet:
    """`words` are regular expressions, matched at the start of a word in Latin script; `but_not` let a hit go."""

    words: tuple[str, ...]
    but_not: tuple[str, ...] = ()

    def catches(self, text: str) -> bool:
        """Whether the text says it of this patient."""
        return any(not self._let_go(text, match) for match in self._pattern.finditer(text))

    def names(self, text: str) -> bool:
        """Whether the text names it at all, be it negated."""
        return self._pattern.search(text) is not None and not self.excepts(text)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(_at_word_start(word) for word in self.words), re.IGNORECASE)

    @cached_property
    def _exceptions(self) -> re.Pattern[str] | None:
        return re.compile("|".join(_at_word_start(word) for word in self.but_not), re.IGNORECASE) if self.but_not else None

    def excepts(self, text: str) -> bool:
        """Whether the text holds one of the exceptions."""
        return self._exceptions is not None and self._exceptions.search(text) is not None

    def _let_go(self, text: str, match: re.Match[str]) -> bool:
        before, behind = text[: match.start()], text[match.end() :]
        return bool(_NEGATED_BEFORE.search(before) or _NEGATED_BEHIND.match(behind)) or self.excepts(text)


def _at_word_start(word: str) -> str:
    return rf"\b(?:{word})" if word[:1].isascii() else f"(?:{word})"


def any_text(net: TextNet | None, texts: Sequence[str]) -> bool:
    return net is not None and any(net.catches(text) for text in texts)
