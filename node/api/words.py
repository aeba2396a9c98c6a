"""What the API says to people, in both languages: the texts stand here, and not in the catalogue of the pages."""

from dataclasses import dataclass
from typing import Final

from node.web.i18n import language


@dataclass(frozen=True, slots=True)
class Words:
    """A text in both languages; `str` gives that of the request (Accept-Language, Indonesian if it names neither)."""

    indonesian: str
    english: str

    def __str__(self) -> str:
        return self.english if language() == "en" else self.indonesian

    def format(self, **values: object) -> str:
        """Fill in values, as marshmallow's validators do."""
        return str(self).format(**values)


REQUIRED: Final = Words("Wajib diisi.", "Required.")
NULL: Final = Words("Tidak boleh null.", "May not be null.")
UNKNOWN: Final = Words("Bidang ini tidak dikenal di sini.", "There is no such field here.")
NO_OBJECT: Final = Words("Harus berupa objek JSON.", "Must be a JSON object.")
NO_TEXT: Final = Words("Harus berupa teks.", "Must be text.")
NO_NUMBER: Final = Words("Harus berupa bilangan bulat.", "Must be a whole number.")
NO_LIST: Final = Words("Harus berupa daftar.", "Must be a list.")
BLANK: Final = Words("Tidak boleh kosong.", "May not be blank.")
FORM: Final = Words("Bentuknya keliru; lihat dokumentasi.", "Not of the form that the documentation gives.")
LENGTH: Final = Words("Panjangnya harus {min} sampai {max} huruf.", "Must be {min} to {max} characters long.")
TOO_LONG: Final = Words("Paling banyak {max} huruf.", "At most {max} characters.")
RANGE: Final = Words("Harus {min} sampai {max}.", "Must be {min} to {max}.")
CHOICE: Final = Words("Harus salah satu dari: {choices}.", "Must be one of: {choices}.")
TOO_MANY_FILES: Final = Words("Paling banyak 10 lampiran.", "At most 10 attachments.")
FILES_TOO_LARGE: Final = Words(
    "Semua lampiran bersama-sama paling besar 20 MB. Kurangi jumlahnya atau perkecil.",
    "All attachments together may have 20 MB at most. Leave some out, or make them smaller.",
)
FILE_EMPTY: Final = Words("Berkas ini kosong.", "This file is empty.")
FILE_KIND: Final = Words(
    "Jenis berkas ini tidak diterima. Kirim foto (JPEG, PNG, WebP, HEIC), PDF, suara (MP3, M4A, OGG, WAV) atau video "
    "(MP4).",
    "Files of this kind are not taken. Send a photo (JPEG, PNG, WebP, HEIC), PDF, sound (MP3, M4A, OGG, WAV) or video "
    "(MP4).",
)
BASE64: Final = Words("Harus base64 (RFC 4648) dari isi berkas.", "Must be the base64 (RFC 4648) of the file.")
TOPIC: Final = Words("Topik ini tidak dikenal; lihat /api/v1/topics.", "No such topic; see /api/v1/topics.")
REGION: Final = Words("Wilayah ini tidak dikenal; lihat /api/v1/regions.", "No such region; see /api/v1/regions.")
RECEIPT: Final = Words(
    "Kode tanda terima tidak lengkap atau ada huruf yang keliru.",
    "The receipt code is incomplete or has a wrong character.",
)
CURSOR: Final = Words("Gunakan nilai `next` dari jawaban sebelumnya.", "Use the value of `next` in an earlier answer.")
RECIPIENT: Final = Words(
    "Instansi ini tidak dikenal, sedang tidak menerima, atau bukan yang ditetapkan.",
    "This office is unknown, takes nothing now, or is not the one that was ruled.",
)
RECIPIENT_WANTED: Final = Words(
    "Belum ada penetapan untuk laporan ini: sebutkan instansi tujuannya.",
    "No ruling names an office for this case: say which one.",
)
REASON_WANTED: Final = Words("Langkah ini memerlukan alasan.", "This step needs a reason.")
