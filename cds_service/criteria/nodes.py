"""The shape of each word in the trial files: which keys it takes. All values are text; unknown keys are refused."""

import msgspec

Names = str | list[str]


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all words' shapes."""


class AgeNode(Node, frozen=True):
    age: str
    at_least: str | None = None
    at_most: str | None = None


class SexNode(Node, frozen=True):
    sex: str


class ConditionNode(Node, frozen=True):
    condition: Names
    status: str = "recorded"
    within: str | None = None
    if_absent: str | None = None
    because: str | None = None
    history: str | None = None
    to_confirm: str | None = None


class ProcedureNode(Node, frozen=True):
    procedure: Names
    within: str | None = None
    if_absent: str | None = None
    because: str | None = None
    history: str | None = None


class TherapyNode(Node, frozen=True):
    therapy: Names
    within: str | None = None
    reasons: Names | None = msgspec.field(default=None, name="for")
    but_not_for: Names | None = None
    briefly: str | None = None
    route: str | None = None
    dose_at_most: Names | None = None
    dose_below: Names | None = None
    if_absent: str | None = None
    because: str | None = None
    history: str | None = None


class TreatedForNode(Node, frozen=True):
    treated_for: Names
    within: str | None = None


class ComparisonNode(Node, frozen=True, kw_only=True):
    """The operators; exactly one is given."""

    below: str | None = None
    at_most: str | None = None
    at_least: str | None = None
    above: str | None = None


class ObservationNode(ComparisonNode, frozen=True, kw_only=True):
    observation: Names
    window: str
    by: str | None = None
    preferring: str | None = None
    since: str | None = None
    of_a_range: str | None = None


class ShareNode(ComparisonNode, frozen=True, kw_only=True):
    share: str
    of: str


class OxygenSaturationNode(ComparisonNode, frozen=True, kw_only=True):
    oxygen_saturation: str
    window: str


class DerivedNode(Node, frozen=True):
    scale: str
    met: dict[str, str]
    not_met: dict[str, str]
    age: str = "adult"


class PerformanceNode(ComparisonNode, frozen=True, kw_only=True):
    performance: str
    derived: list[DerivedNode] = []


class FindingNode(Node, frozen=True):
    finding: str
    says: str = msgspec.field(name="is")
    window: str | None = None
    within: str | None = None


class AntigenNode(Node, frozen=True):
    antigen: str
    by: str = "any method"
    positive: str = "as interpreted"


class CourseNode(Node, frozen=True):
    course: str
    at_least: str | None = None
    says: str | None = msgspec.field(default=None, name="is")
    after_remission_of: dict[str, str] | None = None
    then: str | None = None
    treated_with: str | None = None


class AskNode(Node, frozen=True):
    ask: str


class AskListNode(Node, frozen=True):
    ask_list: str


class SharedReadingNode(Node, frozen=True):
    shared_reading: str


class CriterionNode(Node, frozen=True):
    criterion: str


class SettledNode(Node, frozen=True):
    answer: str
    because: str


class SiteNode(Node, frozen=True):
    name: str
    city: str


class RecruitmentNode(Node, frozen=True):
    status: str
    as_of: str
    source: str


class CompletenessNode(Node, frozen=True):
    complete: str
    known: str


class ProtocolNode(Node, frozen=True):
    source: str
    url: str


class MarrowBlastsNode(Node, frozen=True):
    above: str | None = None
    at_least: str | None = None
    exactly: str | None = None
    by: str | None = None


class RelapseNode(Node, frozen=True):
    """What a protocol calls relapse after a complete remission."""

    marrow_blasts: MarrowBlastsNode
    blood_blasts: str
    extramedullary: str


class DefinitionsNode(Node, frozen=True):
    relapse: RelapseNode


class HeaderNode(Node, frozen=True):
    """A trial file without its criteria and its gate."""

    id: str
    title: str
    short_title: str
    product: str
    phase: str
    sponsor: str
    site: SiteNode
    recruitment: RecruitmentNode
    completeness: CompletenessNode
    protocol: ProtocolNode
    definitions: DefinitionsNode
    reviewed: str | None


def names_of(value: Names | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
