"""Who has a case, in words: at every moment of a hand-over officers and reporter are told what the log shows."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from keys.receipt import ReceiptCode
from node.app import create_app
from node.backup.restored import begin_restored
from node.cases.desk import recall
from node.cases.views import CaseAction, Filed
from node.cases.whose import Whereabouts, Whose
from node.custody.lost import note_lost
from node.custody.standing import RECALL_AFTER_SECONDS
from node.models.cases import CaseEvent
from node.models.sync import LostCase, OutboxEntry
from node.sync.start import begin
from node.web.alarm_words import alarm_sentence
from node.web.custody_words import (
    custody_horizon,
    custody_name,
    custody_sentence,
    reporter_horizon,
    reporter_sentence,
)
from protocol.custody import answer_slot
from protocol.directory import Status
from protocol.errors import RULES
from protocol.leaf import read_leaf
from tests.support.desks import Desk, desks
from tests.support.federation import NOW, made_id
from tests.support.nodes import OFFICER, Country, GoesDark, LosesTheAnswer

#: Pages read and write through the services, whose own tests run on both databases.
pytestmark = pytest.mark.database("sqlite")
HOUR = 3_600
STILL = "Laporan Anda masih ditangani Jabar."
OURS = "Laporan masih di tangan kantor Anda."
OLD = "Mungkin sudah ada kabar"


@pytest.fixture
def jabar(land: Country) -> Iterator[Desk]:
    with desks(land.jabar) as (found,):
        yield found


@pytest.fixture
def kemnaker(land: Country) -> Iterator[Desk]:
    with desks(land.kemnaker) as (found,):
        yield found


def step(desk: Desk, exchanges: int = 1) -> None:
    """Sync so many exchanges and no more."""
    desk.office.sync(GoesDark(desk.office.hub, after=exchanges))


def is_accepted(land: Country, number: str) -> bool:
    """What the hub's log says, read leaf by leaf: whether an answer to jabar's offer stands in it."""
    offers = land.jabar.rows(OutboxEntry, OutboxEntry.kind == "offer")
    slots = {answer_slot(row.raw) for row in offers if row.entry_id == land.jabar.case(number).offer_id}
    leaves = land.line.leaves(0, land.log_size())
    return any(read_leaf(raw).slot in slots for raw in leaves)


def filed_and_offered(land: Country) -> Filed:
    filed = land.jabar.file()
    land.jabar.hand_over(filed.number, "kemnaker")
    return filed


# The walk.


def test_before_an_offer_the_office_has_it(land: Country, jabar: Desk) -> None:
    filed = land.jabar.file()
    assert "Laporan ini di tangan kantor Anda." in jabar.case(filed.number)
    assert "di sini" in jabar.list()
    assert "Laporan Anda ditangani Jabar." in jabar.track(filed.receipt)


def test_every_moment_of_a_hand_over_is_told_as_the_log_has_it(land: Country, jabar: Desk, kemnaker: Desk) -> None:
    filed = filed_and_offered(land)
    number, receipt = filed.number, filed.receipt

    # Offered, and not sent yet.
    assert not is_accepted(land, number)
    assert "pusat belum mengonfirmasi menerimanya. " + OURS in jabar.case(number)
    assert "di sini, tawaran belum terkirim" in jabar.list()
    assert f"{STILL} Jabar akan menawarkannya ke Kemnaker. Tawaran itu masih menunggu dikirim." in jabar.track(receipt)
    assert "Sedang diterima" not in kemnaker.list()

    # The hub has it, and its answer was lost: nothing more is claimed than is known.
    land.jabar.sync(LosesTheAnswer(land.line))
    assert "pusat belum mengonfirmasi menerimanya. " + OURS in jabar.case(number)

    # Logged.
    step(jabar)
    assert not is_accepted(land, number)
    assert "sudah tercatat di buku log; jawabannya ditunggu. " + OURS in jabar.case(number)
    assert "Menurut buku log yang dibaca terakhir" in jabar.case(number)
    assert "di sini, menunggu jawaban" in jabar.list()
    assert f"{STILL} Jabar menawarkannya ke Kemnaker pada" in jabar.track(receipt)
    assert "Kemnaker belum menjawab." in jabar.track(receipt)

    # It reaches the other office, which answers; the answer is not on its way yet.
    step(kemnaker)
    assert not is_accepted(land, number)
    assert "Sedang diterima dari Jabar" in kemnaker.list()
    assert "Jawaban kantor Anda belum terkirim." in kemnaker.list()
    assert kemnaker.get(f"/petugas/kasus/{number}").status == 404

    # The answer is in the log, and nobody has read that. Now each page says of when its word is.
    land.kemnaker.sync(LosesTheAnswer(land.line))
    assert is_accepted(land, number)
    assert kemnaker.get(f"/petugas/kasus/{number}").status == 404
    assert "Menurut buku log yang dibaca terakhir" in jabar.case(number)
    assert STILL in jabar.track(receipt)

    # The other office reads it: the case is theirs, and the first one, cut off, says that its word is old.
    step(kemnaker)
    land.clock.advance(2 * HOUR)
    assert "Identitas pelapor masih dalam perjalanan dari Jabar." in kemnaker.case(number)
    assert "di sini, identitas menyusul" in kemnaker.list()
    assert "Sedang diterima" not in kemnaker.list()
    assert "jawabannya ditunggu" in jabar.case(number)
    assert OLD in jabar.case(number)
    assert "Mungkin sudah ada kabar yang lebih baru." in jabar.track(receipt)
    assert "Ditangani oleh Jabar" in jabar.track(receipt)
    assert "Kemnaker menerima" not in jabar.track(receipt)

    # The first office reads the proof.
    step(jabar)
    assert "Sudah diterima Kemnaker pada" in jabar.case(number)
    assert "identitas pelapor sedang diserahkan" in jabar.case(number)
    assert "diterima Kemnaker" in jabar.list()
    assert "Kemnaker menerima laporan Anda pada" in jabar.track(receipt)
    assert "Ditangani oleh Kemnaker" in jabar.track(receipt)
    assert "belum menjawab" not in jabar.track(receipt)

    # The identity is sent, received, and its receipt comes back.
    step(jabar)
    assert "tanda terimanya ditunggu, lalu salinan di sini dihapus" in jabar.case(number)
    step(kemnaker, 2)
    assert "Laporan ini di tangan kantor Anda." in kemnaker.case(number)
    step(jabar)
    assert "Ditangani Kemnaker sejak" in jabar.case(number)
    assert "salinan di sini sudah dihapus" in jabar.case(number)
    assert "ditangani Kemnaker" in jabar.list()
    land.settle()
    assert "Kemnaker menerima laporan Anda pada" in jabar.track(receipt)


def test_the_state_of_the_offer_ends_with_its_proof(land: Country, jabar: Desk) -> None:
    """Between the proven accept and the new handler's first word the reporter reads no "being offered"."""
    filed = filed_and_offered(land)
    land.jabar.sync_well()
    land.kemnaker.sync(GoesDark(land.line, after=2))
    assert "sedang ditawarkan" in jabar.track(filed.receipt)
    step(jabar)
    shown = land.jabar.track(filed.receipt)
    assert (shown.state, shown.custodian_id) == ("received", "kemnaker")
    land.settle()
    after = land.jabar.track(filed.receipt)
    assert (after.state, after.due_at) == (shown.state, shown.due_at)


