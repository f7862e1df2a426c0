"""SETTINGS: every CDS_* variable with its type, default and meaning; read once, at start. The only reader of the environment
and the only clock."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from limits import RateLimitItem
from limits import parse as parse_rate

from cds_service.errors import SettingsError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable. `kind`: text, number, flag, list, days, path, directory, zone, secret or address.

    A secret is never printed, nor is the password in an address; both may stand in a file that NAME_FILE names.
    """

    name: str
    kind: str
    default: str
    help: str

    @property
    def in_file(self) -> str | None:
        """The variable that names a file with the value, where there may be one."""
        return f"{self.name}_FILE" if self.kind in ("secret", "address") else None

    def masked(self, value: str) -> str:
        if self.kind == "secret":
            return MASK if value else ""
        return _PASSWORD_OF_USER.sub(rf"\1{MASK}", _PASSWORD_PARAMETER.sub(MASK, value)) if self.kind == "address" else value


MASK = "***"
_PASSWORD_OF_USER = re.compile(r"(://[^:/@]*:).*(?=@)")
_PASSWORD_PARAMETER = re.compile(r"(?<=password=)[^&]*")


SETTINGS = (
    Setting("CDS_HOST", "text", "127.0.0.1", "address to listen on; only loopback while CDS_AUTH=off"),
    Setting("CDS_PORT", "number", "8080", "port to listen on"),
    Setting("CDS_PROCESSES", "number", "0", "processes that answer; they share the store; 0 is one a CPU"),
    Setting(
        "CDS_THREADS", "number", "8", "calls that each process answers at a time; some more wait a moment, the rest gets 503"
    ),
    Setting("CDS_READERS", "number", "96", "queries to FHIR servers that each process runs at a time; a call runs about 12"),
    Setting("CDS_TIMEZONE", "zone", "UTC", "the hospital's time zone: days of results and today's day are days there"),
    Setting("CDS_CLIENTS", "path", "", "YAML file of the CDS clients that may call, with their keys and FHIR servers"),
    Setting("CDS_AUTH", "text", "on", "off answers everybody who calls from this machine: for development"),
    Setting("CDS_PUBLIC_URL", "text", "", "where clients call, such as https://cds.hospital.example: the aud of their tokens"),
    Setting("CDS_RATE_LIMIT", "text", "600 per minute", "calls of one client that one process answers; the rest gets 429"),
    Setting("CDS_FHIR_SERVERS", "list", "", "FHIR servers that may be called while CDS_AUTH=off; else see CDS_CLIENTS"),
    Setting("CDS_PRIVATE_NETWORKS", "list", "", "private networks that may be called, such as 10.20.0.0/16"),
    Setting("CDS_CONNECT_TIMEOUT", "number", "2", "seconds to wait for a connection to a FHIR server"),
    Setting("CDS_READ_TIMEOUT", "number", "5", "seconds to wait for data of a FHIR server"),
    Setting("CDS_MAX_PAGES", "number", "20", "pages that are followed in one search"),
    Setting("CDS_MAX_BODY_MB", "number", "10", "largest body that is read, of a call or of an answer, in megabytes"),
    Setting("CDS_CACHE_SECONDS", "number", "60", "how long FHIR results are kept for the same token; 0 keeps none"),
    Setting("CDS_CACHE_MB", "number", "64", "memory that each process keeps FHIR results in, in megabytes; 0 keeps none"),
    Setting("CDS_PROXY", "address", "", "proxy for calls to FHIR servers"),
    Setting("CDS_CA_BUNDLE", "path", "", "certificates of a private authority that FHIR servers use"),
    Setting("CDS_CLIENT_CERTIFICATE", "path", "", "client certificate with its key, in PEM, for FHIR servers"),
    Setting("CDS_CORS_ORIGINS", "list", "", "origins of browser-based clients; * only for development"),
    Setting("CDS_ASSUMPTIONS", "path", "", "the site's own assumptions.yaml instead of the one shipped"),
    Setting(
        "CDS_CONCEPT_MAPS", "directory", "", "directory with the site's ConceptMap files, which say what its local codes mean"
    ),
    Setting("CDS_TRIALS", "directory", "", "directory with trial files of the site's own, evaluated beside those shipped"),
    Setting("CDS_REQUIRE_REVIEWED", "flag", "false", "evaluate only trials whose reading a haematologist has reviewed"),
    Setting("CDS_SHOW_TRIALS", "list", "", "NCT numbers of the trials that the site wants to see; empty for all"),
    Setting("CDS_SHOW_CLOSED_TRIALS", "flag", "true", "show trials that do not recruit, marked and last"),
    Setting("CDS_SHOW_SENSITIVE_REASONS", "flag", "false", "name HIV, hepatitis, drug use, mental illness, pregnancy on cards"),
    Setting("CDS_SILENT", "flag", "false", "evaluate every call and answer no cards, for the weeks before go-live"),
    Setting(
        "CDS_DATABASE_URL",
        "address",
        "sqlite:///cds-service.sqlite",
        "database of feedback, overrides, tokens seen and audit: SQLite, or PostgreSQL for several machines",
    ),
    Setting(
        "CDS_SUPPRESS_DAYS", "days", "30, not-now=7, not-a-candidate=180", "days that an overridden card stays away, by reason"
    ),
    Setting("CDS_KEEP_DAYS", "number", "2190", "days that audit and feedback are kept; `cds-service purge` deletes older ones"),
    Setting("CDS_TRACES", "text", "", "OTLP address that gets traces, such as http://collector:4318/v1/traces; needs [otel]"),
    Setting("CDS_HASH_KEY", "secret", "", "key of card ids and of hashes in the audit; required beyond loopback"),
)


