"""What an alarm of the sync means for people, by the rule that it names, in the language of the request."""

from typing import Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

_FORM: Final = _l("Sebuah kiriman tidak berbentuk seperti seharusnya dan tidak diterima.")
_SIGNATURE: Final = _l("Sebuah kiriman bertanda tangan yang tidak cocok dengan pengirimnya, dan tidak diterima.")
_PART: Final = _l("Isi tersegel dari sebuah kiriman tidak sampai atau tidak cocok; simpul mencobanya lagi.")
_LOG: Final = _l("Pusat memperlihatkan buku log yang tidak cocok dengan yang sudah dibaca. Hubungi pengelola pusat.")
_CHAIN: Final = _l(
    "Riwayat serah terima sebuah laporan tidak lengkap atau tidak terbukti; laporan itu tidak diambil alih."
)
_DIRECTORY: Final = _l("Daftar instansi dan kuncinya tidak dapat diperbarui atau tidak sah.")
_SLOT: Final = _l("Tempat sebuah tawaran di buku log sudah dipakai pihak lain. Laporannya tetap di sini.")

#: rule -> what it means. What is not here is shown by the general sentence and the rule's own name.
_RULES: Final = {
    "withheld": _l(
        "Kabar dari kantor lain masih datang, tetapi sudah lebih dari tiga hari ia tidak mengonfirmasi kiriman kita. "
        "Mungkin ada yang menahannya di jalan: telepon kantor itu."
    ),
    "won": _l("Jawaban atas sebuah tawaran sudah tercatat di buku log, tetapi kirimannya belum sampai di sini."),
    "seq": _l("Ada kiriman yang terlewat atau tidak ada lagi di sini: urutannya berlubang."),
    "restored": _l("Simpul ini dipasang kembali dari cadangan."),
    "counter": _l(
        "Pusat mengenal permintaan atas nama simpul ini yang tidak dikenal di sini: basis datanya mundur, atau "
        "salinannya sedang berjalan di tempat lain."
    ),
    "incarnation": _l("Sebuah kiriman berasal dari masa sebelum pengirimnya dipasang kembali, dan tidak berlaku lagi."),
    "recovering": _l("Pusat sedang memulihkan catatannya; kiriman menunggu dan tidak hilang."),
    "chain": _CHAIN,
    "seen": _LOG,
    "tree": _LOG,
    "note": _LOG,
    "slot": _SLOT,
    "slot-taken": _SLOT,
    "closed": _l("Kantor tujuan sedang tidak menerima penerusan."),
    "answer": _l("Sebuah jawaban tidak cocok dengan tawarannya dan tidak berlaku."),
    "binding": _l("Sebuah tawaran terikat penetapan triase dan tidak dapat ditolak."),
    "thread": _l("Sebuah kiriman menyebut laporan atau pertanyaan yang tidak dikenal di sini."),
    "id-reused": _l(
        "Sebuah kiriman memakai nomor yang sudah dipakai laporan lain di sini; kiriman itu tidak diterima."
    ),
    "kind": _l("Sebuah kiriman berjenis yang belum dikenal versi ini; kiriman itu disimpan."),
    "key": _l("Sebuah kunci di simpul ini tidak dapat membuka yang seharusnya dibukanya. Hubungi operator."),
    "part-key": _l("Sebuah kiriman disegel untuk kunci yang tidak ada di simpul ini."),
    "part-missing": _PART,
    "part-id": _PART,
    "part-form": _PART,
    "part": _PART,
    "seal": _PART,
    "rekey": _l("Kunci penerima sebuah kiriman sudah diganti; kiriman itu perlu disegel lagi."),
    "gap": _l("Pusat menunggu kiriman yang lebih dahulu; simpul mengirimnya lagi."),
    "directory": _DIRECTORY,
    "member": _l("Sebuah kantor tidak ada di daftar instansi, atau statusnya tidak mengizinkan langkah itu."),
    "signature": _SIGNATURE,
    "unknown-key": _SIGNATURE,
    "party": _SIGNATURE,
    "addressed": _l("Sebuah kiriman ditujukan kepada pihak lain dan tidak diterima."),
    "manifest": _FORM,
    "members": _FORM,
    "canonical": _FORM,
    "too-large": _l("Sebuah kiriman terlalu besar dan tidak diterima."),
}


def alarm_sentence(rule: str) -> str:
    """Return what an alarm of this rule means."""
    found = _RULES.get(rule)
    return str(gettext("Sinkronisasi menemukan sesuatu yang perlu dilihat operator.") if found is None else found)


def trouble_sentence(trouble: str) -> str:
    """Return what is wrong between node and hub; `trouble` is a word and a rest: unreachable, refused or rule."""
    sort, _, rest = trouble.partition(":")
    if sort == "unreachable":
        return str(gettext("Pusat tidak dapat dihubungi. Periksa jaringan kantor ini; tidak ada yang hilang."))
    if sort == "refused":
        return str(gettext("Pusat menolak permintaan simpul ini (kode %(code)s). Hubungi operator.", code=rest))
    return alarm_sentence(rest)
