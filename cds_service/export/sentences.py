"""What is told of a trial and of its criteria in both releases, beyond the standard's own elements."""

from collections.abc import Iterable, Iterator

from cds_service.criteria.cross_check import words_in
from cds_service.criteria.knowledge import Knowledge
from cds_service.criteria.predicates.combinations import Named, SharedReading
from cds_service.criteria.predicates.word import Word
from cds_service.criteria.trial import Criterion, Trial
from cds_service.export.extras import Extra
from cds_service.export.phrases import relapse_after_remission
from cds_service.export.words import form


def about_study(trial: Trial) -> Iterator[Extra]:
    """The registry's own word for the status, and the day on which it said so."""
    recruitment = trial.recruitment
    said = (Extra("status", recruitment.status), Extra("as-of", recruitment.as_of), Extra("source", recruitment.source))
    yield Extra("registry-status", said)


def about_criteria(trial: Trial, knowledge: Knowledge) -> Iterator[Extra]:
    """Whether the list is completely known, whether our reading was reviewed, and what the trial means by relapse."""
    yield Extra("completeness", (Extra("complete", trial.complete), Extra("known", trial.completeness)))
    by = (Extra("by", trial.reviewed),) if trial.reviewed is not None else ()
    yield Extra("reviewed", (Extra("done", trial.reviewed is not None), *by))
    yield Extra("relapse", relapse_after_remission(trial.relapse))
    yield Extra("disease-gate", form(trial.disease_gate, knowledge).phrase)


def readings_told(trial: Trial, knowledge: Knowledge) -> Iterator[Extra]:
    """The readings that the trial shares with others, in words."""
    for name in readings_of(trial, knowledge):
        says = form(knowledge.readings[name], knowledge).phrase
        yield Extra("shared-reading", (Extra("name", name.replace("_", " ")), Extra("says", says)))


def readings_of(trial: Trial, knowledge: Knowledge) -> list[str]:
    """The names of the readings that the trial shares with others."""
    return sorted({word.name for word in words_of(trial, knowledge) if isinstance(word, SharedReading)})


def words_of(trial: Trial, knowledge: Knowledge) -> Iterator[Word]:
    """Every word of the trial, and of the readings that it shares with others."""
    open_words = [trial.disease_gate, *(row.word for row in trial.rows())]
    seen: set[str] = set()
    while open_words:
        for word in words_in(open_words.pop()):
            yield word
            if isinstance(word, SharedReading) and word.name not in seen:
                seen.add(word.name)
                open_words.append(knowledge.readings[word.name])


def decided_by(criterion: Criterion, knowledge: Knowledge) -> Extra:
    """What decides the sentence, in words."""
    return Extra("decided-by", form(criterion.word, knowledge).phrase)


def parts_told(parts: Iterable[Criterion], whole: Criterion, knowledge: Knowledge) -> Iterator[Extra]:
    """Sentences printed within another one; some only stand beside its logic (`in-logic` false)."""
    joined = {word.id for word in words_in(whole.word) if isinstance(word, Named)}
    for part in parts:
        reading = (Extra("reading", part.reading),) if part.reading is not None else ()
        told = (Extra("id", part.id), Extra("text", part.text), *reading, decided_by(part, knowledge))
        yield Extra("part", (*told, Extra("in-logic", part.id in joined)))
