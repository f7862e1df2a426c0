"""What a course is called by its drugs and doses, and which protocols are salvage (rulings 3, 12 and 14)."""

from decimal import Decimal

import pytest

from cds_service.criteria.knowledge import Knowledge
from cds_service.facts.model import Amount, Route, Therapy
from cds_service.facts.regimen import DRUG_CLASSES, Regimen, classify, drug_classes, is_cytotoxic, is_salvage_protocol
from cds_service.terminology.value_set import Recognition


def drug(*names: str, route: Route | None = None, dose: Amount | None = None) -> Therapy:
    """A medicine that these value sets hold."""
    return Therapy("Medication/d", names[0], Recognition(by_code=frozenset(names)), None, route=route, dose=dose)


def cytarabine(value: str | None = None, unit: str = "mg/m2", route: Route | None = None) -> Therapy:
    dose = None if value is None else Amount(Decimal(value), unit)
    return drug("cytarabine", "course_cytotoxic", route=route, dose=dose)


DAUNORUBICIN = drug("anthracycline", "course_cytotoxic")
IDARUBICIN = drug("idarubicin", "anthracycline", "course_cytotoxic")
MITOXANTRONE = drug("mitoxantrone", "anthracycline", "course_cytotoxic")
ACLARUBICIN = drug("aclarubicin", "anthracycline", "course_cytotoxic")
HOMOHARRINGTONINE = drug("homoharringtonine", "course_cytotoxic")
FLUDARABINE = drug("fludarabine", "course_cytotoxic")
CLADRIBINE = drug("cladribine", "course_cytotoxic")
CLOFARABINE = drug("clofarabine", "course_cytotoxic")
ETOPOSIDE = drug("etoposide", "course_cytotoxic")
AMSACRINE = drug("amsacrine", "course_cytotoxic")
CPX_351 = drug("cpx_351", "course_cytotoxic")
AZACITIDINE = drug("hypomethylating_agent", "course_cytotoxic")
HYDROXYUREA = drug("hydroxyurea")
VENETOCLAX = drug("venetoclax")
GILTERITINIB = drug("flt3_inhibitor")
G_CSF = drug("granulocyte_growth_factor")
LOW = cytarabine("20")

