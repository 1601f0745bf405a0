"""The container image: what a registry answers, and what doctor makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.doctor.checks.container_image import check
from airflow_provider_aztk.doctor.registry import HUB, Image
from tests.doctor.registries import PASSWORD, Registry, registry

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stub() -> Iterator[Registry]:
    with registry() as running:
        yield running


def found(name: str, docker: models.DockerConfiguration | None = None, **options: str) -> list[tuple[str, str, str]]:
    findings = list(check(name, docker, **options))
    assert PASSWORD not in repr(findings)
    assert all(finding.fix for finding in findings if finding.status != "ok")
    return [(finding.check, str(finding.status), finding.message) for finding in findings]


def docker(endpoint: str, password: str = PASSWORD) -> models.DockerConfiguration:
    return models.DockerConfiguration(endpoint=endpoint, username="user", password=password)


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("spark", Image(HUB, "library/spark", "latest")),
        ("apache/spark:4.1.4-python3", Image(HUB, "apache/spark", "4.1.4-python3")),
        ("docker.io/apache/spark", Image(HUB, "apache/spark", "latest")),
        ("reg.azurecr.io/a/b/spark:1", Image("reg.azurecr.io", "a/b/spark", "1")),
        ("localhost:5000/spark", Image("localhost:5000", "spark", "latest")),
        ("a/b:1@sha256:" + "0" * 64, Image(HUB, "a/b", "sha256:" + "0" * 64)),
    ],
)
def test_names(text: str, image: Image) -> None:
    assert Image.parse(text) == image


def test_an_image_that_is_there(stub: Registry) -> None:
    assert found(stub.good) == [("docker-image", "ok", f"is in {stub.host}")]
    assert [method for method, _, _ in stub.requests] == ["HEAD", "GET", "HEAD"]


def test_a_tag_that_is_missing(stub: Registry) -> None:
    ((name, status, message),) = found(f"{stub.host}/apache/spark:5")
    assert (name, status) == ("docker-image", "error")
    assert "has no apache/spark with 5" in message


@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
def test_a_private_image(stub: Registry, scheme: str) -> None:
    stub.private, stub.scheme = True, scheme
    assert found(stub.good)[0][:2] == ("docker-image", "error")
    assert found(stub.good, docker(stub.host))[0][:2] == ("docker-image", "ok")
    assert found(stub.good, docker(f"https://{stub.host}/"))[0][:2] == ("docker-image", "ok")
    assert found(stub.good, docker(stub.host, "wrong"))[0][:2] == ("docker-image", "error")


def test_credentials_go_to_their_own_registry_only(stub: Registry) -> None:
    stub.private = True
    assert found(stub.good, docker("reg.azurecr.io"))[0][:2] == ("docker-image", "error")
    assert not any("Basic" in given for _, _, given in stub.requests)


@pytest.mark.parametrize(("status", "word"), [(429, "too many requests"), (500, "answers 500")])
def test_what_is_not_known_is_a_warning(stub: Registry, status: int, word: str) -> None:
    stub.status = status
    ((name, found_status, message),) = found(stub.good)
    assert (name, found_status) == ("docker-image", "warning")
    assert word in message


def test_a_registry_that_does_not_answer() -> None:
    assert found("127.0.0.1:1/apache/spark:4")[0][:2] == ("docker-image", "warning")


def test_a_challenge_without_a_way(stub: Registry) -> None:
    stub.scheme = ""
    assert found(stub.good)[0][:2] == ("docker-image", "error")


def test_docker_hub_is_limited(stub: Registry) -> None:
    image, limit = found("spark", hub_api=stub.url)
    assert image == ("docker-image", "ok", "is in docker.io")
    assert limit[:2] == ("docker-limit", "warning")
    assert "76 are left" in limit[2]
