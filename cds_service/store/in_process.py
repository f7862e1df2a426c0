"""What stands in for the store while it is down, for this process alone."""

from datetime import datetime
from threading import Lock

MOST_TOKENS = 200_000


class TokensOfThisProcess:
    """Token ids seen by this process, kept until they expire."""

    def __init__(self) -> None:
        self._seen: dict[str, datetime] = {}
        self._lock = Lock()

    def is_new(self, digest: str, expires: datetime, at: datetime) -> bool:
        """Whether this token was not seen before; it is seen from now on. Full of unexpired ids, all are refused."""
        with self._lock:
            if len(self._seen) >= MOST_TOKENS:
                self._seen = {token: until for token, until in self._seen.items() if until > at}
            if digest in self._seen or len(self._seen) >= MOST_TOKENS:
                return False
            self._seen[digest] = expires
            return True
