"""Who has a case, in words: one table for officers, one for reporters, in the language of the request."""

from typing import Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from node.cases.whose import Whereabouts, Whose
from node.web.i18n import moment

#: For officers: what stands in the list, and the sentence on the page of a case.
_OFFICERS: Final = {
    Whose.HELD: (_l("di sini"), _l("Laporan ini di tangan kantor Anda.")),
    Whose.UNCERTAIN: (
        _l("belum pasti"),
        _l(
            "Simpul ini dipasang kembali dari cadangan %(since)s. Sesudah itu laporan ini mungkin sudah diserahkan. "
            "Siapa yang memegangnya baru pasti setelah catatan di sini cocok dengan pusat."
        ),
    ),
    Whose.WITHHELD: (
        _l("di sini, terkunci"),
        _l(
            "Buku log memuat tawaran dari kantor Anda yang tidak ada lagi di sini. Sampai tawaran itu terbaca, laporan "
            "ini tidak dapat diteruskan. Beri tahu operator simpul."
        ),
    ),
    Whose.IDENTITY_COMING: (
        _l("di sini, identitas menyusul"),
        _l(
            "Kantor Anda menerima laporan ini pada %(since)s. Identitas pelapor masih dalam perjalanan dari %(office)s."
        ),
    ),
    Whose.ASKING: (
        _l("menunggu triase"),
        _l("Pertanyaan kepada triase dibuat pada %(since)s dan belum dijawab. Laporan masih di tangan kantor Anda."),
    ),
    Whose.RULED: (
        _l("sudah ditetapkan triase"),
        _l(
            "Triase menetapkan %(office)s; penetapannya sampai pada %(since)s. Laporan di tangan kantor Anda sampai "
            "kantor itu menerimanya."
        ),
    ),
    Whose.OFFER_QUEUED: (
        _l("di sini, tawaran belum terkirim"),
        _l(
            "Tawaran ke %(office)s dibuat pada %(since)s; pusat belum mengonfirmasi menerimanya. "
            "Laporan masih di tangan kantor Anda."
        ),
    ),
    Whose.OFFER_LOGGED: (
        _l("di sini, menunggu jawaban"),
        _l(
            "Tawaran ke %(office)s, dibuat pada %(since)s, sudah tercatat di buku log; jawabannya ditunggu. "
            "Laporan masih di tangan kantor Anda."
        ),
    ),
    Whose.OFFER_CLOSED: (
        _l("di sini, tawaran ditolak"),
        _l(
            "Kantor tujuan (%(office)s) tidak menerima penerusan; simpul ini memastikan tawaran itu tidak dapat "
            "terkirim lagi. Sesudah itu laporan dapat diteruskan ke kantor lain. Laporan masih di tangan kantor Anda."
        ),
    ),
    Whose.OFFER_REFUSED: (
        _l("di sini, tawaran ditolak"),
        _l(
            "Pusat tidak mencatat tawaran ke %(office)s; simpul ini memastikan tawaran itu tidak dapat terkirim lagi. "
            "Sesudah itu laporan dapat diteruskan lagi. Laporan masih di tangan kantor Anda."
        ),
    ),
    Whose.OFFER_RECALLED: (
        _l("di sini, sedang ditarik kembali"),
        _l(
            "Tawaran ke %(office)s ditarik kembali pada %(since)s. Buku log menentukan mana yang lebih dahulu: "
            "penarikan ini atau jawaban kantor itu. Sampai terbaca, laporan masih di tangan kantor Anda."
        ),
    ),
    Whose.OFFERED_ON: (_l("ditawarkan ke kantor lain"), _l("Ditawarkan ke kantor lain pada %(since)s.")),
    Whose.ACCEPTED: (
        _l("diterima %(office)s"),
        _l("Sudah diterima %(office)s pada %(since)s; identitas pelapor sedang diserahkan."),
    ),
    Whose.GRANTED: (
        _l("diterima %(office)s"),
        _l(
            "Sudah diterima %(office)s. Identitas pelapor diserahkan pada %(since)s; tanda terimanya ditunggu, lalu "
            "salinan di sini dihapus."
        ),
    ),
    Whose.TAKEN: (
        _l("ditangani %(office)s"),
        _l("Ditangani %(office)s sejak %(since)s; salinan di sini sudah dihapus."),
    ),
    Whose.HANDED_ON: (
        _l("diserahkan ke %(office)s"),
        _l(
            "Diserahkan ke %(office)s pada %(since)s; salinan di sini sudah dihapus. Kantor tempat laporan ini dibuat "
            "tahu siapa yang menanganinya sekarang."
        ),
    ),
}

