"""Read the user's text files as a shell, Java and pip on Linux take them, wherever they were written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_UTF8_BOM = b"\xef\xbb\xbf"
# UTF-16 with its byte order mark (UTF-32's begins with the same), and "#!" in UTF-16 without one.
_UTF16_BEGINNINGS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff", b"#\x00!\x00", b"\x00#\x00!")
# Control characters that no text holds; a line break, a tab, a bell, an escape sequence do occur.
_BINARY = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")
_LINE_END = re.compile(rb"\r+\n")
_SAVE_AS_UTF8 = "save it as UTF-8, e.g. with iconv -f UTF-16 -t UTF-8"
#: A folder of scripts is held in memory while it is uploaded; data belongs into an image or a storage account.
MAX_FOLDER_FILES = 500
MAX_FOLDER_BYTES = 64 * 1024 * 1024


class TextFileError(ValueError):
    """A file that no node could use; the text says what to do."""


def is_utf16(head: bytes) -> bool:
    """Return whether a file begins as UTF-16 (or UTF-32) text does."""
    return head.startswith(_UTF16_BEGINNINGS)


def normalized(data: bytes) -> bytes:
    """Return a text with Linux line ends and without a byte order mark; what is no text is returned as it is.

    AZTK did the same to scripts and Spark's files. Bytes are kept, so a text in another encoding stays what it was.
    """
    if data.startswith(_UTF8_BOM):
        data = data[len(_UTF8_BOM) :]
    data = _LINE_END.sub(b"\n", data)
    return data if b"\n" in data else data.replace(b"\r", b"\n")  # the line ends of an old Macintosh


def read_text(path: Path) -> bytes:
    """Read a file that must be text.

    :raises TextFileError: it is UTF-16, or no text at all.
    :raises OSError: it cannot be read.
    """
    data = path.read_bytes()
    if is_utf16(data):
        raise TextFileError(f"it is UTF-16, which neither Spark nor a shell reads: {_SAVE_AS_UTF8}")
    if b"\0" in data:
        raise TextFileError("it has NUL bytes, so it is no text file: give a text file in UTF-8")
    return normalized(data)


def read_script(path: Path) -> bytes:
    """Read a script; a program in machine code, or a script with an archive behind it, is returned as it is.

    :raises TextFileError: it is UTF-16.
    :raises OSError: it cannot be read.
    """
    data = path.read_bytes()
    if is_utf16(data):
        raise TextFileError(f"it is UTF-16, which no shell reads: {_SAVE_AS_UTF8}")
    return data if _is_binary(data) else normalized(data)


def folder_files(folder: Path) -> list[Path]:
    """Return all files of a folder, in the order of their paths.

    :raises TextFileError: there are too many, or they are too large.
    :raises OSError: it cannot be read.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in found)
    if len(found) > MAX_FOLDER_FILES or size > MAX_FOLDER_BYTES:
        raise TextFileError(
            f"its {len(found)} files have {size} bytes; {MAX_FOLDER_FILES} files and {MAX_FOLDER_BYTES} bytes are the "
            "most: give a folder of scripts alone, and have them fetch the rest"
        )
    return found


def entry_script(folder: Path) -> Path | None:
    """Return the script that a folder is run by: the first one, by name, that stands in it; None without any.

    A script is what begins with ``#!`` or is named ``*.sh``.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return next((path for path in files if _is_script(path)), None)


def _is_script(path: Path) -> bool:
    if path.suffix == ".sh":
        return True
    with path.open("rb") as stream:
        return stream.read(len(_UTF8_BOM) + 2).removeprefix(_UTF8_BOM).startswith(b"#!")


def _is_binary(data: bytes) -> bool:
    if b"\0" in data:
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return bool(_BINARY.search(data))
    return False
