"""A container of an account with a hierarchical namespace: it lists its directories among the blobs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Hierarchical", "hierarchical"]

_DATE = "Sun, 22 Nov 2026 10:00:00 GMT"


class Hierarchical:
    """The blobs and directories of one container, served on ``url``; keys and signatures are not looked at."""

    def __init__(self, *blobs: str) -> None:
        self.blobs = set(blobs)
        self.directories = {str(parent) for name in blobs for parent in PurePosixPath(name).parents} - {"."}
        self.deleted: list[str] = []
        self.url = ""

    def listing(self, prefix: str, *, metadata: bool) -> str:
        """Return a page with everything below a prefix, in order of name."""
        names = sorted(name for name in self.blobs | self.directories if name.startswith(prefix))
        entries = "".join(self._entry(name, metadata) for name in names)
        return f"<?xml version='1.0'?><EnumerationResults><Blobs>{entries}</Blobs><NextMarker/></EnumerationResults>"

    def _entry(self, name: str, metadata: bool) -> str:
        stub = "<Metadata><hdi_isfolder>true</hdi_isfolder></Metadata>" if name in self.directories and metadata else ""
        properties = f"<Last-Modified>{_DATE}</Last-Modified><Etag>0x1</Etag><Content-Length>0</Content-Length>"
        properties += "<BlobType>BlockBlob</BlobType>"
        return f"<Blob><Name>{escape(name)}</Name><Properties>{properties}</Properties>{stub}</Blob>"

    def delete(self, name: str) -> tuple[int, str]:
        """Delete a blob or an empty directory, and return status and code."""
        if name not in self.blobs | self.directories:
            return 404, "BlobNotFound"
        if any(other.startswith(f"{name}/") for other in self.blobs | self.directories):
            return 409, "DirectoryIsNotEmpty"
        self.blobs.discard(name)
        self.directories.discard(name)
        self.deleted.append(name)
        return 202, ""


@contextmanager
def hierarchical(*blobs: str) -> Iterator[Hierarchical]:
    """Serve a container ``c`` of the account ``a`` with these blobs, and the directories that they are in."""
    container = Hierarchical(*blobs)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            page = container.listing(query.get("prefix", [""])[0], metadata="metadata" in query.get("include", []))
            self._answer(200, page.encode(), {"Content-Type": "application/xml"})

        def do_DELETE(self) -> None:
            name = unquote(urlsplit(self.path).path).partition("/a/c/")[2]
            status, code = container.delete(name)
            body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>" if code else ""
            self._answer(status, body.encode(), {"x-ms-error-code": code} if code else {})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "x-ms-version": "2021-12-02", "x-ms-request-id": "1"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    container.url = f"http://127.0.0.1:{server.server_port}/a"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield container
    finally:
        server.shutdown()
        server.server_close()
