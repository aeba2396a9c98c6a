"""Offices of tests.support.nodes with their pages: what officers and reporters read, over HTTP, at any moment."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from node.people.permissions import ROLES
from node.people.service import create_person
from tests.support import nodes, offices
from tests.support.federation import NOW
from tests.support.visitor import Page, Visitor


@dataclass(slots=True)
class Desk:
    """One office's pages; whoever logs in stays logged in."""

    office: nodes.Office
    served: offices.Office
    came: dict[str, Visitor] = field(default_factory=dict)

    def get(self, path: str, role: str = "admin") -> Page:
        """A page of the console as an officer of this role gets it."""
        if role not in self.came or self.came[role].get("/petugas/hilang").url.endswith("/masuk"):
            self.came[role] = self.served.officer(role)
        return self.came[role].get(path)

    def case(self, number: str) -> str:
        """The words of a case's page."""
        return self.get(f"/petugas/kasus/{number}").words

    def list(self) -> str:
        """The words of the list."""
        return self.get("/petugas/kasus").words

    def track(self, receipt: str) -> str:
        """The words of the reporter's page."""
        return self.served.visitor().post("/lacak", {"receipt": receipt}).words


@contextmanager
def desks(*served: nodes.Office) -> Iterator[list[Desk]]:
    """Serve the pages of offices, with one officer for each role."""
    with ExitStack() as stack:
        made = []
        for office in served:
            with office.node.database.transaction() as session:
                for role in ROLES:
                    create_person(session, role, f"Petugas {role}", {role}, offices.password_of(role), NOW)
            clock = office.clock
            page = offices.Office(office.node, clock.now)  # type: ignore[arg-type]  # the other clock is called itself
            made.append(Desk(office, stack.enter_context(offices.serving(page))))
        yield made
