"""Codes and tokens: single use, and a refresh token that comes twice kills its whole chain."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from scripts.sandbox.clock import Clock

ACCESS_LIFE = 1_209_599
CODE_LIFE = 600
EMBEDDED_LIFE = 600


class GrantError(Exception):
    """The grant is unknown, used, expired or revoked."""


@dataclass
class Chain:
    """What one installation was granted: every token that came from it."""

    id: int
    store_id: int
    scopes: frozenset[str]
    access: str = ""
    expires_at: float = 0.0
    refresh: str = ""
    refreshes: int = 0
    reused: int = 0
    revoked: str = ""
    former: set[str] = field(default_factory=set)


@dataclass
class Code:
    store_id: int
    redirect_uri: str
    scopes: frozenset[str]
    expires_at: float


class Grants:
    """All chains of one app."""

    def __init__(self, clock: Clock, app_id: str) -> None:
        self._clock = clock
        self._app_id = app_id
        self._chains: list[Chain] = []
        self._by_access: dict[str, Chain] = {}
        self._by_refresh: dict[str, Chain] = {}
        self._codes: dict[str, Code] = {}
        self._embedded: dict[str, tuple[int, int, float]] = {}
        self.revocations = 0

    def open(self, store_id: int, scopes: frozenset[str]) -> Chain:
        """A new installation's tokens; those of an earlier one die."""
        self.revoke_store(store_id, "installed again")
        chain = Chain(id=len(self._chains) + 1, store_id=store_id, scopes=scopes)
        self._chains.append(chain)
        self._issue(chain)
        return chain

    def _issue(self, chain: Chain) -> None:
        self._by_access.pop(chain.access, None)
        if chain.refresh:
            chain.former.add(chain.refresh)
        chain.access = f"ory_at_{secrets.token_urlsafe(32)}.{secrets.token_urlsafe(32)}"
        chain.expires_at = self._clock.now() + ACCESS_LIFE
        self._by_access[chain.access] = chain
        if "offline_access" in chain.scopes:
            chain.refresh = f"ory_rt_{secrets.token_urlsafe(32)}.{secrets.token_urlsafe(32)}"
            self._by_refresh[chain.refresh] = chain

    def refresh(self, token: str) -> Chain:
        chain = self._by_refresh.get(token)
        if chain is None or chain.revoked:
            raise GrantError
        if token in chain.former:
            chain.reused += 1
            self.revocations += 1
            self._revoke(chain, "refresh token used twice")
            raise GrantError
        self._issue(chain)
        chain.refreshes += 1
        return chain

    def _revoke(self, chain: Chain, why: str) -> None:
        chain.revoked = why
        self._by_access.pop(chain.access, None)

    def revoke_store(self, store_id: int, why: str) -> None:
        for chain in self._chains:
            if chain.store_id == store_id and not chain.revoked:
                self._revoke(chain, why)

    def by_access(self, token: str) -> Chain | None:
        chain = self._by_access.get(token)
        return chain if chain and chain.expires_at > self._clock.now() else None

    def expire_access(self, store_id: int) -> None:
        """Let the store's access token run out now; its refresh token lives."""
        for chain in self._chains:
            if chain.store_id == store_id:
                chain.expires_at = self._clock.now() - 1

    def give_code(self, store_id: int, redirect_uri: str, scopes: frozenset[str]) -> str:
        code = f"ory_ac_{secrets.token_urlsafe(32)}"
        self._codes[code] = Code(store_id, redirect_uri, scopes, self._clock.now() + CODE_LIFE)
        return code

    def take_code(self, code: str, redirect_uri: str) -> Code:
        found = self._codes.pop(code, None)
        if found is None or found.expires_at < self._clock.now() or found.redirect_uri != redirect_uri:
            raise GrantError
        return found

    def give_embedded(self, store_id: int, user_id: int) -> str:
        token = f"em_tok_{secrets.token_urlsafe(32)}"
        self._embedded[token] = (store_id, user_id, self._clock.now() + EMBEDDED_LIFE)
        return token

    def introspect(self, token: str, app_id: str) -> tuple[int, int, float]:
        claims = self._embedded.get(token)
        if claims is None or claims[2] < self._clock.now() or app_id != self._app_id:
            raise GrantError
        return claims

    def summary(self) -> dict[str, Any]:
        """Without any token: how often each chain was refreshed, and what became of it."""
        chains = [
            {
                "id": c.id,
                "store": c.store_id,
                "refreshes": c.refreshes,
                "reused": c.reused,
                "revoked": c.revoked or None,
                "scopes": sorted(c.scopes),
            }
            for c in self._chains
        ]
        return {"revocations": self.revocations, "chains": chains}
