"""The words for what a case is made of, in the language of the request."""

from typing import Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from node.cases.lifecycle import NAMES, State
from node.reference import regions, topics
from node.web.i18n import language

#: Kinds of report, in the order in which a form shows them: name and hint.
KINDS: Final = {
    "complaint": (_l("Pengaduan"), _l("Ada yang salah, rusak, lambat, atau merugikan.")),
    "aspiration": (_l("Aspirasi"), _l("Usul atau harapan agar layanan menjadi lebih baik.")),
    "information": (_l("Permintaan informasi"), _l("Pertanyaan yang harus dijawab sebuah kantor.")),
    "appreciation": (_l("Apresiasi"), _l("Terima kasih atau pujian atas layanan yang baik.")),
}

#: Who may know the reporter: name and what it means.
SECRECIES: Final = {
    "open": (
        _l("Terbuka"),
        _l("Kantor yang menangani boleh membuka nama Anda. Cocok bila petugas perlu menghubungi atau menemui Anda."),
    ),
    "anonymous": (
        _l("Anonim"),
        _l(
            "Nama tidak wajib. Bila Anda mengisinya, nama itu disegel; hanya pemegang kunci di kantor yang menangani "
            "dapat membukanya, dengan alasan, dan Anda melihat setiap pembukaan."
        ),
    ),
    "secret": (
        _l("Rahasia"),
        _l("Seperti anonim, dan isi laporan juga tidak pernah diumumkan. Cocok bila Anda takut dibalas."),
    ),
}

_ROLES: Final = {
    "admin": _l("Admin instansi"),
    "liaison": _l("Pejabat penghubung"),
    "custodian": _l("Pemegang kunci identitas"),
    "leader": _l("Pimpinan"),
    "operator": _l("Operator teknis"),
}

# A shape beside the word: a state is never told by colour alone.
_SHAPES: Final = {
    State.RECEIVED: "○",
    State.INCOMPLETE: "◌",
    State.VERIFIED: "◔",
    State.OFFERED: "➜",
    State.RETURNED: "↩",
    State.AWAITING_RULING: "?",
    State.ASSIGNED: "◑",
    State.IN_PROGRESS: "◑",
    State.ANSWERED: "◕",
    State.DISPUTED: "!",
    State.REFERRED: "⇧",
    State.RESOLVED: "●",
    State.AUTO_CLOSED: "●",
    State.MERGED: "⧉",
    State.ARCHIVED: "▣",
}

#: The five stages that a reporter sees, and the states that stand for each.
STAGES: Final = (
    (_l("Diterima"), frozenset({State.RECEIVED, State.INCOMPLETE})),
    (
        _l("Diperiksa dan diteruskan"),
        frozenset({State.VERIFIED, State.OFFERED, State.RETURNED, State.AWAITING_RULING}),
    ),
    (_l("Ditangani"), frozenset({State.ASSIGNED, State.IN_PROGRESS, State.DISPUTED, State.REFERRED})),
    (_l("Dijawab"), frozenset({State.ANSWERED})),
    (_l("Selesai"), frozenset({State.RESOLVED, State.AUTO_CLOSED, State.MERGED, State.ARCHIVED})),
)

#: A state in a sentence, for the reporter.
SENTENCES: Final = {
    State.RECEIVED: _l("Laporan Anda sudah diterima dan akan diperiksa petugas."),
    State.INCOMPLETE: _l("Petugas memerlukan keterangan tambahan dari Anda."),
    State.VERIFIED: _l("Laporan Anda sudah diperiksa dan layak ditangani."),
    State.OFFERED: _l("Laporan Anda sedang ditawarkan ke kantor yang berwenang."),
    State.RETURNED: _l("Kantor tujuan mengembalikan laporan Anda; petugas sedang mencari kantor yang tepat."),
    State.AWAITING_RULING: _l("Belum jelas kantor mana yang berwenang. Tim triase nasional akan menetapkannya."),
    State.ASSIGNED: _l("Laporan Anda sudah sampai di kantor yang berwenang."),
    State.IN_PROGRESS: _l("Laporan Anda sedang ditangani."),
    State.ANSWERED: _l("Kantor yang menangani sudah menjawab laporan Anda."),
    State.DISPUTED: _l("Anda menyanggah jawaban; atasan kantor itu memeriksanya kembali."),
    State.REFERRED: _l("Laporan Anda diteruskan ke Ombudsman."),
    State.RESOLVED: _l("Laporan Anda selesai."),
    State.AUTO_CLOSED: _l("Laporan Anda ditutup otomatis karena tidak ada tanggapan lagi."),
    State.MERGED: _l("Laporan Anda digabung dengan laporan lain tentang hal yang sama."),
    State.ARCHIVED: _l("Laporan Anda diarsipkan."),
}


def state_name(state: State) -> str:
    """Return the word for a state."""
    name = NAMES[state]
    return name.english if language() == "en" else name.indonesian


def step_name(state: State) -> str:
    """Return the word for a state as something that goes on: an offer is not a hand-over yet."""
    return str(gettext("Ditawarkan")) if state is State.OFFERED else state_name(state)


def state_shape(state: State) -> str:
    """Return the sign that stands beside the word."""
    return _SHAPES[state]


def state_sentence(state: State) -> str:
    """Return what a state means for the reporter."""
    return str(SENTENCES[state])


def topic_name(code: str, *, short: bool = False) -> str:
    """Return a topic's name, with its category unless `short`; words for "not chosen"."""
    if not code:
        return str(gettext("Belum ditentukan"))
    return topics.short_name_of(code) if short else topics.name_of(code)


def region_name(code: str, *, short: bool = False) -> str:
    """Return a region's name, with what it lies in unless `short`; words for "not chosen"."""
    if not code:
        return str(gettext("Belum ditentukan"))
    return regions.short_name_of(code) if short else regions.name_of(code)


def stage_of(state: State) -> int:
    """Return which of the five stages a state stands for, from 0."""
    return next(at for at, (_, states) in enumerate(STAGES) if state in states)


def kind_name(kind: str) -> str:
    """Return the word for a kind of report; an unknown kind as it is."""
    return str(KINDS[kind][0]) if kind in KINDS else kind


def secrecy_name(secrecy: str) -> str:
    """Return the word for who may know."""
    return str(SECRECIES[secrecy][0]) if secrecy in SECRECIES else secrecy


def role_name(role: str) -> str:
    """Return the word for an officer's role."""
    return str(_ROLES[role]) if role in _ROLES else role
