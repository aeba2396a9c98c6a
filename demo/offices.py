"""Who takes part in the demo: five offices, what each answers for, and who works there."""

from dataclasses import dataclass
from typing import Final

HUB: Final = "pusat"


@dataclass(frozen=True, slots=True)
class Person:
    """An officer to be: `role` is what people call the account, `roles` what it may do."""

    role: str
    username: str
    name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Office:
    """A member to be. `topics` are prefixes of topic codes that it answers for within `region` (empty: the country).

    `parent` is the office above it. `by_api` says that its officers work in a program of their own, not the console.
    """

    id: str
    name: str
    kind: str
    region: str
    topics: tuple[str, ...]
    accent: str
    people: tuple[Person, ...]
    parent: str = ""
    by_api: bool = False

    @property
    def competence(self) -> list[dict[str, list[str]]]:
        """What the registrar is told: `[{"regions":["32"],"topics":[…]}]`; no topics, no claim."""
        if not self.topics:
            return []
        return [{"regions": [self.region] if self.region else [], "topics": list(self.topics)}]


OFFICES: Final = (
    Office(
        "jabar",
        "Pemerintah Provinsi Jawa Barat",
        "province",
        "32",
        (
            "bantuan-sosial",
            "kependudukan",
            "kesehatan",
            "lingkungan-hidup-dan-kehutanan",
            "pekerjaan-umum-dan-penataan-ruang",
            "pendidikan-dan-kebudayaan",
            "perhubungan",
            "sosial-dan-kesejahteraan",
            "sp4n-lapor",
        ),
        "#1b6e4b",
        (
            Person("admin", "rina.jabar", "Rina (admin)", ("admin",)),
            Person("custodian", "dedi.jabar", "Dedi (pemegang kunci)", ("custodian", "liaison")),
            Person("leader", "ibu.kadis", "Kepala Dinas", ("leader",)),
        ),
    ),
    Office(
        "kota-bandung",
        "Pemerintah Kota Bandung",
        "city",
        "32.73",
        (
            "kependudukan",
            "kesehatan",
            "ketenteraman-dan-ketertiban-umum/pemadaman-kebakaran",
            "lingkungan-hidup-dan-kehutanan",
            "pekerjaan-umum-dan-penataan-ruang",
            "pendidikan-dan-kebudayaan",
            "perhubungan",
        ),
        "#1f4e9c",
        (
            Person("admin", "tari.bandung", "Tari (admin)", ("admin",)),
            Person("custodian", "hasan.bandung", "Hasan (pemegang kunci)", ("custodian", "liaison")),
        ),
        parent="jabar",
        by_api=True,
    ),
    Office(
        "kemnaker",
        "Kementerian Ketenagakerjaan",
        "ministry",
        "",
        ("kartu-prakerja", "ketenagakerjaan"),
        "#1b5e7d",
        (
            Person("admin", "yoga.kemnaker", "Yoga (admin)", ("admin",)),
            Person("custodian", "mira.kemnaker", "Mira (pemegang kunci)", ("custodian", "liaison")),
        ),
    ),
    Office(
        "ombudsman",
        "Ombudsman Republik Indonesia",
        "ombudsman",
        "",
        # How an office treated somebody is no topic of the list: cases reach it by people and by rulings.
        (),
        "#7a2e3a",
        (
            Person("admin", "gita.ombudsman", "Gita (admin)", ("admin",)),
            Person("custodian", "harun.ombudsman", "Harun (pemegang kunci)", ("custodian", "liaison")),
        ),
        by_api=True,
    ),
    Office(
        "triase",
        "Simpul Triase, Kementerian PANRB",
        "triage",
        "",
        (),
        "#5a3d7a",
        (Person("admin", "wati.triase", "Wati (triase)", ("admin",)),),
    ),
)
