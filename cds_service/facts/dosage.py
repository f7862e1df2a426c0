"""How a medicine is given, as its dosage and its name tell it: by which route, how often, in what dose."""

import re
from collections.abc import Sequence
from decimal import Decimal

from cds_service.facts.amounts import amount_of
from cds_service.facts.concepts import codes_of, many, words_of
from cds_service.facts.model import Amount, Route
from cds_service.fhir import resources as fhir

_FLAGS = re.IGNORECASE | re.ASCII  # ASCII, so that a word ends where Chinese begins
_ROUTES = (
    # "IT" is a word of English too: "take it with food".
    (Route.INTRATHECAL, re.compile(r"intrathecal|intraventricular|intralumbar|鞘内|(?-i:^IT$|\(IT\)|\bIT(?= ?\d|$))", _FLAGS)),
    (Route.INTRAVENOUS, re.compile(r"intraven|\bi\.?v\.?\b|infusion|静脉|静滴|静注|静推", _FLAGS)),
    (
        Route.SYSTEMIC,
        re.compile(r"subcutan|\bs\.?c\.?\b|intramuscular|\bi\.?m\.?\b|auto-?injector|prefilled syringe|皮下|肌注|肌肉", _FLAGS),
    ),
    # Forms that act where they are put, before "oral inhalation" or "vaginal tablet" can mislead.
    (
        Route.LOCAL,
        re.compile(
            r"inhal|nebuli|aerosol|nasal|mouthwash|oral rinse|ophthalm|conjunctiv|\beye ?drops?|\botic\b|\brectal|enema|"
            r"suppositor|vaginal|transdermal|\bcutaneous route|\bcream|\bointment|lotion|(?<!soft )\bgel\b|"
            r"intra-?articular|intravitreal|"
            r"软膏|乳膏|凝胶|滴眼|眼膏|滴耳|滴鼻|鼻喷|喷鼻|吸入(?!性)|气雾|喷雾|雾化|外用|洗剂|搽剂|灌肠|栓剂|漱口",
            _FLAGS,
        ),
    ),
    (Route.ORAL, re.compile(r"\boral|by mouth|\bp\.?o\.?\b|tablet|capsule|口服|胶囊|片|颗粒", _FLAGS)),
)
_WARNING = re.compile(r"\b(avoid|do not|don't|not for|never)\b[^.;,]*|(避免|勿|不要|不可|禁止)[^。；，;,]*", _FLAGS)
"""What is not done with it tells no route: "avoid inhalation of powder", "not for ophthalmic use"."""
_HINTS = (
    (Route.LOCAL, re.compile(r"topical|\beyes?\b|\bears?\b|\bdrops\b", _FLAGS)),
    (Route.INJECTED, re.compile(r"\binject|注射", _FLAGS)),
)
"""Words that tell the route only where no other does: "avoid contact with the eyes"."""
_ONCE = re.compile(r"\b(once(?! (?:a|per|every|daily|weekly))|single dose|one dose|as needed|prn)\b|必要时", _FLAGS)
_PER_SURFACE = re.compile(r"(?P<value>\d[\d,]*(?:\.\d+)?)\s*(?P<unit>m?g\s*/\s*m(?:2|²|\^2))", re.IGNORECASE)
_IN_ALL = re.compile(r"(?P<value>\d[\d,]*(?:\.\d+)?)\s*(?P<unit>mg|g)\b(?!\s*/)", re.IGNORECASE)
_MG_PER_SURFACE = {"mg/m2": Decimal(1), "g/m2": Decimal(1000)}
_MG = {"mg": Decimal(1), "g": Decimal(1000)}


def route(dosages: Sequence[fhir.Dosage], words: str) -> Route | None:
    """The route that the dosage states; else what its text says; else what the product's name and form say."""
    stated = " ".join(f"{words_of(d.route)} {' '.join(codes_of(d.route))}".strip() for d in dosages)
    told = _WARNING.sub(" ", " ".join(d.text for d in dosages if d.text))
    plainly = stated.upper() if stated == "it" else stated
    for text, patterns in ((plainly, (*_ROUTES, *_HINTS)), (told, _ROUTES), (words, _ROUTES), (told, _HINTS), (words, _HINTS)):
        if not text:
            continue
        for found, pattern in patterns:
            if pattern.search(text):
                return found
    return None


def is_single(dosages: Sequence[fhir.Dosage]) -> bool:
    """One dose, or only as needed."""
    return bool(dosages) and all(
        d.as_needed_boolean is True
        or d.as_needed_codeable_concept is not None
        or (d.timing is not None and d.timing.repeat is not None and d.timing.repeat.count == 1)
        or (d.text is not None and _ONCE.search(d.text) is not None)
        for d in dosages
    )


def purposes(dosages: Sequence[fhir.Dosage]) -> tuple[list[fhir.CodeableConcept], list[str]]:
    """What the dosage says that the medicine is for: "as needed for nausea"."""
    concepts = [d.as_needed_codeable_concept for d in dosages if d.as_needed_codeable_concept is not None]
    return concepts, [d.text for d in dosages if d.text]


def single_dose(dosages: Sequence[fhir.Dosage], names: Sequence[str]) -> Amount | None:
    """The largest single dose that is told: in mg/m2 by dosage, its text or the medicine's name; else in mg.

    A product's strength is no dose.
    """
    quantities = [
        amount_of(quantity) for d in dosages for quantity in (d.dose, *(r.dose_quantity for r in many(d.dose_and_rate)))
    ]
    stated = [(a.value, a.unit) for a in quantities if a is not None and a.comparator is None]
    told = [d.text for d in dosages if d.text]
    for texts, pattern, unit, factors in (
        ((*told, *names), _PER_SURFACE, "mg/m2", _MG_PER_SURFACE),
        (told, _IN_ALL, "mg", _MG),
    ):
        written = [(Decimal(m["value"].replace(",", "")), m["unit"]) for text in texts for m in pattern.finditer(text)]
        if doses := [value * factors[key] for value, name in (*stated, *written) if (key := _plain(name)) in factors]:
            return Amount(max(doses), unit)
    return None


def _plain(unit: str | None) -> str:
    return (unit or "").lower().replace(" ", "").replace("²", "2").replace("^2", "2")
