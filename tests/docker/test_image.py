"""The images' own lines installed in an empty folder, and the operator's document followed word by word.

No container engine is needed: tests.docker.place stands for the image's file system and its user.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from demo.processes import free_port
from demo.waiting import wait_for
from house.screen import ROOT
from tests.conftest import missing
from tests.docker.dockerfile import Stage, read_stages
from tests.docker.place import Place, own, system_python, user

DOCUMENT: Final = ROOT / "docs" / "operations-containers.md"
_RUN: Final = re.compile(
    r"^    docker compose run --rm (?:-T )?(?:--entrypoint (?P<entry>\w+) )?(?P<service>[\w-]+) (?P<command>[^>\n]+?)"
    r"(?: > (?P<file>\S+))?$",
    re.MULTILINE,
)
_STOP_SECONDS: Final = 10


@dataclass(slots=True)
class Engine:
    """What `docker compose` does with our files, as far as the document asks for it."""

    place: Place
    stages: dict[str, Stage]
    services: dict[str, Any]
    ports: dict[str, int]

    def stage(self, service: str) -> Stage:
        return self.stages[self.services[service]["build"]["target"]]

    @contextmanager
    def container(self, service: str) -> Iterator[Place]:
        """Give the image's files with the service's own volumes and passphrase where it expects them."""
        root, mounts, covering = self.place.root, {}, []
        for volume in self.services[service]["volumes"]:
            source, target = volume.removesuffix(":ro").split(":")
            mounts[target] = root / "volumes" / source.removeprefix("./")
            if target.count("/") > 1:  # a volume within another one, which is really there only while it is mounted
                covering.append((mounts.pop(target), mounts["/data"] / Path(target).name))
        party = service.removesuffix("-operator")
        mounts["/run/secrets"] = root / "secrets" / party
        for volume, over in covering:
            over.rmdir()
            volume.rename(over)
        try:
            yield Place(root, self.place.python, mounts)
        finally:
            for volume, over in covering:
                over.rename(volume)
                self.place.make(over)

    def run(self, match: re.Match[str], said: str = "") -> str:
        """Do one `docker compose run` of the document; return what it printed."""
        service, command = match["service"], match["command"].replace("http://hub:8080", self.url("hub"))
        stage = self.stage(service)
        with self.container(service) as place:
            entry = [f"/bin/{match['entry']}"] if match["entry"] else stage.command("ENTRYPOINT")
            done = place.run([*entry, *shlex.split(command)], place.environment(stage), said=said)
        assert done.returncode == 0, f"{match[0]}\n{done.stdout}{done.stderr}"
        if match["file"]:
            (self.place.root / "volumes" / match["file"]).write_text(done.stdout)
        return done.stdout

    def start(self, service: str) -> "subprocess.Popen[str]":
        """Do `docker compose up` for one service: ENTRYPOINT and CMD, but on a free port of this machine alone."""
        stage, port = self.stage(service), str(self.ports[service])
        argv = [*stage.command("ENTRYPOINT"), *stage.command("CMD")]
        argv[argv.index("8080")], argv[argv.index("--host") + 1] = port, "127.0.0.1"
        with self.container(service) as place:
            return subprocess.Popen(
                [place.inside(word) for word in argv], env=place.environment(stage), cwd="/", text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **user(),
            )  # fmt: skip

    def health(self, service: str) -> int:
        """Return the status with which the image's own health check ends."""
        stage = self.stage(service)
        argv = [word.replace("8080", str(self.ports[service])) for word in stage.command("HEALTHCHECK")]
        with self.container(service) as place:
            return place.run(argv, place.environment(stage)).returncode

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def written(self) -> set[tuple[str, int]]:
        """Every file outside the volumes with the time of its last change: what a read-only system never gains."""
        volumes = self.place.root / "volumes"
        files = (path for path in self.place.root.rglob("*") if not path.is_relative_to(volumes))
        return {(str(path), path.lstat().st_mtime_ns) for path in files}