def test_an_office_that_hands_on_what_it_got_is_named_until_the_next_is_proven(land: Country, jabar: Desk) -> None:
    filed = land.handed_to(land.kemnaker)
    land.kemnaker.hand_over(filed.number, "jateng")
    land.settle(land.kemnaker)
    land.jabar.sync_well()
    told = jabar.track(filed.receipt)
    assert "Laporan Anda masih ditangani Kemnaker. Kemnaker menawarkannya ke kantor lain pada" in told
    assert "Jateng" not in told
    land.settle()
    assert "Jateng menerima laporan Anda pada" in jabar.track(filed.receipt)
    assert "Ditangani Jateng sejak" in jabar.case(filed.number)
    with desks(land.kemnaker) as (kemnaker,):
        assert "Diserahkan ke Jateng pada" in kemnaker.case(filed.number)


def test_the_deadline_and_what_follows_it_stay_shown_while_it_is_offered(land: Country, jabar: Desk) -> None:
    filed = filed_and_offered(land)
    land.jabar.sync_well()
    assert "Bila batas ini terlewat" in jabar.track(filed.receipt)
    land.clock.advance(10 * 86_400)
    assert "Kantor yang menangani melewati batas waktunya." in jabar.track(filed.receipt)


# What goes another way.


def test_a_refused_offer_waits_for_its_fence_and_says_so(land: Country, jabar: Desk) -> None:
    filed = filed_and_offered(land)
    land.founded.set_status("kemnaker", Status.SUSPENDED)
    step(jabar)
    told = jabar.case(filed.number)
    assert "Kantor tujuan (Kemnaker) tidak menerima penerusan; simpul ini memastikan tawaran itu tidak dapat" in told
    assert "Kemnaker sedang tidak menerima laporan. Jabar akan mencari kantor lain." in jabar.track(filed.receipt)
    land.settle()
    assert "Laporan ini di tangan kantor Anda." in jabar.case(filed.number)


