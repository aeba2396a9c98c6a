"""Dumps of a PostgreSQL database that is in use, by pg_dump, and their check and return by pg_restore."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from service.database import Database
from service.errors import BackupError

_CHUNK_BYTES: Final = 1 << 20
#: Tables, indexes and sequences of ours. Light compression: what is large there is hexadecimal.
_DUMP: Final = ("--format=custom", "--compress=1", "--no-owner", "--no-privileges", "--table=public.*")
_LOAD: Final = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
VERSION_TABLE: Final = "alembic_version"
_VERSION_ROWS: Final = f" TABLE DATA public {VERSION_TABLE} "
_COUNT_TABLES: Final = text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")


def dump(url: str) -> Iterator[bytes]:
    """Give a dump of a database as it is at one moment, chunk by chunk; raise BackupError where pg_dump fails."""
    with _running("pg_dump", [*_DUMP, *_where(url)], _environment(url)) as output:
        while chunk := output.read(_CHUNK_BYTES):
            yield chunk


def values(path: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Read a dump whole, and return one value of each table (table → column) where the table has a row.

    Raises BackupError unless pg_restore can read every row of it.
    """
    found: dict[str, str] = {}
    with _running("pg_restore", ["--file=-", str(path)]) as script:
        for line in script:
            table, columns = _copied(line)
            if table in wanted:
                row = next(script, b"").rstrip(b"\n").split(b"\t")
                # A backslash and a dot end the rows.
                if row[0] != b"\\.":
                    found[table] = row[columns.index(wanted[table])].decode()
    return found


def _copied(line: bytes) -> tuple[str, list[str]]:
    """Return table and columns of `COPY public.link (peer, next_seq) FROM stdin;`; no other line of a script is so."""
    if not (line.startswith(b"COPY public.") and line.endswith(b" FROM stdin;\n")):
        return "", []
    table, _, columns = line[len(b"COPY public.") :].decode().partition(" (")
    return table.strip('"'), [column.strip('"') for column in columns.partition(")")[0].split(", ")]


def check_empty(database: Database) -> None:
    """Raise BackupError unless a database holds no table of anybody's."""
    with database.reading() as session:
        if session.scalar(_COUNT_TABLES):
            raise BackupError(
                "the PostgreSQL database that is named is not empty: create a new one, and name it with --database-url"
                " (a hub: SIMPUL_HUB_DATABASE_URL); the old one stays as it is"
            )


def make_empty(database: Database) -> None:
    """Take out again what `load` put into a database that was empty."""
    with database.transaction() as session:
        tables = session.scalars(text("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")).all()
        if tables:
            names = ", ".join(f"public.{table}" for table in tables)
            session.execute(text(f"DROP TABLE {names} CASCADE"))


def load(path: Path, url: str) -> None:
    """Put a dump into an empty database, in one transaction.

    The row with the version of its schema is left out: without it hub and node refuse the database, until whoever
    restores has put it in together with the mark that it was restored.
    """
    with tempfile.NamedTemporaryFile(suffix=".list") as chosen:
        with _running("pg_restore", ["--list", str(path)]) as listing:
            chosen.writelines(line for line in listing if _VERSION_ROWS.encode() not in line)
        chosen.flush()
        arguments = [*_LOAD, f"--use-list={chosen.name}", *_where(url), str(path)]
        with _running("pg_restore", arguments, _environment(url)) as output:
            output.read()


def put_version(session: Session, version: str) -> None:
    """Put the row in that `load` left out."""
    session.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (:version)"), {"version": version})  # noqa: S608  ours


def _where(url: str) -> Sequence[str]:
    # Never the password: whoever lists the processes of a machine would see it.
    made = make_url(url).set(drivername="postgresql")._replace(password=None)
    return [f"--dbname={made.render_as_string(hide_password=False)}", "--no-password"]


def _environment(url: str) -> dict[str, str]:
    password = make_url(url).password
    return {} if password is None else {"PGPASSWORD": str(password)}


@contextmanager
def _running(program: str, arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> Iterator[IO[bytes]]:
    """Give what a program of PostgreSQL prints; raise BackupError if it is missing or fails."""
    path = shutil.which(program)
    if path is None:
        raise BackupError(
            f"{program} is not installed: install the client programs of PostgreSQL, as new as the server"
        )
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603  a program of the system, by its path
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={**os.environ, **(environ or {})},
        )
        try:
            assert process.stdout is not None  # noqa: S101  it was asked for
            with process.stdout as output:
                yield output
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.wait() != 0:
            raise BackupError(f"{program} failed: {_said(complaints)}")


def _said(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    lines = complaints.read().decode(errors="replace").splitlines() or ["it said nothing"]
    first = lines[0].partition("error: ")[2] or lines[0]
    if any("version mismatch" in line for line in lines):
        return f"{first}: install the client programs of the server's version, and put them first on the PATH"
    return first
