"""Build the node code's zipapp, the same bytes from the same sources, so that it can be named by its content."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import airflow_provider_aztk

__all__ = ["build_bundle"]

SHEBANG = b"#!/usr/bin/env python3\n"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
NOT_SHIPPED = frozenset({"node/bundle.py"})
# Every Python from 2.7 on can read this: where the image's Python is too old, the error names its version and is no
# SyntaxError. A failing master writes its reason into the container, with what every Python has.
START = b'''"""Start the node code, or report why this Python cannot run it."""

import json
import os
import re
import sys

OLDEST = (3, 8)
BAD_INPUT = 223


def refuse():
    text = "aztk: this image's python3 is %d.%d.%d (%s); Python %d.%d or later is needed: use another docker_repo\\n"
    text = text % (tuple(sys.version_info[:3]) + (sys.executable,) + OLDEST)
    sys.stderr.write(text)
    if sys.argv[1:2] == ["master"]:
        try:
            write_reason(text.encode("utf-8"))
        except Exception as error:
            sys.stderr.write("aztk: that cannot be written into the container: %s\\n" % type(error).__name__)
    sys.exit(BAD_INPUT)


def write_reason(data):
    try:
        from urllib.request import ProxyHandler, Request, build_opener
    except ImportError:
        from urllib2 import ProxyHandler, Request, build_opener
    folder = os.environ.get("AZ_BATCH_TASK_WORKING_DIR") or os.getcwd()
    with open(os.path.join(folder, "node", "access.json")) as file:
        container, _, sas = json.load(file)["container_url"].partition("?")
    request = Request(container + "/cluster/master.log?" + sas, data=data)
    request.add_header("x-ms-blob-type", "BlockBlob")
    request.add_header("x-ms-version", "2021-08-06")
    request.add_header("Content-Type", "text/plain; charset=utf-8")
    request.get_method = lambda: "PUT"
    # This machine is never reached through a proxy of the environment.
    handler = ProxyHandler({} if is_loopback(container.split("/")[2]) else None)
    build_opener(handler).open(request, timeout=10)


def is_loopback(host):
    return re.match(r"(localhost[.]?|\\[::1\\]|127([.][0-9]{1,3}){3})(:[0-9]+)?$", host.lower()) is not None


if sys.version_info < OLDEST:
    refuse()

from airflow_provider_aztk.node.__main__ import main

sys.exit(main())
'''


def build_bundle(path: Path | None = None) -> bytes:
    """Build the zipapp from this package's own sources.

    Nothing is compressed: the bytes must not depend on a version of zlib, and it starts sooner.

    :param path: also write it there
    :return: its bytes
    """
    package = Path(airflow_provider_aztk.__file__).parent
    sources = {f"airflow_provider_aztk/{name}": (package / name).read_bytes() for name in _names(package)}
    sources["__main__.py"] = START
    buffer = io.BytesIO()
    buffer.write(SHEBANG)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(sources):
            info = zipfile.ZipInfo(name, LONG_AGO)
            info.create_system = 3  # Unix, whatever this is
            info.external_attr = 0o644 << 16
            archive.writestr(info, sources[name].replace(b"\r\n", b"\n"))
    data = buffer.getvalue()
    if path is not None:
        path.write_bytes(data)
    return data


def _names(package: Path) -> list[str]:
    node = (source.relative_to(package).as_posix() for source in (package / "node").rglob("*.py"))
    return ["__init__.py", *sorted(name for name in node if name not in NOT_SHIPPED)]