# the drugs of the course, what was given beside them, and what it is called
REGIMENS: dict[str, tuple[list[Therapy], list[Therapy], Regimen]] = {
    "7+3": ([cytarabine("100"), DAUNORUBICIN], [], Regimen.INTENSIVE),
    "7+3 with venetoclax": ([cytarabine("100"), DAUNORUBICIN], [VENETOCLAX], Regimen.INTENSIVE),
    "7+3 with a growth factor": ([cytarabine("100"), DAUNORUBICIN], [G_CSF], Regimen.INTENSIVE),
    "an anthracycline alone": ([DAUNORUBICIN], [], Regimen.OTHER),
    "CPX-351": ([CPX_351], [], Regimen.INTENSIVE),
    "CPX-351 with venetoclax": ([CPX_351], [VENETOCLAX], Regimen.INTENSIVE),
    "homoharringtonine, cytarabine and daunorubicin": (
        [HOMOHARRINGTONINE, cytarabine("100"), DAUNORUBICIN],
        [],
        Regimen.INTENSIVE,
    ),
    "homoharringtonine with cytarabine in standard dose": ([HOMOHARRINGTONINE, cytarabine("100")], [], Regimen.INTENSIVE),
    "homoharringtonine with cytarabine in low dose (HAG)": ([HOMOHARRINGTONINE, LOW], [G_CSF], Regimen.CAG),
    "HAG of an unknown dose, by its growth factor": ([HOMOHARRINGTONINE, cytarabine()], [G_CSF], Regimen.CAG),
    "homoharringtonine with cytarabine, no dose and no growth factor": (
        [HOMOHARRINGTONINE, cytarabine()],
        [],
        Regimen.INTENSIVE,
    ),
    "CAG": ([ACLARUBICIN, LOW], [G_CSF], Regimen.CAG),
    "CAG whose growth factor is not recorded": ([ACLARUBICIN, LOW], [], Regimen.CAG),
    "aclarubicin with cytarabine in standard dose": ([ACLARUBICIN, cytarabine("100")], [], Regimen.INTENSIVE),
    "daunorubicin with cytarabine in low dose": ([DAUNORUBICIN, LOW], [], Regimen.INTENSIVE),
    "aclarubicin and FLAG with a growth factor are no CAG": (
        [ACLARUBICIN, FLUDARABINE, cytarabine("2000")],
        [G_CSF],
        Regimen.INTENSIVE,
    ),
    "aclarubicin and CLAG with a growth factor are no CAG": (
        [ACLARUBICIN, CLADRIBINE, cytarabine("2000")],
        [G_CSF],
        Regimen.INTENSIVE,
    ),
    "FLAG": ([FLUDARABINE, cytarabine("2000")], [G_CSF], Regimen.INTENSIVE),
    "CLAG": ([CLADRIBINE, cytarabine()], [], Regimen.INTENSIVE),
    "clofarabine with cytarabine": ([CLOFARABINE, cytarabine()], [], Regimen.INTENSIVE),
    "etoposide with cytarabine": ([ETOPOSIDE, cytarabine()], [], Regimen.INTENSIVE),
    "amsacrine with cytarabine": ([AMSACRINE, cytarabine()], [], Regimen.INTENSIVE),
    "clofarabine alone": ([CLOFARABINE], [], Regimen.OTHER),
    "azacitidine": ([AZACITIDINE], [], Regimen.HYPOMETHYLATING),
    "azacitidine with gilteritinib": ([AZACITIDINE], [GILTERITINIB], Regimen.HYPOMETHYLATING),
    "azacitidine with venetoclax": ([AZACITIDINE], [VENETOCLAX], Regimen.WITH_VENETOCLAX),
    "azacitidine and low-dose cytarabine with venetoclax": ([AZACITIDINE, LOW], [VENETOCLAX], Regimen.WITH_VENETOCLAX),
    "azacitidine and low-dose cytarabine": ([AZACITIDINE, LOW], [], Regimen.LOW_DOSE_CYTARABINE),
    "azacitidine and cytarabine of an unknown dose": ([AZACITIDINE, cytarabine()], [], Regimen.OTHER),
    "azacitidine and an anthracycline with venetoclax": ([AZACITIDINE, DAUNORUBICIN], [VENETOCLAX], Regimen.OTHER),
    "low-dose cytarabine with venetoclax": ([LOW], [VENETOCLAX], Regimen.WITH_VENETOCLAX),
    "high-dose cytarabine with venetoclax": ([cytarabine("3000")], [VENETOCLAX], Regimen.INTENSIVE),
    "cytarabine of an unknown dose with venetoclax": ([cytarabine()], [VENETOCLAX], Regimen.OTHER),
    "cytarabine, 40 mg/m2, is low": ([cytarabine("40")], [], Regimen.LOW_DOSE_CYTARABINE),
    "cytarabine, 41 mg/m2, is neither low nor high": ([cytarabine("41")], [], Regimen.OTHER),
    "cytarabine, 999 mg/m2, is not high": ([cytarabine("999")], [], Regimen.OTHER),
    "cytarabine, 1000 mg/m2, is high": ([cytarabine("1000")], [], Regimen.INTENSIVE),
    "cytarabine, 60 mg, is low": ([cytarabine("60", "mg")], [], Regimen.LOW_DOSE_CYTARABINE),
    "cytarabine, 61 mg, is neither": ([cytarabine("61", "mg")], [], Regimen.OTHER),
    "cytarabine, 1499 mg, may be less than 1000 mg/m2": ([cytarabine("1499", "mg")], [], Regimen.OTHER),
    "cytarabine, 1500 mg, is high": ([cytarabine("1500", "mg")], [], Regimen.INTENSIVE),
    "cytarabine under the skin is low": ([cytarabine(route=Route.SYSTEMIC)], [], Regimen.LOW_DOSE_CYTARABINE),
    "cytarabine under the skin in a dose that is not low": ([cytarabine("100", route=Route.SYSTEMIC)], [], Regimen.OTHER),
    "cytarabine by vein of an unknown dose": ([cytarabine(route=Route.INTRAVENOUS)], [], Regimen.OTHER),
    "one low and one standard dose are not low": ([LOW, cytarabine("100")], [], Regimen.OTHER),
    "one high and one unknown dose are not surely high": ([cytarabine("3000"), cytarabine()], [], Regimen.OTHER),
    "a kinase inhibitor": ([], [GILTERITINIB], Regimen.TARGETED),
    "venetoclax": ([], [VENETOCLAX], Regimen.TARGETED),
    "amsacrine alone": ([AMSACRINE], [], Regimen.OTHER),
}


@pytest.mark.parametrize("name", REGIMENS)
def test_a_course_is_called_by_its_drugs_and_doses(name: str, knowledge: Knowledge) -> None:
    given, beside, expected = REGIMENS[name]
    assert classify(given, beside, knowledge.assumptions) is expected
    assert classify(reversed(given), iter(beside), knowledge.assumptions) is expected


