"""A hub that is set back to a backup of its database, while its offices go on: for tests of the way back."""

from dataclasses import dataclass

from hub.models import RecoveryMember
from hub.recovery.state import is_recovering, mark_restored
from tests.support.databases import Databases
from tests.support.nodes import CROOK, Country, Office


@dataclass(frozen=True, slots=True)
class SetBack:
    """The hub of a country, with a backup that was made when this was."""

    land: Country
    databases: Databases

    @classmethod
    def saved(cls, land: Country, databases: Databases) -> "SetBack":
        """Make the backup."""
        databases.save(land.founded.settings.database_url)
        return cls(land, databases)

    def restore(self, *, marked: bool = True) -> None:
        """Put the backup in place; unless it is `marked`, as somebody who knows nothing of `simpul-hub restore`."""
        founded = self.land.founded
        founded.database.close()
        self.databases.restore(founded.settings.database_url)
        if marked:
            with founded.database.transaction() as session:
                mark_restored(session, self.land.clock.now(), self.land.clock.now() - 3_600)

    def recovers(self) -> bool:
        with self.land.founded.database.reading() as session:
            return is_recovering(session)

    def without(self, *members: str) -> None:
        """Go on without members, as the operator's command notes it."""
        with self.land.founded.database.transaction() as session:
            for member in members or (CROOK,):
                session.add(RecoveryMember(member=member, heard_at=None, waived_at=self.land.clock.now()))

    def checkpoint(self) -> bytes:
        """What the hub publishes, as bytes."""
        return self.land.line.checkpoint()

    def all_sync(self, *offices: Office) -> list[str | None]:
        """Let every office sync once, and return their troubles."""
        return [office.sync().trouble for office in offices or self.land.offices]
