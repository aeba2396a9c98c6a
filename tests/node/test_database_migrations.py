"""The migrations make exactly the tables that the models describe."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from node.models import Base
from service.database import Database
from tests.support.databases import Databases


def test_the_migrated_schema_is_that_of_the_models(tmp_path: Path, databases: Databases) -> None:
    database = Database(databases.make(tmp_path / "node.db"), "node:migrations")
    database.migrate()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_there_is_one_line_of_migrations_and_each_step_can_be_taken_alone(tmp_path: Path, databases: Databases) -> None:
    database = Database(databases.make(tmp_path / "node.db"), "node:migrations")
    with database.engine.begin() as connection:
        config = database.migration_config(connection)
        script = ScriptDirectory.from_config(config)
        assert len(script.get_heads()) == 1
        for revision in reversed(list(script.walk_revisions())):
            command.upgrade(config, revision.revision)
    database.migrate()
    database.close()
