"""Which addresses may be connected to: judged after the name is resolved and right before the connection, so that no DNS
answer leads into the hospital's own network.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from cds_service.errors import OutboundError
from cds_service.outbound import names
from cds_service.outbound.punctual import PunctualResponse, kept
from cds_service.settings import Network

NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Public addresses are allowed; others only where they are listed."""

    private_networks: tuple[Network, ...] = ()
    loopback: bool = False

    def allow(self, address: str) -> bool:
        ip = _embedded(ip_address(address.partition("%")[0]))
        if any(ip.version == network.version and ip in network for network in self.private_networks):
            return True
        if ip.is_loopback:
            return self.loopback
        return ip.is_global and not ip.is_multicast and not ip.is_reserved

    def allowed(self, addresses: Sequence[str]) -> list[str]:
        """The addresses of a host that may be connected to. Raises: OutboundError if there are none."""
        allowed = [address for address in addresses if self.allow(address)]
        if not allowed:
            raise OutboundError("address-refused")
        return allowed


def _embedded(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for: no way around the rules."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


class CheckedAdapter(HTTPAdapter):
    """Connects by the rules, if there are any, and keeps a call's deadline. Behind a proxy, the proxy resolves names and has
    the duty to refuse.
    """

    def __init__(self, rules: AddressRules | None, pool_connections: int, pool_maxsize: int) -> None:
        super().__init__(pool_connections=pool_connections, pool_maxsize=pool_maxsize)
        self.poolmanager.pool_classes_by_scheme = _pools(rules)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: object) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = _pools(None)
        return manager


def _pools(rules: AddressRules | None) -> dict[str, type[HTTPConnectionPool]]:
    """Connection pools that resolve once, judge, and connect to the address judged; TLS still checks the name."""

    class Checked(HTTPConnection):
        response_class = PunctualResponse

        def _new_conn(self) -> socket.socket:
            return _connect(self, super()._new_conn, rules)

    class CheckedTls(HTTPSConnection):
        response_class = PunctualResponse

        def _new_conn(self) -> socket.socket:
            return _connect(self, super()._new_conn, rules)

    class Pool(HTTPConnectionPool):
        ConnectionCls = Checked

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = CheckedTls

    return {"http": Pool, "https": TlsPool}


def _connect(connection: HTTPConnection, connect: Callable[[], socket.socket], rules: AddressRules | None) -> socket.socket:
    name, timeout = connection._dns_host, connection.timeout
    failure: Exception | None = None
    addresses = names.addresses(name, connection.port, kept(timeout))
    for address in addresses if rules is None else rules.allowed(addresses):
        connection._dns_host = address
        try:
            connection.timeout = kept(timeout)
            return connect()
        except (OSError, HTTPError) as error:
            failure = error  # try the next address; the last failure is raised
        finally:
            connection._dns_host, connection.timeout = name, timeout
    raise failure if failure is not None else OutboundError("unreachable")
