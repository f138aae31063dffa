"""Child processes that cannot outlive us: started, watched, and stopped in reverse order."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1
TICK = 0.05
LIBC = ctypes.CDLL(None, use_errno=True)


class ServiceError(Exception):
    """Something the person at the keyboard can mend, said in one line."""


class Stop(KeyboardInterrupt):
    """We were asked to end."""


@dataclass(frozen=True)
class User:
    uid: int
    gid: int


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals
    grace: float

    def last_lines(self, count: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def stop(self) -> None:
        """Ask, wait, then end whatever is left of its process group."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.grace)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def say(text: str) -> None:
    """One line of progress; a terminal that has gone away must not stop us from cleaning up."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def die_with_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    """For `preexec_fn`, which runs after the change of user: that change would clear the wish."""
    parent = os.getpid()

    def ask_the_kernel() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask_the_kernel


def explain(name: str, code: int, output: str, log: Path) -> str:
    """A package that is not there is the one failure with the same cure everywhere."""
    last = output.strip().splitlines()[-1:] or ["it said nothing"]
    if "No module named" in last[0]:
        return f"{name}: {last[0]}: a package is missing; delete .venv and run make again."
    return f"{name} failed (exit {code}): {last[0]} (all of it: {log})"


class Supervisor:
    """Holds the children; they inherit the locks in `held`, so the kernel knows when the last one is gone."""

    def __init__(self, logs: Path, held: Sequence[int] = ()) -> None:
        self.logs = logs
        self.held = list(held)
        self.children: list[Child] = []
        self.parent = os.getppid()
        self.asked_to_stop = False

    def obey_signals(self) -> None:
        """A flag, looked at between steps: an exception from a handler could lose a child just started."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._remember)

    def _remember(self, _number: int, _frame: FrameType | None) -> None:
        self.asked_to_stop = True

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        user: User | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 10,
        stdin: str | None = None,
    ) -> Child:
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
                pass_fds=self.held,
                start_new_session=True,
                preexec_fn=die_with_parent(stop_signal),
            )
        child = Child(name, process, log, stop_signal, grace)
        self.children.append(child)
        if process.stdin:
            with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
                pipe.write((stdin or "").encode())
        return child

    def step(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        user: User | None = None,
        tolerate: str = "",
    ) -> None:
        """Run one command to its end; its failure is a problem unless it says what we tolerate."""
        child = self.start(name, command, env=env, cwd=cwd, user=user)
        self.children.remove(child)  # its end is expected
        try:
            self.wait(lambda: child.process.poll() is not None, name, seconds=600)
        finally:
            child.stop()
        output, code = child.last_lines(), child.process.returncode
        if code and not (tolerate and tolerate in output):
            raise ServiceError(explain(name, code, output, child.log))

    def check(self) -> None:
        if self.asked_to_stop or os.getppid() != self.parent:
            raise Stop
        for child in self.children:
            code = child.process.poll()
            if code is not None:
                lines = child.last_lines()
                if "No module named" in lines:
                    raise ServiceError(explain(child.name, code, lines, child.log))
                raise ServiceError(f"{child.name} ended by itself (exit {code}); the end of {child.log}:\n{lines}")

    def wait(self, done: Callable[[], bool], what: str, *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            self.check()
            if time.monotonic() > deadline:
                raise ServiceError(f"{what} was not ready after {seconds:.0f} s; see {self.logs}.")
            time.sleep(TICK)

    def watch(self) -> None:
        """Stay until we are asked to stop or a child dies."""
        while True:
            self.check()
            time.sleep(0.2)

    def stop(self) -> None:
        while self.children:
            self.children.pop().stop()
