"""Filing: what is stored, what is refused, and what is left when the place fails."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from keys import b64u
from keys.errors import ReceiptCodeError
from keys.keyring import Keyring, SealingRecord
from keys.receipt import ReceiptCode
from keys.sealing import SealingKey
from node.cases.intake import MAX_FORM_AGE_SECONDS, SealedFiling, blank_form, file_complaint, file_sealed, seal_filing
from node.cases.views import BlankForm, Complaint, Filed, Identity, NotStoredError, StaleFormError
from node.context import Node
from node.models.cases import Case, CaseEvent, Tracked, TrackedEvent
from node.serving import sweep
from protocol.custody import Stance
from protocol.entry import new_id
from protocol.errors import RemoteError
from protocol.seal import MAX_CONTENT_BYTES
from tests.support.databases import Databases, write_locked
from tests.support.nodes import REPORTER_NAME, WORDS, Country, Office, keyring_of, open_node


@pytest.fixture
def office(land: Country) -> Office:
    return land.jabar


def submit(office: Office, form: BlankForm, complaint: Complaint = WORDS, identity: Identity = REPORTER_NAME) -> Filed:
    with office.node.database.transaction() as session:
        return file_complaint(session, office.node, form, complaint, identity, office.clock.now())


def blank(office: Office) -> BlankForm:
    return blank_form(office.node, office.clock.now())


def test_a_form_becomes_a_case_with_a_receipt(office: Office) -> None:
    form = blank(office)
    filed = submit(office, form)
    assert (filed.receipt, filed.again) == (ReceiptCode.parse(form.receipt).text, False)
    case = office.case(filed.number)
    assert (case.case_id, case.origin, case.stance, case.epoch) == (form.form_id, "jabar", Stance.HELD, 0)
    assert office.keys_of(form.form_id) == {"content", "identity"}
    assert office.page(filed.number).complaint == WORDS
    assert office.track(filed.receipt).complaint == WORDS
    assert office.queued() == []


def test_the_same_form_twice_gives_the_same_receipt(office: Office) -> None:
    """An answer was lost, or the page reloaded: one case, one number, one code."""
    form = blank(office)
    first, second = submit(office, form), submit(office, form)
    assert (second.number, second.receipt, second.filed_at) == (first.number, first.receipt, first.filed_at)
    assert (first.again, second.again) == (False, True)
    assert (len(office.rows(Case)), len(office.rows(Tracked)), len(office.rows(TrackedEvent))) == (1, 1, 1)


def test_the_receipt_code_as_people_type_it_is_the_same_code(office: Office) -> None:
    form = blank(office)
    first = submit(office, form)
    assert submit(office, replace(form, receipt=form.receipt.lower().replace("-", " "))).number == first.number


def altered(text: str) -> str:
    return ("A" if text[0] != "A" else "B") + text[1:]


@pytest.mark.parametrize(
    "change",
    [
        lambda form: replace(form, token=altered(form.token)),
        lambda form: replace(form, token=form.token[:-1]),
        lambda form: replace(form, token=""),
        lambda form: replace(form, token="1.2.3.4"),
        lambda form: replace(form, token="1.zwei.AAAA"),
        lambda form: replace(form, token=form.token.replace("1.", "2.", 1)),
        lambda form: replace(form, form_id=new_id()),
        lambda form: replace(form, form_id="../../../etc/passwd"),
        lambda form: replace(form, form_id=form.form_id + "="),
        lambda form: replace(form, receipt=ReceiptCode.generate().text),
    ],
    ids=["token", "short", "empty", "parts", "time", "version", "form id", "path", "padding", "receipt"],
)
def test_a_form_that_is_not_as_it_was_served_is_stale(office: Office, change: object) -> None:
    form = change(blank(office))  # type: ignore[operator]
    with pytest.raises(StaleFormError):
        submit(office, form)
    assert office.rows(Case) == []
    assert list(office.node.case_keys.listing()) == []


def test_a_damaged_code_is_told_as_such(office: Office) -> None:
    form = blank(office)
    with pytest.raises(ReceiptCodeError):
        submit(office, replace(form, receipt=form.receipt[:-1]))


def test_a_form_waits_a_day_and_a_half_and_no_longer(office: Office) -> None:
    form, late = blank(office), blank(office)
    office.clock.advance(MAX_FORM_AGE_SECONDS)
    submit(office, form)
    office.clock.advance(1)
    with pytest.raises(StaleFormError):
        submit(office, late)


def test_a_form_from_the_future_is_stale(office: Office) -> None:
    form = blank(office)
    office.clock.advance(-1)
    with pytest.raises(StaleFormError):
        submit(office, form)


def test_a_form_of_another_office_or_of_former_keys_is_stale(land: Country) -> None:
    """The token binds the keys: the browser may seal to those that it was given, and to no others."""
    form = blank(land.jabar)
    with pytest.raises(StaleFormError):
        submit(land.jateng, form)
    ring = land.jabar.node.keyring
    rotated = replace(ring, sealing=(*ring.sealing, SealingRecord("case", SealingKey.generate(), 2**40)))
    land.jabar.node = replace(land.jabar.node, keyring=rotated)
    with pytest.raises(StaleFormError):
        submit(land.jabar, form)
    submit(land.jabar, blank(land.jabar))


def sealed(office: Office, complaint: Complaint = WORDS) -> SealedFiling:
    form = blank(office)
    return seal_filing(office.node, form.form_id, ReceiptCode.parse(form.receipt), complaint, REPORTER_NAME)


@pytest.mark.parametrize(
    "change",
    [
        lambda a, b: replace(a, case=b.case),
        lambda a, b: replace(a, identity=b.identity),
        lambda a, _: replace(a, case=a.identity, case_kid=a.identity_kid),
        lambda a, _: replace(a, identity=a.case, identity_kid=a.case_kid),
        lambda a, _: replace(a, case=a.case[:-1]),
        lambda a, _: replace(a, form_id=new_id()),
    ],
    ids=["another's case", "another's identity", "identity as case", "case as identity", "cut", "another form"],
)
def test_seals_that_do_not_belong_together_are_refused(office: Office, change: object) -> None:
    """A browser hands in sealed parts: each opens only for this form and this purpose."""
    filing = change(sealed(office), sealed(office))  # type: ignore[operator]
    with pytest.raises(RemoteError, match="seal"), office.node.database.transaction() as session:
        file_sealed(session, office.node, filing, office.clock.now())
    assert office.rows(Case) == []
    assert list(office.node.case_keys.listing()) == []


def test_one_form_id_serves_one_receipt(office: Office) -> None:
    """Else whoever saw a form id could replace the mailbox of its case."""
    filing = sealed(office)
    other = replace(filing, lookup_h=b64u.encode(bytes(32)))
    with office.node.database.transaction() as session:
        file_sealed(session, office.node, filing, office.clock.now())
    with pytest.raises(StaleFormError), office.node.database.transaction() as session:
        file_sealed(session, office.node, other, office.clock.now())


@pytest.mark.parametrize(
    "text", ["", "🙏🏽 tolong 🙏🏽", "é́" * 10, "\u0000\u0001\n\r\t", "a" * 60_000, "<script>alert(1)</script>"]
)
def test_words_come_back_as_they_were_typed(office: Office, text: str) -> None:
    complaint = replace(WORDS, text=text)
    filed = office.file(complaint)
    assert office.page(filed.number).complaint == complaint
    assert office.track(filed.receipt).complaint == complaint


def test_words_over_what_a_seal_holds_leave_nothing(office: Office) -> None:
    with pytest.raises(Exception, match="seal holds"):
        office.file(replace(WORDS, text="a" * MAX_CONTENT_BYTES))
    assert office.rows(Case) == []


# When the place fails.


@pytest.fixture
def impatient(land: Country) -> Iterator[Office]:
    settings = land.jabar.node.settings
    url = settings.database_url
    node = open_node(settings.data_dir, "jabar", land.founded, busy_timeout_ms=20, database_url=url)
    yield Office(node, land.clock, land.line)
    node.database.close()


def test_a_locked_database_is_told_as_not_stored(impatient: Office) -> None:
    form = blank(impatient)
    with write_locked(impatient.node.settings.database_url), pytest.raises(NotStoredError):
        submit(impatient, form)
    assert impatient.rows(Case) == []
    assert submit(impatient, form).again is False


def test_a_commit_that_fails_leaves_a_wrapping_that_the_sweep_collects(office: Office) -> None:
    form = blank(office)
    office.cut_short(lambda s: file_complaint(s, office.node, form, WORDS, REPORTER_NAME, office.clock.now()))
    assert office.rows(Case) + office.rows(Tracked) + office.rows(CaseEvent) == []
    assert office.keys_of(form.form_id) == {"content", "identity"}
    sweep(office.node)
    assert office.keys_of(form.form_id) == set()


def test_after_a_failed_commit_the_same_form_is_stored(office: Office) -> None:
    form = blank(office)
    office.cut_short(lambda s: file_complaint(s, office.node, form, WORDS, REPORTER_NAME, office.clock.now()))
    filed = submit(office, form)
    assert (filed.again, office.page(filed.number).complaint) == (False, WORDS)


def test_keys_that_cannot_be_written_are_told_as_not_stored(office: Office) -> None:
    """The directory of the wrappings is no directory: stands for a full or broken disk."""
    office.node.settings.case_keys_dir.write_text("in the way")
    with pytest.raises(NotStoredError):
        office.file()
    assert office.rows(Case) == []


def test_a_database_that_is_gone_is_told_as_not_stored(land: Country, tmp_path: Path, databases: Databases) -> None:
    url = databases.make(tmp_path / "empty" / "node.db")
    node = open_node(tmp_path / "empty", "jabar", land.founded, database_url=url)
    office = Office(node, land.clock, land.line)
    with pytest.raises(NotStoredError):
        office.file()
    node.database.close()


def test_the_sweep_waits_for_who_is_filing(impatient: Office, land: Country) -> None:
    """A second process starts while somebody files: the wrapping is there, the case not yet. It must not be taken."""
    form = blank(land.jabar)
    with land.jabar.node.database.transaction() as session:
        filed = file_complaint(session, land.jabar.node, form, WORDS, REPORTER_NAME, land.clock.now())
        with pytest.raises(OperationalError):
            sweep(impatient.node)
    sweep(impatient.node)
    assert land.jabar.page(filed.number).complaint == WORDS


def test_a_node_with_another_keyring_opens_nothing(land: Country, databases: Databases) -> None:
    """A copied data directory without the keyring is only ciphertext."""
    filed = land.jabar.file()
    folder = land.folder / "stolen"
    land.jabar.node.database.close()
    shutil.copytree(land.jabar.node.settings.data_dir, folder)
    with databases.copied(land.jabar.node.settings.database_url, folder / "node.db") as url:
        check_that_it_opens_nothing(open_node(folder, "jateng", land.founded, database_url=url), land, filed.number)


def check_that_it_opens_nothing(thief: Node, land: Country, number: str) -> None:
    assert thief.keyring.signing.public != keyring_of("jabar").signing.public
    page = Office(thief, land.clock, land.line).page(number)
    assert page.complaint is None
    assert isinstance(thief.keyring, Keyring)
    thief.database.close()