RENAMED = {"CDS_STORE": "CDS_DATABASE_URL"}
"""Names of earlier versions."""
_OF_KUBERNETES = re.compile(r"_(SERVICE_HOST|SERVICE_PORT|PORT)(_|$)")


@dataclass(frozen=True)
class Settings:
    """All settings, typed. Values are read from CDS_* variables by `read_settings`."""

    host: str
    port: int
    processes: int
    threads: int
    readers: int
    timezone: ZoneInfo
    clients: Path | None
    auth: bool
    public_url: str | None
    rate_limit: RateLimitItem
    fhir_servers: tuple[str, ...]
    private_networks: tuple[Network, ...]
    connect_timeout: float
    read_timeout: float
    max_pages: int
    max_body_bytes: int
    cache_seconds: float
    cache_bytes: int
    proxy: str | None
    ca_bundle: Path | None
    client_certificate: Path | None
    cors_origins: tuple[str, ...]
    assumptions: Path | None
    concept_maps: Path | None
    trials: Path | None
    require_reviewed: bool
    show_trials: frozenset[str]
    show_closed_trials: bool
    show_sensitive_reasons: bool
    silent: bool
    database_url: str
    suppress_days: Mapping[str, float]
    """By override reason; "" for every other."""
    keep_days: int
    traces: str | None
    hash_key: bytes | None

    def is_loopback(self) -> bool:
        """Whether this machine alone can call: it listens here, and no public address leads here."""
        return self.host in LOOPBACK and (self.public_url is None or is_loopback_url(self.public_url))


