"""What a request says about who sends it, and what the answers say that any shop's page may read."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

MAX_DIGITS = 20  # of a length: int() refuses thousands of them
# One household or server has a whole IPv6 network of this length.
IPV6_PREFIX = 64
# Shared by too many to name anybody.
KEPT_IPV4, KEPT_IPV6 = 24, 48
# More requests than a process answers at once: each address is asked about several times, and parsed once.
AT_A_TIME = 64
# Any page may ask, and no cookie ever counts.
OPEN = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
NOT_KEPT = {**OPEN, "Cache-Control": "no-store"}
PREFLIGHT = {
    **OPEN,
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "86400",
}


def client_ip(request: HttpRequest) -> str:
    """The sender's address as the outermost of our own PROXY_COUNT proxies saw it.

    Whatever the sender wrote into X-Forwarded-For himself stands further left and is never read.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    count = settings.PROXY_COUNT
    if count < 1:
        return peer
    hops = [hop.strip() for hop in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")]
    seen = hops[-count] if len(hops) >= count else ""
    return seen if _parsed(seen) else peer


def client_network(request: HttpRequest) -> str:
    """What limits count by: the IPv4 address, or the IPv6 network."""
    text = client_ip(request)
    address = _parsed(text)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(IPv6Network((int(address), IPV6_PREFIX), strict=False))
        return str(address.ipv4_mapped)
    return str(address or text)


def truncated(network: str) -> str:
    """What may be kept of a network: `192.0.2.0/24`, `2001:db8:1::/48`; empty for what is none."""
    found = _parsed(network.partition("/")[0])
    if found is None:
        return ""
    if isinstance(found, IPv4Address):
        return str(IPv4Network((int(found), KEPT_IPV4), strict=False))
    return str(IPv6Network((int(found), KEPT_IPV6), strict=False))


@lru_cache(maxsize=AT_A_TIME)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def refused_length(request: HttpRequest, most: int, *, may_be_untold: bool = False) -> int | None:
    """The status that refuses the body unread: 411 where its length is not told, 413 over `most` bytes; None for good.

    A chunked body arrives empty through WSGI, so it is never taken. What may be untold is nothing.
    """
    length = request.META.get("CONTENT_LENGTH") or ("0" if may_be_untold else "")
    if "HTTP_TRANSFER_ENCODING" in request.META or not (length.isascii() and length.isdigit()):
        return 411
    return 413 if len(length) > MAX_DIGITS or int(length) > most else None
