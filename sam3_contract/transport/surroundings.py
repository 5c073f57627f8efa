"""What of the process's environment is heeded: proxies, except to this machine, and a bundle of certificates.

Not `~/.netrc`, whose password would take the key's place, nor what a desktop system has set.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

import certifi
from requests.utils import should_bypass_proxies

from sam3_contract.errors import TransportError
from sam3_contract.transport.base_url import is_loopback, names_a_host

BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""Variables that name a file or folder of certificates to trust, instead of certifi's; the first that is set counts."""

_KEY_LOG: Final = "SSLKEYLOGFILE"  # which Python writes the keys of connections into
_SCHEMES: Final = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def proxies_for(url: str) -> dict[str, str]:
    """Choose the proxy for a URL, as ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` say.

    Args:
        url: Where a request goes.

    Returns:
        What requests takes as ``proxies``: at most one, for the scheme of the URL.

    Raises:
        TransportError: If the proxy cannot be used.
    """
    parts = urlsplit(url)
    known = getproxies_environment()
    variable = next((name for name in (parts.scheme, "all") if name in known), None)
    if variable is None or is_loopback(url) or should_bypass_proxies(url, no_proxy=known.get("no")):
        return {}
    proxy = known[variable]
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    _refuse_unusable(proxy, f"{variable.upper()}_PROXY")
    return {parts.scheme: proxy}


def shown_proxy(proxies: Mapping[str, str]) -> str:
    """Name the proxy of `proxies_for`, without its password."""
    parts = urlsplit(next(iter(proxies.values()), ""))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def tls_context() -> ssl.SSLContext:
    """Trust the certificates that the environment names, else certifi's.

    Raises:
        TransportError: If the environment names what is not there or holds no certificates.
    """
    variable = next((name for name in BUNDLES if os.environ.get(name)), None)
    place = os.environ[variable] if variable else certifi.where()
    try:
        return _context_of(place)
    except (OSError, ssl.SSLError) as error:
        if error.filename and error.filename == os.environ.get(_KEY_LOG):
            raise TransportError(f"{_KEY_LOG} names {error.filename!r}: {error.strerror}") from error
        why = "holds no certificates" if isinstance(error, ssl.SSLError) else error.strerror or str(error)
        raise TransportError(f"{variable or 'certifi'} names {place!r}: {why}") from error


@lru_cache(maxsize=4)
def _context_of(place: str) -> ssl.SSLContext:
    """Load certificates, which takes longer than a request."""
    if os.path.isdir(place):  # noqa: PTH112 - as it stands in the environment
        return ssl.create_default_context(capath=place)
    return ssl.create_default_context(cafile=place)


def _refuse_unusable(proxy: str, variable: str) -> None:
    try:
        parts = urlsplit(proxy)
        sound = names_a_host(parts) and proxy.isprintable() and " " not in proxy
    except ValueError:
        sound, parts = False, urlsplit("")
    shown = f"{proxy.partition('://')[0]}://{proxy.partition('://')[2].rpartition('@')[2]}"  # without its password
    if parts.scheme.lower() not in _SCHEMES or not sound:
        raise TransportError(f"{variable} names {shown!r}, which is no proxy; write it like http://proxy.example:3128")
    if parts.scheme.lower().startswith("socks") and find_spec("socks") is None:
        raise TransportError(f"{variable} names a SOCKS proxy, {shown!r}, which takes `pip install pysocks`")