def test_a_recall_is_offered_when_it_is_possible_and_then_told(land: Country, jabar: Desk) -> None:
    filed = filed_and_offered(land)
    land.jabar.sync_well()
    page = jabar.get(f"/petugas/kasus/{filed.number}")
    assert "tawaran ini dapat ditarik kembali mulai" in page.words
    assert not any(form.action.endswith("/tarik-kembali") for form in page.forms)
    land.clock.advance(RECALL_AFTER_SECONDS)
    officer = jabar.served.officer("admin")
    page = officer.get(f"/petugas/kasus/{filed.number}")
    unsure = officer.submit(page, "/tarik-kembali", reason="Tidak dijawab.")
    assert unsure.status == 422
    assert "tarik-kembali-confirm-wrong" in unsure.ids
    assert unsure.form("/tarik-kembali").fields["reason"] == "Tidak dijawab."
    done = officer.submit(unsure, "/tarik-kembali", confirm="ya")
    assert "Penarikan kembali dikirim." in done.words
    assert "Buku log menentukan mana yang lebih dahulu" in done.words
    assert "di sini, sedang ditarik kembali" in jabar.list()
    assert "Jabar menarik kembali tawarannya ke Kemnaker" in jabar.track(filed.receipt)
    land.settle()
    assert "Laporan ini di tangan kantor Anda." in jabar.case(filed.number)
    assert "Laporan Anda ditangani Jabar." in jabar.track(filed.receipt)


def test_only_who_hands_over_takes_back(land: Country, jabar: Desk) -> None:
    filed = filed_and_offered(land)
    land.jabar.sync_well()
    land.clock.advance(RECALL_AFTER_SECONDS)
    for role, may in (("admin", True), ("liaison", False), ("custodian", False)):
        forms = jabar.get(f"/petugas/kasus/{filed.number}", role).forms
        assert any(form.action.endswith("/tarik-kembali") for form in forms) is may


def test_an_accept_that_was_first_beats_the_recall_on_every_page(land: Country, jabar: Desk) -> None:
    filed = filed_and_offered(land)
    land.jabar.sync_well()
    land.clock.advance(RECALL_AFTER_SECONDS)
    land.jabar.do(recall, CaseAction(filed.number, "Tidak dijawab.", OFFICER))
    land.kemnaker.sync_well()
    land.settle()
    assert "Ditangani Kemnaker sejak" in jabar.case(filed.number)
    assert "Kemnaker menerima laporan Anda pada" in jabar.track(filed.receipt)


