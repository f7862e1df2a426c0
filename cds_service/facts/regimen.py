"""What kind of chemotherapy a course was: by its drugs, and by the dose of cytarabine.

Source: general haematology knowledge (docs/rulings.md, regimens); an assumption for a haematologist to sign off.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import Enum

from cds_service.assumptions import Assumptions
from cds_service.facts.model import Route, Therapy


class Regimen(Enum):
    INTENSIVE = "intensive chemotherapy"
    """7+3 and its kin, CPX-351, homoharringtonine-based, FLAG-IDA, high-dose cytarabine."""
    WITH_VENETOCLAX = "venetoclax with a hypomethylating agent or low-dose cytarabine"
    HYPOMETHYLATING = "hypomethylating agent"
    LOW_DOSE_CYTARABINE = "low-dose cytarabine"
    CAG = "CAG-type regimen"
    TARGETED = "targeted drugs"
    """Venetoclax, kinase, IDH and menin inhibitors, antibodies, oral azacitidine: no course, but it may be a line."""
    OTHER = "chemotherapy of another kind"


DRUG_CLASSES: dict[str, tuple[str, ...]] = {
    "cytarabine": ("cytarabine", "cpx_351"),
    "anthracycline": ("anthracycline",),
    "homoharringtonine": ("homoharringtonine",),
    "purine analogue": ("fludarabine", "cladribine", "clofarabine"),
    "etoposide": ("etoposide",),
    "amsacrine": ("amsacrine",),
    "hypomethylating agent": ("hypomethylating_agent", "oral_azacitidine"),
    "BCL-2 inhibitor": ("venetoclax",),
    "FLT3 inhibitor": ("flt3_inhibitor",),
    "IDH inhibitor": ("idh_inhibitor",),
    "menin inhibitor": ("menin_inhibitor",),
    "CD33 antibody": ("gemtuzumab_ozogamicin",),
    "hedgehog inhibitor": ("glasdegib",),
    "CD123 drug": ("cd123_directed",),
}
"""Classes by which a change of treatment is told from more of the same: class → value sets."""

TARGETED = frozenset(
    {
        "venetoclax",
        "flt3_inhibitor",
        "idh_inhibitor",
        "menin_inhibitor",
        "gemtuzumab_ozogamicin",
        "glasdegib",
        "oral_azacitidine",
        "cd123_directed",
    }
)
"""Drugs that neither open nor lengthen a course."""


def drug_classes(drugs: Iterable[Therapy]) -> frozenset[str]:
    return frozenset(name for drug in drugs for name, sets in DRUG_CLASSES.items() if drug.is_in_any(sets))


def classify(drugs: Iterable[Therapy], beside: Iterable[Therapy], assumptions: Assumptions) -> Regimen:
    """The kind of a course, from its own drugs and what was given beside them (venetoclax, growth factors …)."""
    given, along = list(drugs), list(beside)
    if not given:
        return Regimen.TARGETED
    cytarabine = [drug for drug in given if drug.is_in("cytarabine")]
    if _any(given, "cpx_351"):
        return Regimen.INTENSIVE
    low_dose = bool(cytarabine) and all(_is_low_dose(drug, assumptions) for drug in cytarabine)
    partner = _any(
        given, "anthracycline", "homoharringtonine", "fludarabine", "cladribine", "clofarabine", "etoposide", "amsacrine"
    )
    if cytarabine and partner:
        return Regimen.CAG if _is_cag(given, along, low_dose=low_dose) else Regimen.INTENSIVE
    if _any(along, "venetoclax") and (_any(given, "hypomethylating_agent") or low_dose) and not partner:
        return Regimen.WITH_VENETOCLAX
    if _any(given, "hypomethylating_agent") and not partner and not cytarabine:
        return Regimen.HYPOMETHYLATING
    if low_dose:
        return Regimen.LOW_DOSE_CYTARABINE
    if cytarabine and all(_is_high_dose(drug, assumptions) for drug in cytarabine):
        return Regimen.INTENSIVE
    return Regimen.OTHER


def is_salvage_protocol(drugs: Iterable[Therapy], beside: Iterable[Therapy]) -> bool:
    """A protocol that is given to relapsed or refractory disease: where it stands first, something came before it.

    FLAG-IDA and high-dose cytarabine given first are induction (ruling 3).
    """
    given, along = list(drugs), list(beside)
    if not _any(given, "cytarabine"):
        return False
    flag = _any(given, "fludarabine") and not _any(given, "anthracycline")
    clag = _any(given, "cladribine") and (_any(given, "idarubicin", "mitoxantrone") or not _any(given, "anthracycline"))
    mec = _any(given, "mitoxantrone") and _any(given, "etoposide")
    with_venetoclax = _any(along, "venetoclax") and _any(given, "fludarabine", "cladribine")
    return flag or clag or mec or _any(given, "clofarabine") or with_venetoclax


def is_cytotoxic(drugs: Iterable[Therapy]) -> bool:
    """Conventional chemotherapy: a cytotoxic or a hypomethylating agent among the drugs."""
    return any(drug.is_in("course_cytotoxic") for drug in drugs)


def _is_cag(drugs: list[Therapy], beside: list[Therapy], *, low_dose: bool) -> bool:
    """Low-dose cytarabine with aclarubicin or homoharringtonine, most often with a growth factor."""
    agent = _any(drugs, "aclarubicin", "homoharringtonine")
    return agent and (low_dose or (_any(beside, "granulocyte_growth_factor") and not _any(drugs, "fludarabine", "cladribine")))


def _is_low_dose(drug: Therapy, assumptions: Assumptions) -> bool:
    limit = _dose_limit(drug, "low_dose_cytarabine", assumptions)
    return drug.dose.value <= limit if drug.dose is not None and limit is not None else drug.route is Route.SYSTEMIC


def _is_high_dose(drug: Therapy, assumptions: Assumptions) -> bool:
    limit = _dose_limit(drug, "high_dose_cytarabine", assumptions)
    return drug.dose is not None and limit is not None and drug.dose.value >= limit


def _dose_limit(drug: Therapy, name: str, assumptions: Assumptions) -> Decimal | None:
    """The limit in the dose's own unit: per surface, or absolute."""
    limits = [assumptions.limit(name), assumptions.limit(_ABSOLUTE[name])]
    return next((limit.value for limit in limits if drug.dose is not None and limit.unit == drug.dose.unit), None)


_ABSOLUTE = {
    "low_dose_cytarabine": "low_dose_cytarabine_absolute",
    "high_dose_cytarabine": "high_dose_cytarabine_absolute",
}


def _any(drugs: Iterable[Therapy], *value_sets: str) -> bool:
    return any(drug.is_in_any(value_sets) for drug in drugs)