@pytest.fixture
def engine() -> Iterator[Engine]:
    """The installed images, empty volumes and a passphrase for each party, below a folder that any user may enter."""
    root = Path(mkdtemp(prefix="simpul-image-"))
    root.chmod(0o755)
    own(root)
    stages = read_stages()
    services = YAML(typ="safe", pure=True).load(ROOT / "docker" / "compose.yaml")["services"]
    place = Place(root, system_python(missing))
    cache = Path(gettempdir(), f"simpul-pip-cache-{user().get('user', os.geteuid())}")
    if not cache.exists():
        place.make(cache)
    try:
        place.build(stages["build"], cache)
        # The build's folder and what it carried stay behind; of the checkout only the entry comes along.
        for left in ("src", "wheels"):
            shutil.rmtree(root / left)
        place.copy(stages["hub"].every("COPY")[-1], root)
        # As in the image, where root owns it: the program cannot change what it is.
        subprocess.run(["chmod", "-R", "a-w", root / "opt"], check=True)
        for volume in ("hub", "hub/registrar", "registrar", "jabar"):
            place.make(root / "volumes" / volume)
        (root / "volumes" / "exchange").mkdir(mode=0o755)
        for party in ("hub", "jabar"):
            secret = place.make(root / "secrets" / party, 0o500) / "passphrase"
            secret.write_text(f"empat kata acak {party}\n")
            secret.chmod(0o400)
            own(secret)
        yield Engine(place, stages, services, {"hub": free_port(), "jabar": free_port()})
    finally:
        with suppress(PermissionError):
            subprocess.run(["chmod", "-R", "u+w", root], check=True)
        shutil.rmtree(root)


def documented(service: str, word: str) -> re.Match[str]:
    """Return the document's command for a service that has this word in it."""
    found = [each for each in _RUN.finditer(DOCUMENT.read_text()) if each["service"] == service and word in each[0]]
    assert len(found) == 1, f"{service} {word}: {len(found)} commands"
    return found[0]


@pytest.mark.slow
def test_the_installed_images_found_enrol_serve_and_end_as_the_document_says(engine: Engine) -> None:
    """All that the operator's document tells to do, with what the Dockerfile's own lines installed."""
    before = engine.written()
    volumes = engine.place.root / "volumes"

    # Steps 3 and 4 of the document.
    engine.run(documented("hub-operator", " init "))
    engine.run(documented("hub-operator", "federation.json"))
    engine.run(documented("jabar-operator", " init "))
    engine.run(documented("jabar-operator", "enrol-request.jws"))
    assert "Password" in engine.run(documented("jabar-operator", "person add"))
    (volumes / "exchange" / "jabar.competence.json").write_text('[{"regions":["32"],"topics":["kesehatan"]}]')
    assert "enrolled jabar" in engine.run(documented("hub-operator", "enrol /exchange"), said="y\n")
    assert "never" in engine.run(documented("hub-operator", "members"))
    assert list((volumes / "hub" / "registrar").iterdir()) == []
    assert [path.name for path in (volumes / "registrar").iterdir()] == ["registrar.key"]

    # Step 5: nothing answers yet, then both serve, and the node comes to speak with the hub.
    assert engine.health("hub") != 0
    serving = {name: engine.start(name) for name in ("hub", "jabar")}
    try:
        for name, process in serving.items():
            assert process.stdout is not None
            assert process.stdout.readline() == f"ready {engine.url(name)}\n"
            assert engine.health(name) == 0
        wait_for(
            "the node's first contact",
            lambda: "last contact: never" not in engine.run(documented("jabar-operator", "status")),
            60,
        )
        assert "never" not in engine.run(documented("hub-operator", "members"))
        # SIGTERM, as STOPSIGNAL says; an engine would kill after ten seconds.
        for process in serving.values():
            process.terminate()
        assert {name: process.wait(_STOP_SECONDS) for name, process in serving.items()} == {"hub": 0, "jabar": 0}
    finally:
        for process in serving.values():
            process.kill()
            process.communicate()
    assert engine.written() == before

    # A passphrase with the mode that careless files have is refused before anything is opened.
    (engine.place.root / "secrets" / "hub" / "passphrase").chmod(0o444)
    refused = engine.start("hub")
    _, said = refused.communicate(timeout=_STOP_SECONDS)
    assert (refused.returncode, said.count("\n")) == (1, 1)
    assert "others may read the passphrase" in said
