"""Read the responses of Azure Storage, headers and listings, without I/O."""

from __future__ import annotations

import email.utils
import http.client
import ipaddress
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Tuple

__all__ = ["BlobInfo", "error_code", "is_loopback", "listing", "read_info", "retry_after", "short_by"]

LONGEST_RETRY_AFTER = 120.0


@dataclass(frozen=True)
class BlobInfo:
    """What is known of a blob without reading it.

    :param age: seconds since it was last written, both times being the server's own
    :param blocks: blocks of an append blob that are used up; 0 where it is not known
    :param etag: changes with each write; empty where it is not known
    """

    name: str
    size: int
    age: float
    blocks: int = 0
    etag: str = ""


def read_info(name: str, headers: Mapping[str, str]) -> BlobInfo:
    """Return the properties of a blob from the response to a HEAD."""
    lower = {key.lower(): value for key, value in headers.items()}
    return BlobInfo(
        name=name,
        size=int(lower.get("content-length") or 0),
        age=_age(lower.get("date"), lower.get("last-modified")),
        blocks=int(lower.get("x-ms-blob-committed-block-count") or 0),
    )


def listing(body: bytes, headers: Mapping[str, str]) -> Tuple[List[BlobInfo], str]:
    """Return the blobs of one page of a listing, and the marker of the next page (empty at the end).

    The directories that an account with a hierarchical namespace lists among them are left out.

    :raises HTTPException: the page is incomplete, or no listing.
    """
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise http.client.HTTPException(f"a broken listing: {error}") from error
    if root.find("Blobs") is None:
        raise http.client.HTTPException("something else than a listing")
    date = next((value for key, value in headers.items() if key.lower() == "date"), None)
    found = []
    for blob in root.iter("Blob"):
        if _is_directory(blob):
            continue
        found.append(
            BlobInfo(
                name=blob.findtext("Name") or "",
                size=int(blob.findtext("Properties/Content-Length") or 0),
                age=_age(date, blob.findtext("Properties/Last-Modified")),
                etag=blob.findtext("Properties/Etag") or "",
            )
        )
    return found, root.findtext("NextMarker") or ""


def _is_directory(blob: ElementTree.Element) -> bool:
    stub = next((each for each in blob.iterfind("Metadata/*") if each.tag.lower() == "hdi_isfolder"), None)
    if stub is not None and (stub.text or "").lower() == "true":
        return True
    return blob.findtext("Properties/ResourceType") == "directory"


def error_code(headers: Any) -> str:
    """Return Azure's code for an error, which is in a header as well."""
    return str(headers.get("x-ms-error-code") or "") if headers is not None else ""


def retry_after(headers: Any) -> Optional[float]:
    """Return the seconds that the server asks to wait, 120 at most; None if it does not ask."""
    text = headers.get("Retry-After") if headers is not None else None
    if not text:
        return None
    try:
        return min(max(float(text), 0.0), LONGEST_RETRY_AFTER)
    except ValueError:
        return None


def short_by(headers: Any, got: int) -> int:
    """Return how many bytes a response lacks of the range that its headers name; 0 where it is complete."""
    part = re.match(r"bytes (\d+)-(\d+)/", str(headers.get("Content-Range") or ""))
    return int(part.group(2)) - int(part.group(1)) + 1 - got if part else 0


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: ``localhost``, 127.0.0.0/8 or ``::1``, and no other name."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _age(now: Optional[str], then: Optional[str]) -> float:
    if not now or not then:
        return 0.0
    difference = email.utils.parsedate_to_datetime(now) - email.utils.parsedate_to_datetime(then)
    return max(difference.total_seconds(), 0.0)
