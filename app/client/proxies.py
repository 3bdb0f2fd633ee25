"""Connections, straight to a server or through the proxy that the environment names for it."""

import urllib.request
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from app.client.errors import NotAllowed
from app.client.target import is_loopback

POOLS = 4  # hosts whose connections are kept


class Connections:
    """Pools of connections. `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, as curl reads them, say which way to go."""

    def __init__(self) -> None:
        self._pools: dict[str | None, urllib3.PoolManager] = {}

    def to(self, url: str) -> urllib3.PoolManager:
        """The pool for that URL. Raises NotAllowed when the proxy named for it is none that can be used."""
        proxy = _proxy_for(url)
        if proxy not in self._pools:
            self._pools[proxy] = _through(proxy) if proxy else urllib3.PoolManager(num_pools=POOLS)
        return self._pools[proxy]

    def clear(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.clear()


def _proxy_for(url: str) -> str | None:
    parts = urlsplit(url)
    if is_loopback(parts.hostname or ""):  # a token may go there over plain http, and not to another machine
        return None
    named = urllib.request.getproxies_environment()
    proxy = named.get(parts.scheme) or named.get("all")
    return None if not proxy or urllib.request.proxy_bypass(parts.netloc) else proxy


def _through(proxy: str) -> urllib3.PoolManager:
    wrong = NotAllowed(
        "The proxy that the environment names is none that can be used", "Write it as http://proxy.example.com:3128"
    )
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not host:
        raise wrong
    headers = None
    if parts.username is not None:
        headers = urllib3.make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    shown = f"[{host}]" if ":" in host else host
    address = f"{parts.scheme}://{shown}:{port or (443 if parts.scheme == 'https' else 80)}"
    try:
        return urllib3.ProxyManager(address, num_pools=POOLS, proxy_headers=headers)
    except HTTPError:
        raise wrong from None