def test_a_question_to_triage_and_its_ruling_are_told(land: Country, jabar: Desk) -> None:
    filed = land.jabar.file()
    land.jabar.ask(filed.number)
    assert "Pertanyaan kepada triase dibuat pada" in jabar.case(filed.number)
    assert "Jabar bertanya kepada tim triase nasional" in jabar.track(filed.receipt)
    land.settle()
    land.triase.rule(land.triase.asks()[0], "kemnaker")
    land.settle()
    assert "Triase menetapkan Kemnaker; penetapannya sampai pada" in jabar.case(filed.number)
    told = jabar.track(filed.receipt)
    assert f"{STILL} Tim triase nasional menetapkan Kemnaker. Kantor itu belum menerimanya." in told


# A start, and a backup that was put back.


def test_a_node_that_does_not_act_says_on_every_page_what_works_and_what_waits(land: Country, jabar: Desk) -> None:
    filed = land.jabar.file()
    words = "Simpul ini sedang mencocokkan catatannya dengan pusat."
    assert words not in jabar.list()
    begin(land.jabar.node, land.clock.advance())
    for path in ("/petugas/kasus", f"/petugas/kasus/{filed.number}", "/petugas/sambungan", "/petugas/hilang"):
        told = jabar.get(path).words
        assert words in told
        assert "laporan baru masuk, membaca, menanggapi, menutup." in told
    assert "Pusat belum pernah terhubung. Sampai tersambung" in jabar.list()
    assert words not in jabar.served.visitor().get("/").words
    land.jabar.sync_well()
    assert words not in jabar.list()


def put_back(land: Country, backup_at: int) -> None:
    with land.jabar.node.database.transaction() as session:
        begin_restored(session, land.jabar.node, land.clock.now(), backup_at)


def test_a_restored_office_is_sure_of_nothing_before_it_has_read(land: Country, jabar: Desk) -> None:
    filed = land.jabar.file()
    backup_at = land.clock.now()
    land.clock.advance(HOUR)
    put_back(land, backup_at)
    assert "Siapa yang memegangnya baru pasti setelah catatan di sini cocok" in jabar.case(filed.number)
    assert "Jangan menjanjikan apa pun" in jabar.case(filed.number)
    assert "dan membuka identitas." in jabar.list()
    assert "Jabar baru memasang kembali catatannya dari cadangan" in jabar.track(filed.receipt)
    land.jabar.sync_well()
    assert "Laporan ini di tangan kantor Anda." in jabar.case(filed.number)
    assert "Laporan Anda ditangani Jabar." in jabar.track(filed.receipt)


def lose(land: Country, name: str) -> str:
    """Lose a case whose key alone was left; returns its number."""
    with land.jabar.node.database.transaction() as session:
        (row,) = note_lost(session, [(made_id(name), land.clock.now())])
        return row.number or ""


def test_what_is_lost_is_told_by_number_to_officers_of_every_role(land: Country, jabar: Desk) -> None:
    backup_at = land.clock.now()
    land.clock.advance(HOUR)
    put_back(land, backup_at)
    number, found = lose(land, "hilang"), lose(land, "ketemu")
    with land.jabar.node.database.transaction() as session:
        session.query(LostCase).filter(LostCase.number == found).one().found = "kemnaker"
    land.jabar.sync_well()
    assert "1 laporan tidak ada di cadangan." in jabar.list()
    for role in ("admin", "liaison", "custodian", "leader", "operator"):
        told = jabar.get("/petugas/hilang", role).words
        assert number in told.split("Ternyata ada di kantor lain")[0]
        assert found in told.split("Ternyata ada di kantor lain")[1]


