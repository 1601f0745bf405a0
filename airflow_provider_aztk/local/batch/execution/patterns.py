"""Finding the files that the pattern of an output file names."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.execution.layout import is_inside

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["has_wildcards", "match_files"]

_WILDCARDS = re.compile(r"[*?\[]")


def has_wildcards(pattern: str) -> bool:
    """Return whether a pattern may name several files."""
    return _WILDCARDS.search(pattern) is not None


def match_files(pattern: str, working_directory: Path, node: Path) -> Iterator[tuple[Path, str]]:
    """Find files by pattern; with each comes its name below the part of the pattern without wildcards.

    What lies outside the node's directory is not found, however the pattern or a link leads there.
    """
    parts = pattern.split("/")
    fixed: list[str] = []
    while parts and not _WILDCARDS.search(parts[0]):
        fixed.append(parts.pop(0))
    base = working_directory.joinpath(*fixed) if fixed else working_directory
    if pattern.startswith("/"):
        base = Path("/", *fixed[1:])
    if not is_inside(node, base):
        return
    if not parts:
        if base.is_file():
            yield base, base.name
        return
    matcher = re.compile(_regex(parts))
    for folder, _, names in os.walk(base):
        for name in sorted(names):
            file = Path(folder, name)
            relative = file.relative_to(base).as_posix()
            if matcher.fullmatch(relative) and file.is_file() and is_inside(node, file):
                yield file, relative


def _regex(parts: list[str]) -> str:
    out = ""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            out += r"(?:(?!\.)[^/]+/)*" + (r"(?!\.)[^/]+" if last else "")
        else:
            out += _segment(part) + ("" if last else "/")
    return out


def _segment(part: str) -> str:
    out = "" if part.startswith(".") else r"(?!\.)"
    index = 0
    while index < len(part):
        char = part[index]
        end = part.find("]", index + 2) if char == "[" else -1
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif end > 0:
            inside = part[index + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out += "[" + ("^" + inside[1:] if inside.startswith("!") else inside) + "]"
            index = end
        else:
            out += re.escape(char)
        index += 1
    return out