SALVAGE: dict[str, tuple[list[Therapy], list[Therapy], bool]] = {
    "7+3": ([cytarabine(), DAUNORUBICIN], [], False),
    "idarubicin with cytarabine": ([cytarabine(), IDARUBICIN], [], False),
    "mitoxantrone with cytarabine": ([cytarabine(), MITOXANTRONE], [], False),
    "7+3 with venetoclax": ([cytarabine(), DAUNORUBICIN], [VENETOCLAX], False),
    "high-dose cytarabine": ([cytarabine("3000")], [], False),
    "azacitidine with venetoclax": ([AZACITIDINE], [VENETOCLAX], False),
    "FLAG": ([cytarabine(), FLUDARABINE], [G_CSF], True),
    "FLAG-IDA, which is given as induction too": ([cytarabine(), FLUDARABINE, IDARUBICIN], [], False),
    "FLAG-IDA with venetoclax": ([cytarabine(), FLUDARABINE, IDARUBICIN], [VENETOCLAX], True),
    "fludarabine without cytarabine": ([FLUDARABINE], [], False),
    "CLAG": ([cytarabine(), CLADRIBINE], [], True),
    "CLAG-M": ([cytarabine(), CLADRIBINE, MITOXANTRONE], [], True),
    "CLAG with idarubicin": ([cytarabine(), CLADRIBINE, IDARUBICIN], [], True),
    "7+3 with cladribine (DAC), an induction": ([cytarabine(), CLADRIBINE, DAUNORUBICIN], [], False),
    "DAC with venetoclax": ([cytarabine(), CLADRIBINE, DAUNORUBICIN], [VENETOCLAX], True),
    "cladribine alone": ([CLADRIBINE], [VENETOCLAX], False),
    "MEC": ([cytarabine(), MITOXANTRONE, ETOPOSIDE], [], True),
    "etoposide without mitoxantrone (ADE)": ([cytarabine(), DAUNORUBICIN, ETOPOSIDE], [], False),
    "mitoxantrone with etoposide, no cytarabine": ([MITOXANTRONE, ETOPOSIDE], [], False),
    "clofarabine with cytarabine": ([cytarabine(), CLOFARABINE], [], True),
    "clofarabine alone": ([CLOFARABINE], [], False),
}


@pytest.mark.parametrize("name", SALVAGE)
def test_a_salvage_protocol_is_told_from_an_induction(name: str) -> None:
    given, beside, expected = SALVAGE[name]
    assert is_salvage_protocol(given, beside) is expected
    assert is_salvage_protocol(reversed(given), iter(beside)) is expected


CLASSES = [
    ([cytarabine()], {"cytarabine"}),
    ([CPX_351], {"cytarabine"}),
    ([DAUNORUBICIN, IDARUBICIN, MITOXANTRONE], {"anthracycline"}),
    ([HOMOHARRINGTONINE], {"homoharringtonine"}),
    ([FLUDARABINE, CLADRIBINE, CLOFARABINE], {"purine analogue"}),
    ([ETOPOSIDE], {"etoposide"}),
    ([AMSACRINE], {"amsacrine"}),
    ([AZACITIDINE, drug("oral_azacitidine")], {"hypomethylating agent"}),
    ([VENETOCLAX], {"BCL-2 inhibitor"}),
    ([GILTERITINIB], {"FLT3 inhibitor"}),
    ([drug("idh_inhibitor")], {"IDH inhibitor"}),
    ([drug("menin_inhibitor")], {"menin inhibitor"}),
    ([drug("gemtuzumab_ozogamicin")], {"CD33 antibody"}),
    ([drug("glasdegib")], {"hedgehog inhibitor"}),
    ([drug("cd123_directed")], {"CD123 drug"}),
    ([cytarabine(), DAUNORUBICIN, VENETOCLAX], {"cytarabine", "anthracycline", "BCL-2 inhibitor"}),
    ([HYDROXYUREA, G_CSF], set()),
    ([], set()),
]


@pytest.mark.parametrize(("drugs", "classes"), CLASSES, ids=range(len(CLASSES)))
def test_drugs_of_one_class_are_more_of_the_same(drugs: list[Therapy], classes: set[str]) -> None:
    assert drug_classes(drugs) == classes


def test_every_value_set_of_a_drug_class_exists(knowledge: Knowledge) -> None:
    assert [name for sets in DRUG_CLASSES.values() for name in sets if name not in knowledge.terminology] == []


@pytest.mark.parametrize(
    ("drugs", "expected"),
    [([cytarabine()], True), ([VENETOCLAX, AZACITIDINE], True), ([VENETOCLAX, GILTERITINIB], False), ([], False)],
)
def test_only_cytotoxics_and_hypomethylating_agents_are_conventional_chemotherapy(drugs: list[Therapy], expected: bool) -> None:
    assert is_cytotoxic(drugs) is expected
