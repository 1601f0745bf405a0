"""Write and read the properties files of Spark, which are those of ``java.util.Properties`` in UTF-8."""

from __future__ import annotations

import re
from typing import Dict, Iterator, Mapping

__all__ = ["dump", "merge_lists", "parse"]

ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
UNESCAPED = {value: "\\" + key for key, value in ESCAPES.items()}
# Spaces around "=" or ":" belong to neither side; a lone space separates as well.
KEY = re.compile(r"((?:\\.|[^\\ \t\f:=])*)[ \t\f]*[:=]?[ \t\f]*", re.DOTALL)
ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
CONTINUED = re.compile(r"(?<!\\)(?:\\\\)*\\$")


def dump(values: Mapping[str, str]) -> str:
    """Write properties so that Java reads exactly these; Spark itself trims spaces off the values' ends."""
    return "".join(f"{_escape(key, ' :=#!')}={_escape_value(values[key])}\n" for key in sorted(values))


def parse(text: str) -> Dict[str, str]:
    """Read properties as Spark does: the last one of a name wins, values without spaces at their ends."""
    found = {}
    for line in _logical_lines(text):
        match = KEY.match(line)
        assert match is not None
        found[_unescape(match.group(1))] = _unescape(line[match.end() :]).strip(" \t\f")
    return found


def merge_lists(*lists: str) -> str:
    """Join comma-separated lists, each entry once, in order."""
    entries = [entry.strip() for text in lists for entry in text.split(",")]
    return ",".join(dict.fromkeys(entry for entry in entries if entry))


def _logical_lines(text: str) -> Iterator[str]:
    pending = ""
    continued = False
    for natural in re.split(r"\r\n|\n|\r", text):
        line = natural.lstrip(" \t\f")
        if not continued and (not line or line[0] in "#!"):
            continue
        if CONTINUED.search(line):
            pending += line[:-1]
            continued = True
            continue
        yield pending + line
        pending = ""
        continued = False
    if continued and pending:
        yield pending


def _escape(text: str, special: str) -> str:
    return "".join(_escape_one(char, special) for char in text)


def _escape_one(char: str, special: str) -> str:
    if char == "\\" or char in special:
        return "\\" + char
    if char in UNESCAPED:
        return UNESCAPED[char]
    if " " <= char <= "~":
        return char
    utf16 = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{utf16[i]:02x}{utf16[i + 1]:02x}" for i in range(0, len(utf16), 2))


def _escape_value(text: str) -> str:
    stripped = text.lstrip(" ")
    return "\\ " * (len(text) - len(stripped)) + _escape(stripped, "")


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match.group(1)
        return chr(int(code[1:], 16)) if len(code) == 5 else ESCAPES.get(code, code)

    plain = ESCAPED.sub(one, text)
    return plain.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
