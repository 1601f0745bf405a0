"""Build the node code's zipapp, the same bytes from the same sources, so that it can be named by its content."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import airflow_provider_aztk

__all__ = ["build_bundle"]

SHEBANG = b"#!/usr/bin/env python3\n"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
NOT_SHIPPED = frozenset({"bundle.py"})
START = b'''"""Start the node code."""

import sys

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
    node = sorted(source.name for source in (package / "node").glob("*.py") if source.name not in NOT_SHIPPED)
    return ["__init__.py", *(f"node/{name}" for name in node)]
