"""What keeps the auditor's command from giving a verdict at all; everything else is a finding."""


class AuditError(Exception):
    """Base of every error of this package."""


class SourceError(AuditError):
    """The folder or address as a whole cannot be audited; the message says what to do."""


class UnreadableFileError(AuditError):
    """One file is there but cannot be read; the audit goes on, and the file becomes a finding."""
