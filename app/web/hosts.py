"""Which hosts the service goes by: links and DSNs that it makes name the host that a request was sent to."""

import ipaddress
import re
from functools import lru_cache
from urllib.parse import urlsplit

from app.config import Config
from app.environment import ANY_HOST
from app.errors import BadParameters

LOOPBACK = ("localhost", "127.0.0.0/8", "::1/128")
_HOST = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[(?P<address>[0-9A-Fa-f:.]{2,45})\])(?::(?P<port>[0-9]{1,5}))?"
)
_REMEMBERED = 256  # spellings with and without ports


class Hosts:
    """The hosts of CRASHQ_HOSTS and CRASHQ_PUBLIC_URL, what CRASHQ_HOST listens on, and this machine itself."""

    def __init__(self, config: Config) -> None:
        public = urlsplit(config.public_url or "").hostname
        known = [*LOOPBACK, *config.hosts, *([public] if public else [])]
        self._any = ANY_HOST in known
        self._names = {name for name in known if _network(name) is None}
        self._networks = [network for network in map(_network, known) if network is not None]
        self._is_known = lru_cache(_REMEMBERED)(self._look_up)

    def check(self, host: str) -> None:
        """Raises BadParameters when it is not one host of ours, as the header `Host` has it."""
        if not self._is_known(host):
            raise BadParameters(
                "The header Host does not name this service; its operator lists its hosts in CRASHQ_HOSTS"
                if _HOST.fullmatch(host)
                else "The header Host has to be there once, and to be a host with or without a port"
            )

    def _look_up(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None or int(found["port"] or 0) > 65_535:
            return False
        name = (found["address"] or found["name"]).lower().rstrip(".")
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return not found["address"] and (self._any or name in self._names)
        return self._any or any(address in network for network in self._networks)


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(name)
    except ValueError:
        return None


def knows_loopback_only(config: Config) -> bool:
    """True when only this machine's own names are known."""
    return not config.hosts and config.public_url is None
