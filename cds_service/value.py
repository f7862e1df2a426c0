"""The base of all values, of which a call makes thousands."""

import msgspec


class Value(msgspec.Struct, frozen=True, gc=False):
    """A value that never changes: C makes, compares and copies it.

    It holds nothing that leads back to it, so that the garbage collector need not look for circles through it. What keeps
    something that it worked out, in a `cached_property`, is a plain msgspec Struct.
    """
