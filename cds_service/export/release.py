"""The releases of FHIR in which a trial can be told."""

from enum import Enum


class Release(Enum):
    R4 = "r4"
    R5 = "r5"