def test_a_reporter_whose_report_may_be_lost_is_not_told_to_check_the_code(land: Country, jabar: Desk) -> None:
    code = ReceiptCode.generate().text
    assert "Tidak ada laporan dengan kode ini di sini." in jabar.track(code)
    backup_at = land.clock.now()
    land.clock.advance(HOUR)
    put_back(land, backup_at)
    number = lose(land, "hilang")
    told = jabar.track(code)
    assert "Ini mungkin kesalahan kami, bukan kesalahan Anda." in told
    assert "Kami masih mencari." in told
    assert number in told
    assert "Cocokkan lagi" not in told
    assert "keliru" not in told
    land.jabar.sync_well()
    assert "Kami masih mencari." not in jabar.track(code)
    assert number in jabar.track(code)
    wrong = jabar.track("0000-0000-0000-0000-0000-01")
    assert "Cocokkan lagi dengan tanda terima Anda." in wrong
    assert number not in wrong


def test_the_lost_page_tells_how_to_reach_the_office(land: Country) -> None:
    settings = replace(land.jabar.node.settings, contact="Jalan Diponegoro 22, telepon 022-4232448")
    land.jabar.node = replace(land.jabar.node, settings=settings)
    put_back(land, land.clock.now() - HOUR)
    with desks(land.jabar) as (jabar,):
        assert "Jabar: Jalan Diponegoro 22, telepon 022-4232448." in jabar.track(ReceiptCode.generate().text)


def test_a_word_that_this_disk_has_forgotten_is_told_in_the_history(land: Country, jabar: Desk) -> None:
    number = land.jabar.file().number
    case_id = land.jabar.case(number).case_id
    with land.jabar.node.database.transaction() as session:
        for kind in ("reply", "message"):
            session.add(CaseEvent(case_id=case_id, at=land.clock.now(), state="answered", detail=f"said:{kind}"))
    told = jabar.case(number)
    assert "naskahnya ada di kotak surat pelapor, tidak lagi di sini." in told
    assert "menyampaikan pesan pelapor ke kantor yang menangani" in told
    assert "said:" not in told


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_code_and_every_rule_has_its_words(land: Country, language: str) -> None:
    app = create_app(land.jabar.node, land.clock.now)
    with app.test_request_context(f"/?lang={language}"):
        for code in Whose:
            whose = Whereabouts(code, "Kemnaker", "kemnaker", NOW, NOW, old=True)
            told = [words(whose) for words in (custody_name, custody_sentence, custody_horizon, reporter_horizon)]
            told.append(reporter_sentence(whose, "Jabar"))
            assert all(told), code
            assert "%(" not in "".join(told), code
        assert len({alarm_sentence(rule) for rule in (*RULES, "withheld", "restored", "key")}) > 20


# The connections.


def test_the_connections_tell_the_hub_and_what_is_held_up(land: Country, jabar: Desk) -> None:
    filed_and_offered(land)
    told = jabar.get("/petugas/sambungan", "operator").words
    assert "Pusat belum pernah terhubung." in told
    assert "Kemnaker 1 kiriman belum sampai di pusat, sejak" in told
    land.jabar.sync_well()
    told = jabar.get("/petugas/sambungan", "leader").words
    assert "tetapi kantor itu belum mengonfirmasi menerimanya, sejak" in told
    assert "Belum pernah ada kabar dari sana." in told
    land.settle()
    told = jabar.get("/petugas/sambungan").words
    assert "Tersambung, dan tidak ada kiriman yang tertahan." in told
    assert "Lengkap: Kemnaker." in told
    for role in ("liaison", "custodian"):
        assert jabar.get("/petugas/sambungan", role).status == 403
        assert "/petugas/sambungan" not in jabar.get("/petugas/kasus", role).text


def test_alarms_are_told_in_words_with_their_rule(land: Country, jabar: Desk) -> None:
    filed_and_offered(land)
    land.founded.set_status("kemnaker", Status.SUSPENDED)
    land.jabar.sync_well()
    told = jabar.get("/petugas/sambungan").words
    assert "Kantor tujuan sedang tidak menerima penerusan. closed:" in told


def test_who_lists_no_cases_begins_at_the_connections(jabar: Desk) -> None:
    assert jabar.served.officer("operator").get("/petugas/").url.endswith("/petugas/sambungan")
    assert jabar.served.officer("leader").get("/petugas/").url.endswith("/petugas/kasus")
