"""An outsider reads the directory: python-tuf's own client with its own downloads and clock, and no code of ours."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadError, ExpiredMetadataError, RepositoryError
from tuf.ngclient import Updater

from hub.members.ceremony import Rotation, rotate
from hub.members.enrolment import Registrar
from protocol.directory import Status
from tests.support.federation import root, signing
from tests.support.hub import FoundedHub, served


def clock() -> int:
    return int(time.time())  # noqa: TID251  the outsider reads the machine's clock, so the hub must


@pytest.fixture
def url(founded: FoundedHub) -> Iterator[str]:
    """A hub whose registrar has signed today, by the machine's clock."""
    with founded.database.transaction() as session:
        founded.registrar.renew(session, clock())
    with served(founded, clock) as found:
        yield found


def client(url: str, folder: Path, trusted: bytes) -> Updater:
    for name in ("metadata", "targets"):
        (folder / name).mkdir(exist_ok=True)
    base = f"{url}/directory"
    return Updater(
        str(folder / "metadata"), f"{base}/metadata/", str(folder / "targets"), f"{base}/targets/", bootstrap=trusted
    )


def read(updater: Updater, path: str) -> dict[str, object]:
    target = updater.get_targetinfo(path)
    assert target is not None
    found: dict[str, object] = json.loads(Path(updater.download_target(target)).read_bytes())
    return found


def test_every_member_and_the_hub_can_be_read(founded: FoundedHub, url: str, tmp_path: Path) -> None:
    updater = client(url, tmp_path, founded.federation.root)
    updater.refresh()
    assert read(updater, "hub.json")["id"] == "pusat"
    assert read(updater, "members/jabar.json")["status"] == "active"
    assert updater.get_targetinfo("members/nobody.json") is None


def test_a_change_and_a_new_root_are_followed(founded: FoundedHub, url: str, tmp_path: Path) -> None:
    client(url, tmp_path, founded.federation.root).refresh()
    made = founded.registrar
    after = Registrar(signing("registrar dua"), made.online, made.log, made.federation)
    with founded.database.transaction() as session:
        rotate(session, after, Rotation([made.key], registrar=after.key.public), clock())
    with founded.database.transaction() as session:
        after.set_status(session, "jabar", Status.SUSPENDED, clock())
    updater = client(url, tmp_path, founded.federation.root)
    updater.refresh()
    assert read(updater, "members/jabar.json")["status"] == "suspended"
    assert sorted(path.name for path in (tmp_path / "metadata" / "root_history").iterdir()) == [
        "1.root.json",
        "2.root.json",
    ]


def test_another_root_is_believed_nothing(url: str, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError):
        client(url, tmp_path, root(1, "stranger")).refresh()


def test_a_registrar_who_signed_long_ago_is_told_from_one_who_did_today(founded: FoundedHub, tmp_path: Path) -> None:
    with founded.database.transaction() as session:
        founded.registrar.renew(session, clock() - 31 * 86_400)
    with served(founded, clock) as url, pytest.raises(ExpiredMetadataError, match="targets"):
        client(url, tmp_path, founded.federation.root).refresh()


def test_nobody_there(founded: FoundedHub, tmp_path: Path) -> None:
    with served(founded) as url:
        pass
    with pytest.raises(DownloadError):
        client(url, tmp_path, founded.federation.root).refresh()
