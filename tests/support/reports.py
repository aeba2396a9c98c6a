"""A report as a citizen writes it, and how to find number and code on the receipt."""

import re
from typing import Final

from tests.support.visitor import Page, Visitor

TEXT: Final = "Ass. wr. wb.\nSdh 3 bln bantuan PKH ibu sy gak cair 😢 <b>tolong</b> & dicek \"pak\"\n\n'makasih'"
PERSON: Final = {
    "name": "Siti Rahayu",
    "phone": "0812 3456 7890",
    "email": "siti@contoh.id",
    "nik": "3273 0141 0190 0001",
}
REPORT: Final = {
    "kind": "complaint",
    "text": TEXT,
    "region": "32.73",
    "topic": "bantuan-sosial/pkh",
    "secrecy": "anonymous",
    **PERSON,
}


def blank(citizen: Visitor) -> dict[str, str]:
    fields = citizen.get("/lapor").form("/lapor").fields
    return {name: fields[name] for name in ("form_id", "receipt", "token")}


def code_of(page: Page) -> str:
    return page.form("/lacak").fields["receipt"]


def number_of(page: Page) -> str:
    found = re.search(r'class="number">([^<]+)<', page.text)
    assert found
    return found[1]
