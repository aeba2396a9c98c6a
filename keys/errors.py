"""What can go wrong with keys; every message says the way out."""


class KeysError(Exception):
    """Base of every error of this package."""


class EncodingError(KeysError):
    """Text that is not the one base64url encoding of its bytes."""


class BadSignatureError(KeysError):
    """The signature is not one of this key over these bytes."""


class BadKeyError(KeysError):
    """Bytes that are no acceptable key (wrong length, small-order point, refused by the algorithm)."""


class CannotOpenError(KeysError):
    """A ciphertext that this key and context do not open."""


class ReceiptCodeError(KeysError):
    """Text that is no receipt code; the message says what is wrong with it, never the code."""


class KeyFileError(KeysError):
    """A key file that cannot be used."""


class WrongPassphraseError(KeyFileError):
    """The file is whole, but this passphrase does not open it."""


class DamagedKeyFileError(KeyFileError):
    """The file is not what was written."""


class ExposedKeyFileError(KeyFileError):
    """Others than the owner may read the file."""


class KeyExistsError(KeysError):
    """A key stands already where a fresh one was to be made; making another would orphan what it protects."""


class KeyDestroyedError(KeysError):
    """The wrapping was destroyed on purpose: what it protected is erased for good."""


class SelfTestError(KeysError):
    """The cryptographic suite of this machine does not give the known answers: do not start."""


class BackupFileError(KeysError):
    """A backup file that cannot be used."""


class DamagedBackupError(BackupFileError):
    """The file is not what was written, or not all of it."""


class ForeignBackupError(BackupFileError):
    """The file was made under other keys than those at hand."""
