"""The story from the first command to the audit, told step by step."""

from collections.abc import Iterable, Sequence

from demo.complaints import API, Story
from demo.evidence import show_audit, show_control, show_search
from demo.federation import Federation
from demo.offices import HUB
from demo.screen import Screen, shortened
from demo.state import CaseState
from demo.walk import TRIAGE, Walk, Walker


def tell(screen: Screen, federation: Federation, stories: Sequence[Story]) -> list[Walk]:
    """Walk the whole story and return every report with its receipt; whatever fails is raised."""
    _found(screen, federation)
    walker = Walker(federation)
    walks = _file(screen, walker, stories)
    _handle(screen, walker, walks)
    _read(screen, walker, walks)
    with screen.step("Isi semua berkas digeledah: tidak ada kata maupun nama", "search every byte of every file"):
        show_search(screen, federation, walks)
        show_control(screen, walks)
    with screen.step("Auditor memeriksa semuanya, tanpa jaringan", "an auditor verifies it all offline"):
        show_audit(screen, federation)
    return walks


def _found(screen: Screen, federation: Federation) -> None:
    with screen.step("Pusat didirikan", "found the hub"):
        federation.found_hub()
    with screen.step(f"{len(federation.nodes)} simpul dibuat dan didaftarkan", "make and enrol the nodes"):
        federation.found_nodes()
        for node in federation.nodes.values():
            by_api = "  (petugasnya lewat API: officers by the API)" if node.office.by_api else ""
            screen.say(f"    {node.office.id:12} {node.office.name}{by_api}")
    with screen.step("Semua server dinyalakan", "start every server"):
        federation.start()


def _file(screen: Screen, walker: Walker, stories: Sequence[Story]) -> list[Walk]:
    by_api = sum(story.via == API for story in stories)
    told = f"Warga mengirim {len(stories)} laporan: {len(stories) - by_api} lewat formulir, {by_api} lewat API"
    with screen.step(told, "citizens file reports over form and API"):
        walks = walker.file(stories)
        for walk in walks:
            story = walk.story
            screen.say(f"    {walk.number} di {story.origin:12} {story.via:4} “{shortened(story.report.text)}”")
    return walks


def _handle(screen: Screen, walker: Walker, walks: Sequence[Walk]) -> None:
    with screen.step("Petugas membaca, lalu meneruskan yang bukan urusannya", "officers read and hand over"):
        sent = walker.send_on(walks)
        for walk in sent:
            screen.say(f"    {walk.number}  {walk.story.path[0]} → {walk.story.path[1]}")
    with screen.step("Yang tidak diakui siapa pun: triase menetapkan", "nobody's matter: triage rules, binding"):
        asked = walker.ask_triage(walks)
        for walk in asked:
            screen.say(f"    {walk.number}  {walk.story.origin} bertanya, {TRIAGE} menetapkan {walk.story.path[1]}")
    with screen.step("Kantor tujuan menerima; identitas menyusul, tersegel", "the others accept; identities follow"):
        walker.arrive((*sent, *asked))
        for walk in (*sent, *asked):
            screen.say(f"    {walk.number}  {' → '.join(walk.story.path)}")
    with screen.step("Pengirim memusnahkan salinannya", "former offices destroy their copies"):
        walker.erased((*sent, *asked))
    with screen.step("Penangan membalas; identitas dibuka hanya dengan alasan", "handlers answer"):
        for walk in walker.answer(walks):
            screen.say(f"    {walk.number}  identitas dibuka di {walk.story.handler}: {shortened(walk.story.opening)}")


def _read(screen: Screen, walker: Walker, walks: Sequence[Walk]) -> None:
    with screen.step("Warga membaca jawaban dengan kode tanda terima", "citizens read the answers"):
        for walk, page in zip(walks, walker.track(walks), strict=True):
            opened = " · identitas dibuka 1 kali" if page.openings else ""
            screen.say(f"    {walk.number}  {page.state} · {page.handler}{opened}")


def case_states(walks: Iterable[Walk]) -> list[CaseState]:
    """Return the cases as the state file names them."""
    return [CaseState(walk.number, walk.receipt.code, walk.story.origin, walk.story.handler) for walk in walks]


def show_addresses(screen: Screen, federation: Federation, walks: Sequence[Walk]) -> None:
    """Print where everything is, who may come in, and a receipt code to try, until Ctrl-C."""
    rows = [(HUB, federation.hub.url, "", "", "")]
    rows += [
        (node.office.id, node.url, login.role, login.username, login.password)
        for node in federation.nodes.values()
        for login in node.people
    ]
    screen.say("\nAlamat dan akun (addresses and logins); petugas masuk di /petugas, warga melacak di /lacak:")
    screen.table(("simpul", "alamat", "peran", "nama pengguna", "kata sandi"), rows)
    screen.say("\nKode tanda terima (receipt codes):")
    screen.table(
        ("nomor", "lacak di", "kode", "penangan"),
        [(walk.number, walk.story.origin, walk.receipt.code, walk.story.handler) for walk in walks],
    )
    screen.say("\nServer tetap menyala sampai Ctrl-C. (The servers stay up until Ctrl-C.)")
