"""The server's connections, so that a fault can cut one without a byte of answer."""

import asyncio
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol


class Wire(H11Protocol):
    """uvicorn's HTTP protocol that remembers its open transports by the client's address."""

    open: ClassVar[dict[tuple[str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        Wire.open[self._peer(transport)] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        Wire.open.pop(self._peer(self.transport), None)
        super().connection_lost(exc)

    @staticmethod
    def _peer(transport: Any) -> tuple[str, int]:
        host, port = transport.get_extra_info("peername")[:2]
        return str(host), int(port)


def cut(request: Request) -> Response:
    """Reset the caller's connection; what is returned never reaches anybody."""
    if request.client:
        transport = Wire.open.get((request.client.host, request.client.port))
        if transport:
            transport.abort()
    return Response(status_code=500)
