"""A draft of a site's concept map: its codes that nothing recognises, each with a candidate for a person to judge."""

import re
from collections.abc import Iterator, Sequence

from fhir.resources.R4B.conceptmap import (
    ConceptMap,
    ConceptMapGroup,
    ConceptMapGroupElement,
    ConceptMapGroupElementTarget,
)

from cds_service.terminology.codes import Coding
from cds_service.terminology.concept_map import CANDIDATE
from cds_service.terminology.near_match import Proposal

Candidates = Sequence[tuple[Coding, Proposal | None]]

_CODE = re.compile(r"\S+(?:\s\S+)*")
_DESCRIPTION = (
    "A draft: nothing in it is applied. For each code: write equivalence equivalent where the target means the same; mend or "
    "delete the target where it does not; write unmatched, without a target code, where none of the targets is meant. Then "
    "write status active and run cds-service check."
)


def draft(candidates: Candidates) -> str:
    """The map as FHIR R4 JSON; a code that cannot be in one is left out."""
    resource = ConceptMap(
        name="LocalCodes",
        title="What the codes of this hospital mean",
        status="draft",
        description=_DESCRIPTION,
        group=list(_groups(candidates)) or None,
    )
    return resource.model_dump_json(indent=2) + "\n"


def mappable(candidates: Candidates) -> Candidates:
    """Those that FHIR can hold: a code in a code system, without doubled spaces."""
    return [(coding, proposal) for coding, proposal in candidates if coding.system and _CODE.fullmatch(coding.code or "")]


def _groups(candidates: Candidates) -> Iterator[ConceptMapGroup]:
    """One group for each pair of code systems; codes without a candidate have a group without a target system."""
    elements: dict[tuple[str, str | None], list[ConceptMapGroupElement]] = {}
    for coding, proposal in mappable(candidates):
        target = proposal.target if proposal is not None else None
        system = target.system if target is not None else None
        elements.setdefault((coding.system or "", system), []).append(_element(coding, proposal))
    for (source, target_system), group in elements.items():
        yield ConceptMapGroup(source=source, target=target_system, element=group)


def _element(coding: Coding, proposal: Proposal | None) -> ConceptMapGroupElement:
    target = [_target(proposal, proposal.target)] if proposal is not None and proposal.target is not None else None
    return ConceptMapGroupElement(code=coding.code, display=coding.display, target=target)


def _target(proposal: Proposal, target: Coding) -> ConceptMapGroupElementTarget:
    why = "its words name it" if proposal.by_words else f"names are alike, {proposal.score} of 100"
    return ConceptMapGroupElementTarget(
        code=target.code,
        display=target.display,
        equivalence=CANDIDATE,
        comment=f"Candidate for {proposal.title}: {why}.",
    )
