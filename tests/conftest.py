"""What all tests share. They run in a time zone that is not UTC."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

import prometheus_client  # noqa: F401  # before a test that has a server's processes count together
import pytest
from hypothesis import settings

from cds_service.criteria.knowledge import Knowledge, load_knowledge
from cds_service.criteria.match import CriterionAnswer
from cds_service.evaluation import Findings, evaluate
from cds_service.fhir.bundle import read_bundle
from tests.records import AS_OF, Record

settings.register_profile("suite", derandomize=True)  # a run says the same twice; `make fuzz` searches further
settings.load_profile("suite")
ZONE = ZoneInfo("Asia/Kathmandu")
SHORT = {"000": "NCT04014881", "001": "NCT04265963", "002": "NCT06006403", "003": "NCT05943314", "004": "NCT07144020"}

Ask = Callable[[str, Record], CriterionAnswer]


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return load_knowledge()


@pytest.fixture(scope="session")
def judge(knowledge: Knowledge) -> Callable[[Record], Findings]:
    """All trials for one record, as of AS_OF."""
    return lambda record: evaluate(read_bundle(record.body()), knowledge, AS_OF, ZONE)


@pytest.fixture(scope="session")
def ask(judge: Callable[[Record], Findings]) -> Ask:
    """One row, such as "001-I11a", for one record."""

    def answer(row: str, record: Record) -> CriterionAnswer:
        trial, _, name = row.partition("-")
        match = next(match for match in judge(record).matches if match.trial.id == SHORT[trial])
        return next(one for one in match.answers if one.criterion.id == name)

    return answer
