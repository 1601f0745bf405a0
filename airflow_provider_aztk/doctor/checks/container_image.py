"""Whether the registry has the cluster's container image, as far as this machine can ask."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.error import URLError

from airflow_provider_aztk.doctor import registry
from airflow_provider_aztk.doctor.findings import Finding, error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.client.models import DockerConfiguration
    from airflow_provider_aztk.doctor.facts import Facts

_PAGE = "https://learn.microsoft.com/azure/batch/batch-docker-container-workloads"
_LIMIT_PAGE = "https://docs.docker.com/docker-hub/usage/"


def container_image(facts: Facts) -> Iterator[Finding]:
    """Ask the registry for the image."""
    yield from check(facts.cluster.docker_repo, facts.secrets.docker)


def check(name: str, docker: DockerConfiguration | None, **options: str) -> Iterator[Finding]:
    """Ask the registry for an image.

    :param name: of the image.
    :param docker: the registry and credentials of the connection.
    :param options: of :func:`airflow_provider_aztk.doctor.registry.ask`.
    """
    image = registry.Image.parse(name)
    subject = f"container image {name!r}"
    try:
        answer = registry.ask(image, docker, **options)
    except (URLError, OSError) as failed:
        text = f"{image.registry} does not answer this machine: {getattr(failed, 'reason', failed)}"
        fix = "see that the registry exists and that the nodes, which pull from their own network, reach it"
        yield warning("docker-image", subject, text, fix, _PAGE)
        return
    if answer.status == 200:
        yield ok("docker-image", subject, f"is in {image.registry}")
    else:
        yield _refused(subject, image, answer.status, docker)
    if image.is_of_hub:
        yield _limited(answer, docker)


def _refused(subject: str, image: registry.Image, status: int, docker: DockerConfiguration | None) -> Finding:
    if status == 404:
        text = f"{image.registry} has no {image.repository} with {image.reference}"
        fix = "give an image that is there in docker_repo; `docker manifest inspect IMAGE` asks the same"
        return error("docker-image", subject, text, fix, _PAGE)
    if status in (401, 403):
        text = f"{image.registry} refuses: the image is private, or is not there ({status})"
        fix = "give docker_endpoint, docker_username and docker_password of its registry in the connection"
        if docker is not None:
            fix = "check docker_endpoint, docker_username and docker_password in the connection, and the image's name"
        return error("docker-image", subject, text, fix, _PAGE)
    if status == 429:
        text = f"unknown: {image.registry} has had too many requests of this address"
    else:
        text = f"unknown: {image.registry} answers {status}"
    return warning("docker-image", subject, text, "ask again later; use a registry of your own for production", _PAGE)


def _limited(answer: registry.Answer, docker: DockerConfiguration | None) -> Finding:
    left = f"; {answer.remaining} are left to this machine" if answer.remaining else ""
    text = f"limits pulls by address or account, and nodes share addresses{left}"
    fix = "copy the image into a registry of your own, such as Azure Container Registry"
    if docker is None:
        fix += ", or give docker_username and docker_password of an account"
    return warning("docker-limit", "Docker Hub", text, fix, _LIMIT_PAGE)
