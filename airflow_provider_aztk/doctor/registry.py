"""Ask a container registry for an image, with the registry's HTTP interface (distribution.github.io, spec/api)."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

from airflow_provider_aztk.client._loopback import is_loopback_url
from airflow_provider_aztk.doctor import http

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models import DockerConfiguration

__all__ = ["HUB", "Answer", "Image", "ask"]

HUB = "docker.io"
_HUB_NAMES = frozenset({HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
_HUB_API = "https://registry-1.docker.io"
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Image:
    """A container image, as docker reads its name.

    :param registry: host and port; :data:`HUB` for Docker Hub.
    :param reference: a tag or a digest.
    """

    registry: str
    repository: str
    reference: str

    @classmethod
    def parse(cls, text: str) -> Image:
        """Read ``[registry/]name[:tag][@digest]``."""
        name, _, digest = text.partition("@")
        first, slash, rest = name.partition("/")
        if slash and (any(mark in first for mark in ".:") or first == "localhost"):
            registry, name = first, rest
        else:
            registry = HUB
        path, colon, tag = name.rpartition(":")
        repository = path if colon else name
        registry = HUB if registry in _HUB_NAMES else registry
        if registry == HUB and "/" not in repository:
            repository = f"library/{repository}"
        return cls(registry, repository, digest or (tag if colon else "latest"))

    @property
    def is_of_hub(self) -> bool:
        """Whether it is Docker Hub's."""
        return self.registry == HUB


@dataclass(frozen=True)
class Answer:
    """What a registry has answered.

    :param status: HTTP's: 200 the image is there, 404 it is not, 401 or 403 the caller may not know, 429 too many.
    :param remaining: how many pulls are left to this address, where the registry says so.
    """

    status: int
    remaining: str | None = None


def ask(image: Image, credentials: DockerConfiguration | None, *, hub_api: str = _HUB_API) -> Answer:
    """Ask for an image's manifest, without its content.

    :param credentials: of the connection; they are used only for their own registry.
    :param hub_api: the address of Docker Hub.
    :raises OSError: the registry does not answer.
    """
    api = hub_api if image.is_of_hub else f"https://{image.registry}"
    if is_loopback_url(f"//{image.registry}"):
        api = f"http://{image.registry}"
    basic = _basic(image, credentials)
    url = f"{api}/v2/{image.repository}/manifests/{image.reference}"
    try:
        try:
            return _head(url, None)
        except HTTPError as refused:
            challenge = refused.headers.get("www-authenticate") or ""
            if refused.code != 401 or not challenge:
                raise
            return _head(url, _authorization(challenge, basic))
    except HTTPError as refused:
        return Answer(refused.code, _remaining(refused.headers.get("ratelimit-remaining")))


def _basic(image: Image, credentials: DockerConfiguration | None) -> str | None:
    if credentials is None:
        return None
    server = credentials.endpoint.partition("://")[2] or credentials.endpoint
    server = server.partition("/")[0].lower()
    if (HUB if server in _HUB_NAMES else server) != image.registry.lower():
        return None
    return "Basic " + base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()


def _head(url: str, authorization: str | None) -> Answer:
    headers = {"Accept": _MANIFESTS, **({"Authorization": authorization} if authorization else {})}
    found, _ = http.request("HEAD", url, headers)
    return Answer(200, _remaining(found.get("ratelimit-remaining")))


def _remaining(text: str | None) -> str | None:
    """Read ``76;w=21600``: what is left, in a window of so many seconds."""
    return text.partition(";")[0].strip() if text else None


def _authorization(challenge: str, basic: str | None) -> str | None:
    """Answer a challenge: the credentials themselves, or a token of the service that it names."""
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() == "basic":
        return basic
    given = dict(_PARAMETER.findall(rest))
    realm = given.pop("realm", "")
    if scheme.lower() != "bearer" or not urlsplit(realm).hostname:
        return None
    query = urlencode({name: given[name] for name in ("service", "scope") if name in given})
    _, body = http.request("GET", f"{realm}?{query}", {"Authorization": basic} if basic else {})
    try:
        found = json.loads(body)
    except ValueError:
        raise OSError("the registry's token service gives no JSON") from None
    token = found.get("token") or found.get("access_token") if isinstance(found, dict) else None
    return f"Bearer {token}" if token else None
