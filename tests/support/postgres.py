"""A private PostgreSQL cluster for tests: Debian's server, run as the user `postgres`, gone with the test process.

It listens on a socket in its own folder and on a free port of 127.0.0.1, trusts whoever comes, and syncs to the disk as
a real one does. Tests use the role `simpul`, which owns its databases and is nothing more. Databases are made from a
template once and then lent out; to drop one costs a second, to put its rows back some milliseconds.
"""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from tests.support.ports import free_port

ROLE: Final = "simpul"
USER: Final = "postgres"
_DEADLINE_SECONDS: Final = 60
_READY: Final = "ready to accept connections"
#: Small, and honest about the disk: fsync stays on.
_SETTINGS: Final = (
    "shared_buffers=16MB",
    "min_wal_size=2MB",
    "max_wal_size=64MB",
    "max_connections=200",
    "autovacuum=off",
    # What docs/operations-databases.md tells operators to set.
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
)


def _as_user(*command: str) -> list[str]:
    """Run as `postgres` where we are root, for PostgreSQL refuses root; and never outlive this process."""
    user = ("--reuid", USER, "--regid", USER, "--init-groups") if os.geteuid() == 0 else ()
    return ["setpriv", "--pdeathsig", "INT", *user, *command]


@dataclass(slots=True)
class Cluster:
    """A running cluster. `log` is what the server writes; `bin` where Debian keeps its programs."""

    bin: Path
    folder: Path
    port: int
    log: list[str] = field(default_factory=list)
    _heard: threading.Condition = field(default_factory=threading.Condition)
    _server: subprocess.Popen[str] | None = None
    _made: int = 0
    _free: dict[str, list[str]] = field(default_factory=dict)
    _scripts: dict[tuple[str, str], sql.Composed] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """PGDATA: every table, index and write-ahead log."""
        return self.folder / "data"

    def url(self, database: str) -> str:
        return f"postgresql://{ROLE}@127.0.0.1:{self.port}/{database}"

    # The server.

    def init(self) -> None:
        options = ("--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C.UTF-8", "--wal-segsize=1")
        command = _as_user(str(self.bin / "initdb"), "-D", str(self.data), *options, "--no-instructions")
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)
        self.start()
        self.ask(f"CREATE ROLE {ROLE} LOGIN")

    def start(self, *settings: str) -> None:
        """Start the server, and return when it answers."""
        where = ("-D", str(self.data), "-k", str(self.folder), "-h", "127.0.0.1", "-p", str(self.port))
        chosen = [word for setting in (*_SETTINGS, *settings) for word in ("-c", setting)]
        command = _as_user(str(self.bin / "postgres"), *where, *chosen)
        self._server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        ready = threading.Event()
        threading.Thread(target=self._listen, args=(self._server, ready), daemon=True).start()
        assert ready.wait(_DEADLINE_SECONDS), self.log
        assert self._server.poll() is None, self.log

    def _listen(self, server: subprocess.Popen[str], ready: threading.Event) -> None:
        assert server.stderr is not None
        with server.stderr as lines:
            for line in lines:
                with self._heard:
                    self.log.append(line)
                    self._heard.notify_all()
                if _READY in line:
                    ready.set()
        ready.set()

    def wrote(self, words: str) -> bool:
        """Return once the server has written these words to its log; False if it does not."""
        with self._heard:
            return self._heard.wait_for(lambda: any(words in line for line in self.log), _DEADLINE_SECONDS)

    def stop(self, *, hard: bool = False) -> None:
        """End the server as an operator does, or (`hard`) as a power cut does."""
        server, self._server = self._server, None
        if server is not None:
            # INT is a fast shutdown; on QUIT every process of it ends at once and recovers at the next start.
            server.send_signal(3 if hard else 2)
            server.wait(_DEADLINE_SECONDS)

    def ask(self, query: LiteralString | sql.SQL | sql.Composed, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as the superuser."""
        where = f"host={self.folder} port={self.port} user={USER} dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def backends(self, database: str) -> list[int]:
        """The process ids of whoever is connected as the role to a database."""
        found = self.ask(sql.SQL("SELECT pid, datname, usename FROM pg_stat_activity"))
        return [pid for pid, name, user in found if (name, user) == (database, ROLE)]

    def disconnect(self, database: str) -> None:
        """End everybody's connection to a database."""
        self.ask(_disconnecting(database))

    @contextmanager
    def closed(self, database: str) -> Iterator[None]:
        """Let nobody connect to a database, and throw out who is."""
        alter = "ALTER DATABASE {} ALLOW_CONNECTIONS {}"
        self.ask(sql.SQL(alter).format(sql.Identifier(database), sql.SQL("false")))
        self.disconnect(database)
        try:
            yield
        finally:
            self.ask(sql.SQL(alter).format(sql.Identifier(database), sql.SQL("true")))

    # Databases.

    def make(self, template: str = "template0") -> str:
        """Make a database and return its name."""
        self._made += 1
        name = f"test_{self._made}"
        parts = {"name": sql.Identifier(name), "role": sql.Identifier(ROLE), "template": sql.Identifier(template)}
        self.ask(sql.SQL("CREATE DATABASE {name} OWNER {role} TEMPLATE {template}").format(**parts))
        return name

    @contextmanager
    def lent(self, template: str) -> Iterator[str]:
        """Lend a database that is as the template was when it was first lent from."""
        free = self._free.setdefault(template, [])
        try:
            name = free.pop()
            self.restore(name, "template")
        except (IndexError, psycopg.errors.UndefinedTable):
            # None is free, or a test took a table away.
            self.disconnect(template)
            name = self.make(template)
            self.save(name, "template")
        yield name
        free.append(name)

    def save(self, database: str, mark: str) -> None:
        """Keep every row of a database beside it, under a mark."""
        statements: list[sql.Composable] = [
            sql.SQL("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}").format(sql.Identifier(mark))
        ]
        for table in self._tables(database):
            names = (sql.Identifier(mark, table), sql.Identifier("public", table))
            statements.append(sql.SQL("CREATE TABLE {} AS TABLE {}").format(*names))
        self.ask(_script(statements), database)
        self._scripts[database, mark] = self._restoring(database, mark)

    def restore(self, database: str, mark: str) -> None:
        """Put back the rows that were kept under a mark, in one transaction; who is connected is thrown out."""
        self.ask(self._scripts[database, mark], database)

    def _restoring(self, database: str, mark: str) -> sql.Composed:
        # The rows are whole as they are: no foreign key is checked on the way.
        statements: list[sql.Composable] = [
            sql.SQL("BEGIN; SET LOCAL session_replication_role = replica"),
            _disconnecting(database),
        ]
        for table in self._tables(database, mark):
            kept, live = sql.Identifier(mark, table), sql.Identifier("public", table)
            query = "DELETE FROM {live}; INSERT INTO {live} TABLE {kept}"
            statements.append(sql.SQL(query).format(live=live, kept=kept))
        for sequence, table, column in self._sequences(database):
            names = {
                "sequence": sql.Literal(sequence),
                "column": sql.Identifier(column),
                "table": sql.Identifier(table),
            }
            query = "SELECT setval({sequence}, coalesce(max({column}), 0) + 1, false) FROM {table}"
            statements.append(sql.SQL(query).format(**names))
        return _script([*statements, sql.SQL("COMMIT")])

    def _tables(self, database: str, schema: str = "public") -> list[str]:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = {} ORDER BY tablename"
        return [row[0] for row in self.ask(sql.SQL(query).format(sql.Literal(schema)), database)]

    def _sequences(self, database: str) -> list[tuple[Any, ...]]:
        query = """
            SELECT pg_get_serial_sequence(quote_ident(table_name), column_name), table_name, column_name
            FROM information_schema.columns WHERE table_schema = 'public' AND column_default LIKE 'nextval%'
        """
        return self.ask(sql.SQL(query), database)


def _disconnecting(database: str) -> sql.Composed:
    query = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {} AND pid <> pg_backend_pid()"
    )
    return sql.SQL(query).format(sql.Literal(database))


def _script(statements: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL("; ").join(statements)


@contextmanager
def cluster(initdb: Path) -> Iterator[Cluster]:
    """Make a cluster, run it, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="simpul-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, USER, USER)
    made = Cluster(initdb.parent, folder, free_port())
    try:
        made.init()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)
