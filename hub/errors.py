"""What can go wrong at the hub itself. What a peer did wrong is protocol.errors.RemoteError."""


class HubError(Exception):
    """Base of every error of this package; its message is one line that says the way out."""


class SettingsError(HubError):
    """A setting that cannot be used."""


class LogError(HubError):
    """The stored log contradicts itself or a checkpoint signed before: nothing more may be signed."""


class FoundingError(HubError):
    """The data directory is no hub's, or is one already."""


class EnrolmentError(HubError):
    """A change to the directory that would break it."""


class TryLaterError(HubError):
    """Something that may be asked again later as it is: answered with `status` (429 or 507) and Retry-After."""

    def __init__(self, status: int, words: str) -> None:
        self.status = status
        super().__init__(words)


class ConflictError(HubError):
    """A request whose counter or incarnation is not the next: answered by a signed 409.

    `rule` is "counter" or "incarnation"; `conflict` the JWS of protocol.bundle.Conflict.
    """

    def __init__(self, rule: str, conflict: str) -> None:
        self.rule = rule
        self.conflict = conflict
        super().__init__(f"a request against the {rule} that is known")


class RecoveringError(HubError):
    """This hub was set back and logs nothing until it has back what it signed: answered by a 503.

    `notice` is the JWS of protocol.recovery.Recovering for the member that asked; None where no member did.
    """

    def __init__(self, notice: str | None = None) -> None:
        self.notice = notice
        super().__init__("this hub recovers what it signed and logs nothing until then: see `simpul-hub status`")
