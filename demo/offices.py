"""Who takes part in the demo: four offices, what each answers for, and who works there."""

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
    """A member to be. `topics` are prefixes of topic codes that it answers for within `region` (empty: the country)."""

    id: str
    name: str
    kind: str
    region: str
    topics: tuple[str, ...]
    accent: str
    people: tuple[Person, ...]

    @property
    def competence(self) -> list[dict[str, list[str]]]:
        """What the registrar is told: `[{"regions":["32"],"topics":[…]}]`; triage claims nothing."""
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
            "kependudukan",
            "kesehatan",
            "lingkungan-hidup-dan-kehutanan",
            "pekerjaan-umum-dan-penataan-ruang",
            "pendidikan-dan-kebudayaan",
            "perhubungan",
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
        "kemensos",
        "Kementerian Sosial",
        "ministry",
        "",
        ("bantuan-sosial", "sosial-dan-kesejahteraan"),
        "#8a3b12",
        (
            Person("admin", "tari.kemensos", "Tari (admin)", ("admin",)),
            Person("custodian", "hasan.kemensos", "Hasan (pemegang kunci)", ("custodian", "liaison")),
        ),
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
