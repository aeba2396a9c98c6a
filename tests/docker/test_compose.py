"""compose.yaml against the Compose specification's own schema, and against what we promise beyond it."""

import re
import subprocess
from typing import Any

import pytest
from ruamel.yaml import YAML

from house.environment import VENV
from house.screen import ROOT
from tests.docker.dockerfile import read_stages

COMPOSE = ROOT / "docker" / "compose.yaml"
DOCUMENT = ROOT / "docs" / "operations-containers.md"
NODES = ("jabar", "kemnaker", "triase")
SERVING = ("hub", *NODES)
OPERATORS = tuple(f"{name}-operator" for name in SERVING)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(COMPOSE)
    return found


def test_it_obeys_the_compose_specification() -> None:
    """The schema is the specification's (Apache-2.0), as check-jsonschema carries it."""
    command = [str(VENV / "bin" / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_it_holds_a_federation_and_an_operator_for_each_party(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {*SERVING, *OPERATORS}


@pytest.mark.parametrize("name", [*SERVING, *OPERATORS])
def test_every_service_can_do_nothing_but_its_work(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc"} & set(service)
    assert [each.partition(":")[0] for each in service["tmpfs"]] == ["/tmp"]
    assert [secret["target"] for secret in service["secrets"]] == ["passphrase"]


@pytest.mark.parametrize("name", [*SERVING, *OPERATORS])
def test_every_service_has_its_own_partys_volumes_and_passphrase(compose: dict[str, Any], name: str) -> None:
    service, party = compose["services"][name], name.removesuffix("-operator")
    written = [each for each in service["volumes"] if not each.endswith(":ro")]
    assert written[0] == f"{party}:/data"
    assert service["secrets"][0]["source"] == f"{party}-passphrase"
    assert {each.partition(":")[0] for each in written} <= set(compose["volumes"])
    assert compose["secrets"][f"{party}-passphrase"] == {"file": f"./secrets/{party}.passphrase"}


def test_the_registrars_key_is_mounted_where_no_network_is(compose: dict[str, Any]) -> None:
    """Who breaks into the serving hub must not become the one who says who is a member."""
    holders = [name for name, each in compose["services"].items() if "registrar" in str(each["volumes"])]
    assert holders == ["hub-operator"]
    for name in OPERATORS:
        assert compose["services"][name]["network_mode"] == "none"
        assert compose["services"][name]["profiles"] == ["operator"]
        assert compose["services"][name]["restart"] == "no"


def test_only_portals_are_published_and_only_on_the_machine_itself(compose: dict[str, Any]) -> None:
    ports = {name: each["ports"] for name, each in compose["services"].items() if "ports" in each}
    assert set(ports) == set(NODES)
    for published in ports.values():
        assert [bool(re.fullmatch(r"127\.0\.0\.1:\$\{\w+:-\d+\}:8080", each)) for each in published] == [True]
    assert compose["services"]["hub"]["networks"] == ["federation"]
    assert compose["networks"]["federation"] == {"internal": True}


@pytest.mark.parametrize("name", NODES)
def test_a_node_waits_for_a_healthy_hub_but_starts_without_one(compose: dict[str, Any], name: str) -> None:
    assert compose["services"][name]["depends_on"] == {"hub": {"condition": "service_healthy", "required": False}}
    assert compose["services"][name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", [*SERVING, *OPERATORS])
def test_every_image_is_built_here_and_asked_of_no_registry(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    target = "hub" if name.startswith("hub") else "node"
    assert service["pull_policy"] == "never"
    assert service["image"].startswith(f"simpul-{target}:")
    assert service["build"]["target"] == target
    assert (COMPOSE.parent / service["build"]["context"] / service["build"]["dockerfile"]).samefile(
        ROOT / "docker" / "Dockerfile"
    )
    # A build argument that the Dockerfile does not take is passed over without a word.
    taken = set(re.findall(r"^ARG (\w+)", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE))
    assert set(service["build"]["args"]) <= taken
    assert target in read_stages()


def test_secrets_and_exchanged_files_are_kept_out_of_git() -> None:
    assert {"/secrets/", "/exchange/", "/.env"} <= set((ROOT / "docker" / ".gitignore").read_text().splitlines())


def test_the_document_names_services_that_exist() -> None:
    named = set(re.findall(r"docker compose run --rm (?:-T )?(?:--entrypoint \w+ )?(\S+)", DOCUMENT.read_text()))
    assert named
    assert named <= set(OPERATORS)
