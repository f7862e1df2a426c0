"""The bases of all values, of which a call makes thousands."""

from enum import Enum

import msgspec


class Value(msgspec.Struct, frozen=True, gc=False):
    """A value that never changes: C makes, compares and copies it.

    It holds nothing that leads back to it, so that the garbage collector need not look for circles through it. What keeps
    something that it worked out, in a `cached_property`, is a plain msgspec Struct.
    """


class OneOf(Enum):
    """One of a closed list, where it is looked up by hundreds of questions a call: Enum's own hash is a function in Python."""

    __hash__ = object.__hash__  # each is the only one of its name
