"""How a medicine is given: route, single doses, and doses, from what EHRs write."""

from typing import Any

import msgspec
import pytest

from cds_service.facts import dosage
from cds_service.facts.model import Route
from cds_service.fhir import resources as fhir


def dosages(*items: dict[str, Any]) -> list[fhir.Dosage]:
    return [msgspec.convert(item, fhir.Dosage) for item in items]


ROUTES = [
    ({"route": {"text": "Intravenous"}}, "", Route.INTRAVENOUS),
    ({"route": {"coding": [{"code": "PO"}]}}, "", Route.ORAL),
    ({"route": {"text": "IT"}}, "", Route.INTRATHECAL),
    ({"route": {"text": "鞘内注射"}}, "", Route.INTRATHECAL),
    ({"route": {"text": "Topical"}}, "Tacrolimus", Route.LOCAL),
    ({"route": {"text": "Ophthalmic"}}, "Ciclosporin", Route.LOCAL),
    ({"route": {"text": "Cutaneous route"}}, "Tacrolimus", Route.LOCAL),
    ({"route": {"text": "Subcutaneous route"}}, "Methotrexate", Route.SYSTEMIC),
    ({"text": "Take it twice daily with food"}, "Tacrolimus 1 mg capsule", Route.ORAL),
    ({"text": "TAKE IT TWICE DAILY"}, "Tacrolimus", None),
    ({"text": "1 capsule by mouth; avoid contact with eyes"}, "Tacrolimus", Route.ORAL),
    ({"text": "take 2 mL in juice; drops may be mixed"}, "Cyclosporine oral solution", Route.ORAL),
    ({"text": "apply to both eyes"}, "Prednisolone", Route.LOCAL),
    ({"text": "1 capsule by mouth, not on the morning of an appointment"}, "Tacrolimus", Route.ORAL),
    ({"text": "1 capsule by mouth; avoid inhalation of powder"}, "Tacrolimus", Route.ORAL),
    ({"text": "1 mg twice daily, do not inhale"}, "Tacrolimus", None),
    ({"text": "40 mg IV for inhalation injury"}, "Methylprednisolone", Route.INTRAVENOUS),
    ({"text": "吸入性肺炎，40 mg qd"}, "甲泼尼龙", None),
    ({"text": "口服，避免吸入粉末"}, "他克莫司", Route.ORAL),
    ({}, "Cyclosporine 25 MG Soft Gel Capsule", Route.ORAL),
    ({}, "Methotrexate IT 12 mg", Route.INTRATHECAL),
    ({}, "Hydrocortisone 1 % cream", Route.LOCAL),
    ({}, "Dexamethasone mouthwash", Route.LOCAL),
    ({}, "Budesonide powder for oral inhalation", Route.LOCAL),
    ({}, "布地奈德吸入气雾剂", Route.LOCAL),
    ({}, "他克莫司软膏", Route.LOCAL),
    ({}, "地塞米松滴眼液", Route.LOCAL),
    ({}, "他克莫司胶囊", Route.ORAL),
    ({}, "meropenem 1000 MG Injection", Route.INJECTED),
    ({}, "注射用美罗培南", Route.INJECTED),
    ({}, "methotrexate 50 MG/ML Auto-Injector", Route.SYSTEMIC),
    ({}, "Tacrolimus", None),
]


@pytest.mark.parametrize(("item", "name", "route"), ROUTES)
def test_the_route_is_told_by_dosage_then_by_name(item: dict[str, Any], name: str, route: Route | None) -> None:
    assert dosage.route(dosages(item), name) is route


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit}


DOSES = [
    ({"dose": quantity(15, "mg")}, "15 mg"),
    ({"dose": quantity(5, "g")}, "5000 mg"),
    ({"dose": quantity(3, "g/m2")}, "3000 mg/m2"),
    ({"doseAndRate": [{"doseQuantity": quantity(10, "mg/m2")}]}, "10 mg/m2"),
    ({"text": "15 mg by mouth once weekly"}, "15 mg"),
    ({"text": "3.5 g/m2 over 4 hours"}, "3500.0 mg/m2"),
    ({"text": "25 mg/mL, as directed"}, None),
    ({"dose": quantity(2, "mL")}, None),
    ({}, None),
]


@pytest.mark.parametrize(("item", "dose"), DOSES)
def test_a_single_dose_is_told_but_no_strength(item: dict[str, Any], dose: str | None) -> None:
    found = dosage.single_dose(dosages(item), ["methotrexate 2.5 mg tablet"])
    assert (found and f"{found.value} {found.unit}") == dose


@pytest.mark.parametrize(
    ("item", "single"),
    [
        ({"asNeededBoolean": True}, True),
        ({"asNeededCodeableConcept": {"text": "nausea"}}, True),
        ({"timing": {"repeat": {"count": 1}}}, True),
        ({"text": "8 mg once"}, True),
        ({"text": "40 mg once daily"}, False),
        ({"text": "once a day"}, False),
        ({}, False),
    ],
)
def test_one_dose_is_told_from_a_daily_one(item: dict[str, Any], single: bool) -> None:
    assert dosage.is_single(dosages(item)) is single