def is_loopback_url(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Raises: SettingsError naming the variable and what it accepts."""
    value = _values(os.environ if environment is None else environment)
    return Settings(
        host=value["CDS_HOST"],
        port=_whole("CDS_PORT", value, least=1, most=65_535),
        processes=_whole("CDS_PROCESSES", value, least=0),
        threads=_whole("CDS_THREADS", value, least=1),
        readers=_whole("CDS_READERS", value, least=1),
        timezone=_zone("CDS_TIMEZONE", value),
        clients=_path("CDS_CLIENTS", value),
        auth=_choice("CDS_AUTH", value, "on", "off") == "on",
        public_url=_public_url(value),
        rate_limit=_rate("CDS_RATE_LIMIT", value),
        fhir_servers=tuple(url.rstrip("/") for url in _list("CDS_FHIR_SERVERS", value)),
        private_networks=_networks("CDS_PRIVATE_NETWORKS", value),
        connect_timeout=_number("CDS_CONNECT_TIMEOUT", value),
        read_timeout=_number("CDS_READ_TIMEOUT", value),
        max_pages=_whole("CDS_MAX_PAGES", value, least=1),
        max_body_bytes=int(_number("CDS_MAX_BODY_MB", value) * 1_000_000),
        cache_seconds=_number("CDS_CACHE_SECONDS", value),
        cache_bytes=int(_number("CDS_CACHE_MB", value) * 1_000_000),
        proxy=value["CDS_PROXY"] or None,
        ca_bundle=_path("CDS_CA_BUNDLE", value),
        client_certificate=_path("CDS_CLIENT_CERTIFICATE", value),
        cors_origins=_list("CDS_CORS_ORIGINS", value),
        assumptions=_path("CDS_ASSUMPTIONS", value),
        concept_maps=_directory("CDS_CONCEPT_MAPS", value),
        trials=_directory("CDS_TRIALS", value),
        require_reviewed=_flag("CDS_REQUIRE_REVIEWED", value),
        show_trials=frozenset(_list("CDS_SHOW_TRIALS", value)),
        show_closed_trials=_flag("CDS_SHOW_CLOSED_TRIALS", value),
        show_sensitive_reasons=_flag("CDS_SHOW_SENSITIVE_REASONS", value),
        silent=_flag("CDS_SILENT", value),
        database_url=value["CDS_DATABASE_URL"],
        suppress_days=_days_by_reason("CDS_SUPPRESS_DAYS", value),
        keep_days=_whole("CDS_KEEP_DAYS", value, least=0),
        traces=_traces(value),
        hash_key=value["CDS_HASH_KEY"].encode() or None,
    )


def current_values(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What each setting is now; secrets and passwords are masked. Raises: SettingsError for one that is unknown."""
    values = _values(os.environ if environment is None else environment)
    return {setting.name: setting.masked(values[setting.name]) for setting in SETTINGS}


def share_counters(directory: Path) -> None:
    """Have the processes of this server count together in files there; to be said before anything is counted."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)


def now() -> datetime:
    """The clock that is passed on wherever time is an argument."""
    return datetime.now(UTC)  # the one clock


def _values(environment: Mapping[str, str]) -> dict[str, str]:
    """Each setting as text: as it is given, as its file has it, or by default. Raises: SettingsError."""
    given = {name: value for name, value in environment.items() if name.startswith("CDS_")}
    in_files = {setting.in_file: setting.name for setting in SETTINGS if setting.in_file is not None}
    known = {setting.name for setting in SETTINGS} | in_files.keys()
    if foreign := sorted(given.keys() - known):
        raise SettingsError(_why_unknown(foreign[0], given[foreign[0]], known))
    for file_variable, name in in_files.items():
        if path := given.pop(file_variable, ""):
            if given.get(name):
                raise SettingsError(f"{name} and {file_variable} exclude each other; remove one")
            given[name] = _content(file_variable, path)
    return {setting.name: given.get(setting.name, setting.default).strip() for setting in SETTINGS}


def _content(name: str, path: str) -> str:
    try:
        content = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError(f"{name} names a file that cannot be read ({problem})") from error
    if not content:
        raise SettingsError(f"{name} names a file that is empty")
    return content


def _why_unknown(name: str, value: str, known: Collection[str]) -> str:
    if name in RENAMED:
        return f"{name} is called {RENAMED[name]} now; rename it"
    if _OF_KUBERNETES.search(name) and (value.isdigit() or value.startswith("tcp://") or name.endswith("_HOST")):
        return f"{name} is set by Kubernetes for a Service; set enableServiceLinks: false in the pod"
    alike = get_close_matches(name, known, n=1)
    meant = f"did you mean {alike[0]}? " if alike else ""
    return f"{name} is no setting; {meant}`cds-service settings` lists them all"


def _number(name: str, value: Mapping[str, str]) -> float:
    try:
        number = float(value[name])
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise SettingsError(f"{name} must be a number of 0 or more")
    return number


def _whole(name: str, value: Mapping[str, str], *, least: int, most: int = 1_000_000) -> int:
    number = _number(name, value)
    if number != int(number) or not least <= number <= most:
        raise SettingsError(f"{name} must be a whole number from {least} to {most}")
    return int(number)


def _flag(name: str, value: Mapping[str, str]) -> bool:
    if value[name].lower() not in ("true", "false"):
        raise SettingsError(f"{name} must be true or false")
    return value[name].lower() == "true"


def _choice(name: str, value: Mapping[str, str], *choices: str) -> str:
    if value[name].lower() not in choices:
        raise SettingsError(f"{name} must be {' or '.join(choices)}")
    return value[name].lower()


def _public_url(value: Mapping[str, str]) -> str | None:
    url = value["CDS_PUBLIC_URL"].rstrip("/")
    if url and not (url.startswith("https://") or (url.startswith("http://") and is_loopback_url(url))):
        raise SettingsError("CDS_PUBLIC_URL must begin with https:// (http:// on loopback only)")
    return url or None


def _traces(value: Mapping[str, str]) -> str | None:
    address = value["CDS_TRACES"]
    if address and not address.startswith(("http://", "https://")):
        raise SettingsError("CDS_TRACES must be an address such as http://collector:4318/v1/traces")
    return address or None


def _rate(name: str, value: Mapping[str, str]) -> RateLimitItem:
    try:
        return parse_rate(value[name])
    except ValueError as error:
        raise SettingsError(f'{name} must be a rate such as "600 per minute"') from error


def _networks(name: str, value: Mapping[str, str]) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(item) for item in _list(name, value))
    except ValueError as error:
        raise SettingsError(f"{name} must list networks such as 10.20.0.0/16") from error


def _list(name: str, value: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(item.strip() for item in value[name].split(",") if item.strip())


def _days_by_reason(name: str, value: Mapping[str, str]) -> dict[str, float]:
    days: dict[str, float] = {}
    for item in _list(name, value):
        reason, _, count = item.rpartition("=")
        days[reason.strip()] = _number(name, {name: count})
    if "" not in days or max(days.values()) > 36_500:
        raise SettingsError(f'{name} must be days, then days by reason: "30, not-now=7"')
    return days


def _path(name: str, value: Mapping[str, str]) -> Path | None:
    if not value[name]:
        return None
    path = Path(value[name])
    if not path.is_file():
        raise SettingsError(f"{name} names a file that does not exist")
    return path


def _directory(name: str, value: Mapping[str, str]) -> Path | None:
    if not value[name]:
        return None
    path = Path(value[name])
    if not path.is_dir():
        raise SettingsError(f"{name} names a directory that does not exist")
    return path


def _zone(name: str, value: Mapping[str, str]) -> ZoneInfo:
    try:
        return ZoneInfo(value[name])
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(f"{name} must be a time zone such as Europe/Berlin") from error
