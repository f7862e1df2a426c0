"""A case without a patient, for words whose answers need none."""

from typing import cast

from cds_service.criteria.predicates.word import Case, Word
from cds_service.criteria.verdict import Verdict


class _Nobody:
    """Every word is asked as it stands."""

    def ask(self, word: Word) -> Verdict:
        return word.evaluate(NOBODY)


NOBODY = cast("Case", _Nobody())
