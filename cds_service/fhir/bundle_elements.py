"""What a Bundle says of itself and of its entries, whatever these hold."""

from typing import Literal

import msgspec


class NotABundleError(ValueError):
    """The bytes are not a Bundle; holds no value of them."""


class BundleLink(msgspec.Struct, frozen=True, gc=False):
    relation: str | None = None
    url: str | None = None


class BundleSearch(msgspec.Struct, frozen=True, gc=False):
    mode: str | None = None


class AboutBundle(msgspec.Struct, frozen=True, rename="camel", gc=False, kw_only=True):
    """What a Bundle says of itself."""

    resource_type: Literal["Bundle"]
    total: int | None = None
    link: list[BundleLink] | None = None


class AboutEntry(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What a Bundle says of an entry."""

    full_url: str | None = None
    search: BundleSearch | None = None

    def is_match(self) -> bool:
        """Whether it answers the search, and is not merely included with what does."""
        return self.search is None or self.search.mode not in ("include", "outcome")
