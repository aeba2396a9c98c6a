"""What can go wrong with accounts and sessions."""


class PeopleError(Exception):
    """Base of every error of this package."""


class LoginError(PeopleError):
    """Unknown name, wrong password or a closed account: which of them is never said."""


class SessionError(PeopleError):
    """No such session, or it has ended."""


class AccountError(PeopleError):
    """An account that cannot be made like this; the message says what to change."""
