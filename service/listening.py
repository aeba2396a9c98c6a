"""The server around an application: waitress, and what it lacks when somebody holds connections open on purpose.

Waitress takes no new connection while as many as it allows are open, however little the old ones say. Here the slowest
is hung up on instead: whoever asks and gets an answer is gone in milliseconds, a photo over a bad line makes progress,
and somebody who sends a byte now and then does not.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer

from service.errors import UnusableAddressError

#: A WSGI application (PEP 3333).
Application: TypeAlias = Callable[[dict[str, Any], Any], Iterable[bytes]]

#: Well below the 1,024 files that a process may have open on most systems.
MAX_CONNECTIONS: Final = 500
#: How far below the limit room is made: at the limit itself waitress does not listen at all.
_SPARE: Final = 8
#: What a request is credited with when it begins, so that nobody is slow from the start: this many bytes in a second.
_CREDIT_BYTES: Final = 4_096


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection that knows how much of a request has come, and since when it waits for the rest."""

    def __init__(self, *arguments: Any, **more: Any) -> None:  # noqa: ANN401  waitress's own
        self.waits_since = time.monotonic()
        self.came_bytes = 0
        super().__init__(*arguments, **more)

    def received(self, data: bytes) -> bool:
        """Take bytes of a request; the count begins anew behind each whole one."""
        self.came_bytes += len(data)
        took: bool = super().received(data)
        if self.request is None:
            self.waits_since, self.came_bytes = time.monotonic(), 0
        return took

    def is_answering(self) -> bool:
        """Whether a request of it is in work, or an answer on its way."""
        return bool(self.requests or self.total_outbufs_len)

    def bytes_a_second(self, now: float) -> float:
        """How fast the request comes that is awaited now."""
        return (self.came_bytes + _CREDIT_BYTES) / (now - self.waits_since + 1)


class _Server(TcpWSGIServer):  # type: ignore[misc]  # as above
    """A server that makes room."""

    channel_class = _Channel

    def handle_accept(self) -> None:
        """Take a connection; hang up on the slowest that waits where there is no room for one more."""
        leaving = [each for each in self.active_channels.values() if each.will_close]
        if len(self._map) - len(leaving) >= self.adj.connection_limit - _SPARE:
            now = time.monotonic()
            waiting = [each for each in self.active_channels.values() if not (each.is_answering() or each.will_close)]
            if waiting:
                # Closed in the loop's next turn: in this one its number could pass to the connection taken below.
                min(waiting, key=lambda each: each.bytes_a_second(now)).will_close = True
        super().handle_accept()


def listen(application: Application, **settings: Any) -> Any:  # noqa: ANN401  waitress has no types
    """Return a server that listens: `waitress.create_server` with its settings, for one address.

    Up to MAX_CONNECTIONS are open at once unless `connection_limit` says otherwise. Raises
    UnusableAddressError where the host stands for several addresses.
    """
    adjustments = Adjustments(**{"connection_limit": MAX_CONNECTIONS, "asyncore_use_poll": True, **settings})
    if len(adjustments.listen) != 1:
        raise UnusableAddressError(f"{settings.get('host')} stands for {len(adjustments.listen)} addresses: name one")
    return _Server(application, adj=adjustments, sockinfo=adjustments.listen[0])
