"""A load generator: one process, keep-alive connections on the loopback, requests made beforehand."""

import gc
import http.client
import itertools
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

CONNECTIONS = 16
PATIENCE_SECONDS = 10
READY_PER_SECOND = 3000  # requests made before the clock starts; the rest are made on the way
CHUNK = 65_536


class LoadError(Exception):
    """The server did not answer as it should."""


@dataclass(frozen=True)
class Load:
    """What was answered, how long it all took, and the client's own share of a core."""

    answered: int
    seconds: float
    cpu_seconds: float
    latencies: list[float] = field(repr=False)


def drive(port: int, traffic: Iterator[bytes], *, seconds: float, status: int) -> Load:
    """Keep every connection busy for `seconds`, then wait for the last answers."""
    ready = list(itertools.islice(traffic, int(READY_PER_SECOND * seconds)))
    client = Client(port, itertools.chain(ready, traffic), f"HTTP/1.1 {status}".encode())
    gc.collect()
    gc.disable()
    try:
        return client.run(seconds)
    finally:
        gc.enable()
        client.close()


def post(port: int, path: str) -> None:
    """One request without a body."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    link.request("POST", path)
    status = link.getresponse().status
    link.close()
    if status != HTTPStatus.OK:
        raise LoadError(f"{path} answered {status}")


class Client:
    def __init__(self, port: int, requests: Iterator[bytes], expected: bytes) -> None:
        self.requests = requests
        self.expected = expected
        self.poll = select.epoll()
        self.links: dict[int, socket.socket] = {}
        self.sent_at: dict[int, float] = {}
        self.partial: dict[int, bytes] = {}
        self.latencies: list[float] = []
        for _ in range(CONNECTIONS):
            self._connect(port)

    def _connect(self, port: int) -> None:
        link = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.setblocking(False)
        self.links[link.fileno()] = link
        self.poll.register(link, select.EPOLLIN)

    def close(self) -> None:
        self.poll.close()
        for link in self.links.values():
            link.close()

    def run(self, seconds: float) -> Load:
        cpu, start = time.process_time(), time.perf_counter()
        deadline = start + seconds
        for number in self.links:
            self._send(number)
        while self.sent_at:
            ready = self.poll.poll(PATIENCE_SECONDS)
            if not ready:
                raise LoadError(f"no answer for {PATIENCE_SECONDS} s")
            for number, _ in ready:
                if self._receive(number) and time.perf_counter() < deadline:
                    self._send(number)
        elapsed = time.perf_counter() - start
        return Load(len(self.latencies), elapsed, time.process_time() - cpu, self.latencies)

    def _send(self, number: int) -> None:
        request = next(self.requests)
        self.sent_at[number] = time.perf_counter()
        if self.links[number].send(request) != len(request):
            raise LoadError("a request did not fit into the socket's buffer")

    def _receive(self, number: int) -> bool:
        """Whether the answer is whole by now."""
        answer = self.partial.pop(number, b"") + self._read(number)
        if not is_whole(answer):
            self.partial[number] = answer
            return False
        self.latencies.append(time.perf_counter() - self.sent_at.pop(number))
        if not answer.startswith(self.expected):
            raise LoadError(f"unexpected answer: {answer[:300].decode(errors='replace')}")
        return True

    def _read(self, number: int) -> bytes:
        data = self.links[number].recv(CHUNK)
        if not data:
            raise LoadError("the server closed a connection")
        return data


def is_whole(answer: bytes) -> bool:
    """Told by Content-Length or the last chunk; an answer with neither, such as a 204 or 304, ends with its head."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    if not blank:
        return False
    fields = head.lower()
    _, _, rest = fields.partition(b"\r\ncontent-length:")
    if not rest and b"\r\ntransfer-encoding:" in fields:
        return body.endswith(b"0\r\n\r\n")
    return len(body) >= int(rest.partition(b"\r\n")[0] or 0)
