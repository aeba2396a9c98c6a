"""The images' recipe, read as a builder reads it."""

import configparser
import re
import subprocess

import pytest

from house.environment import VENV
from house.screen import ROOMS, ROOT
from tests.docker.dockerfile import DOCKERFILE, Stage, read_stages

PROGRAMS = {"hub": ("simpul-hub", "/healthz"), "node": ("simpul-node", "/sehat")}


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return read_stages()


def context_files(stage: Stage) -> set[str]:
    """Return what the stage copies from the checkout."""
    copies = [each for each in stage.every("COPY") if "from" not in each.flags]
    return {name for each in copies for name in each.body.split()[:-1]}


def test_hadolint_finds_nothing() -> None:
    found = subprocess.run([VENV / "bin" / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (found.stdout + found.stderr, found.returncode) == ("", 0)


def test_every_stage_stands_on_one_base_that_its_builder_pins(stages: dict[str, Stage]) -> None:
    assert {stage.base for stage in stages.values()} == {"${PYTHON_IMAGE}${PYTHON_DIGEST:+@${PYTHON_DIGEST}}"}


def test_no_digest_is_invented() -> None:
    """Whoever builds asks the registry that they trust; a digest written here would be out of date, or made up."""
    for path in (DOCKERFILE, ROOT / "docker" / "compose.yaml", ROOT / "docs" / "operations-containers.md"):
        assert not re.search(r"sha256:[0-9a-f]", path.read_text())


def test_nothing_is_installed_but_what_is_locked(stages: dict[str, Stage]) -> None:
    installs = [
        line for each in stages["build"].every("RUN") for line in each.body.split("&&") if "pip install" in line
    ]
    assert len(installs) == 2
    assert "--require-hashes --only-binary :all: --no-deps --requirement requirements/runtime.txt" in installs[0]
    assert "--no-index --no-deps /wheels/simpul-*.whl" in installs[1]


def test_every_room_is_built_in_and_nothing_else_of_the_checkout(stages: dict[str, Stage]) -> None:
    packaging = {"requirements/runtime.txt", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"}
    assert context_files(stages["build"]) == {*ROOMS, *packaging}
    assert context_files(stages["hub"]) == context_files(stages["node"]) == {"docker/entrypoint.py"}


def test_the_builder_is_sent_only_what_it_copies(stages: dict[str, Stage]) -> None:
    """The default is to send nothing: a passphrase or a database beside the checkout never leaves the machine."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert rules[0] == "*"
    assert rules[-1] == "**/__pycache__"
    assert {rule[1:] for rule in rules[1:-1]} == context_files(stages["build"]) | context_files(stages["hub"])
    assert all(rule.startswith("!") for rule in rules[1:-1])


@pytest.mark.parametrize("target", PROGRAMS)
def test_each_image_runs_as_a_fixed_user_that_is_not_root(stages: dict[str, Stage], target: str) -> None:
    assert stages[target].last("USER") == "10001:10001"


@pytest.mark.parametrize("target", PROGRAMS)
def test_each_image_starts_its_program_by_the_exec_form_and_stops_by_sigterm(
    stages: dict[str, Stage], target: str
) -> None:
    program, path = PROGRAMS[target]
    stage = stages[target]
    assert stage.command("ENTRYPOINT")[-2:] == ["/opt/simpul/entrypoint.py", program]
    assert stage.command("CMD") == ["serve", "--host", "0.0.0.0", "--port", "8080"]  # noqa: S104  inside a container
    assert stage.last("STOPSIGNAL") == "SIGTERM"
    assert stage.last("EXPOSE") == "8080"
    assert f"8080, timeout=4); c.request('GET', '{path}')" in stage.command("HEALTHCHECK")[-1]


@pytest.mark.parametrize("target", PROGRAMS)
def test_each_image_says_what_it_is(stages: dict[str, Stage], target: str) -> None:
    labels = " ".join(each.body for each in stages[target].every("LABEL"))
    names = re.findall(r"org\.opencontainers\.image\.([\w.]+)=", labels)
    assert sorted(names) == ["base.digest", "base.name", "description", "licenses", "revision", "title", "version"]


def test_the_images_version_is_the_projects() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    version = parser["metadata"]["version"]
    assert f"ARG VERSION={version}\n" in DOCKERFILE.read_text()
    named = re.findall(r"SIMPUL_VERSION:-([^}]*)\}", (ROOT / "docker" / "compose.yaml").read_text())
    assert set(named) == {version}