_STILL: Final = _l("Laporan Anda masih ditangani %(holder)s.")
#: For reporters: one sentence after `_STILL`, or alone where it names the new handler. Never a handler without proof.
_REPORTERS: Final = {
    Whose.OFFER_QUEUED: _l("%(holder)s akan menawarkannya ke %(office)s. Tawaran itu masih menunggu dikirim."),
    Whose.OFFER_LOGGED: _l("%(holder)s menawarkannya ke %(office)s pada %(since)s. %(office)s belum menjawab."),
    Whose.OFFER_CLOSED: _l("%(office)s sedang tidak menerima laporan. %(holder)s akan mencari kantor lain."),
    Whose.OFFER_REFUSED: _l("Tawaran ke %(office)s tidak jadi. %(holder)s akan mencobanya lagi."),
    Whose.OFFER_RECALLED: _l(
        "%(holder)s menarik kembali tawarannya ke %(office)s, karena belum dijawab. Bila %(office)s ternyata sudah "
        "lebih dahulu menerima, halaman ini akan mengatakannya."
    ),
    Whose.OFFERED_ON: _l("%(holder)s menawarkannya ke kantor lain pada %(since)s. Kantor itu belum menjawab."),
    Whose.ASKING: _l("%(holder)s bertanya kepada tim triase nasional, kantor mana yang berwenang."),
    Whose.RULED: _l("Tim triase nasional menetapkan %(office)s. Kantor itu belum menerimanya."),
}


def custody_name(whose: Whereabouts) -> str:
    """Return the few words for the list."""
    return str(_OFFICERS[whose.code][0]) % _values(whose)


def custody_sentence(whose: Whereabouts) -> str:
    """Return the sentence for an officer."""
    return str(_OFFICERS[whose.code][1]) % _values(whose)


def custody_horizon(whose: Whereabouts) -> str:
    """Return how old that word is, where somebody else may have changed it since; empty where nobody can have."""
    if whose.old:
        if whose.heard_at is None:
            return str(gettext("Simpul ini belum pernah terhubung ke pusat."))
        told = gettext(
            "Pusat belum terhubung lagi sejak %(when)s. Mungkin sudah ada kabar yang belum terbaca di sini.",
            when=moment(whose.heard_at),
        )
        return str(told)
    if whose.code in {Whose.OFFER_QUEUED, Whose.OFFER_LOGGED, Whose.OFFER_RECALLED, Whose.GRANTED}:
        return str(gettext("Menurut buku log yang dibaca terakhir %(when)s.", when=moment(whose.heard_at or 0)))
    return ""


def reporter_sentence(whose: Whereabouts, holder: str) -> str:
    """Return who handles the complaint, for its reporter; `holder` is the proven handler's name."""
    values = {"holder": holder, **_values(whose)}
    if whose.code is Whose.UNCERTAIN:
        told = gettext(
            "%(holder)s baru memasang kembali catatannya dari cadangan %(since)s. Kabar sesudah saat itu sedang "
            "dicocokkan. Yang tampak di bawah ini mungkin belum yang terbaru.",
            **values,
        )
        return str(told)
    if whose.code is Whose.TAKEN and whose.since is not None:
        return str(gettext("%(holder)s menerima laporan Anda pada %(since)s.", **values))
    if whose.code in _REPORTERS:
        return f"{str(_STILL) % values} {str(_REPORTERS[whose.code]) % values}"
    return str(gettext("Laporan Anda ditangani %(holder)s.", **values))


def reporter_horizon(whose: Whereabouts) -> str:
    """Return that news may be missing, for the reporter; empty where the page is as new as it can be."""
    if not whose.old:
        return ""
    if whose.heard_at is None:
        return str(gettext("Kantor ini belum pernah terhubung dengan kantor lain."))
    told = gettext(
        "Kantor ini belum terhubung lagi dengan kantor lain sejak %(when)s. Mungkin sudah ada kabar yang lebih baru.",
        when=moment(whose.heard_at),
    )
    return str(told)


def _values(whose: Whereabouts) -> dict[str, str]:
    since = moment(whose.since) if whose.since is not None else str(gettext("waktu yang tidak diketahui"))
    return {"office": whose.office, "since": since}
