"""Text to data: the one reading of YAML and JSON that the client and the operators share.

What stands in a file is taken as it is written: ``022``, ``1.10``, ``12:30``, ``NO`` and ``1_000`` are texts, and the
model that they are for reads its numbers, switches and durations out of them. Only a blank is None, or ``null`` and
``~`` where a field of a model stands. An error names the place and the field, and never the text: it may be a key.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_ENDINGS = (".yaml", ".yml", ".json")
#: Keys whose mappings hold nothing but names and texts.
TEXT_MAPS = frozenset({"conf", "env", "secret_conf", "secret_env", "metadata"})
# Lists of texts in which a word such as ~ stands for itself: a missing argument would move the others.
_TEXT_LISTS = frozenset({"application_args"})
#: Switches, in which YAML's own words (yes, no, on, off) count as long as they are not quoted.
SWITCHES = frozenset({"gpu_enabled", "worker_on_master", "hadoop_azure", "wait"})
_TRUE = frozenset({"yes", "true", "on"})
_TAG = "tag:yaml.org,2002:"
_SCALARS = frozenset(_TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge"))
_MERGE = _TAG + "merge"
_COLLECTIONS = frozenset(_TAG + kind for kind in ("map", "seq"))
_MAX_VALUES = 200_000  # of one document; aliases of aliases can name billions
_MAX_DEPTH = 64


def is_path(text: str) -> bool:
    """Return whether a text is meant as the path of a file, and not as YAML: it exists, or looks like one."""
    text = text.strip()
    if not text or len(text.splitlines()) != 1:
        return False
    if _exists(text):
        return True
    if text.lower().endswith(FILE_ENDINGS):
        return not text.startswith(("{", "["))
    return not (": " in text or text.endswith(":") or text[0] in "{[#-&!|>\"'")


def _exists(text: str) -> bool:
    try:
        return Path(text).expanduser().exists()
    except (RuntimeError, ValueError, OSError):
        return False


def text_of(path: Path, subject: str) -> str:
    """Return the text of a YAML or JSON file.

    :raises InvalidConfigurationError: for what is no file, cannot be read, or is no text.
    """
    try:
        data = path.expanduser().read_bytes()
    except (RuntimeError, ValueError, OSError) as error:
        shown = repr(str(path)) if str(path).lower().endswith(FILE_ENDINGS) or "Secrets" not in subject else "'***'"
        why = "no such file" if not _exists(str(path)) else f"it cannot be read ({getattr(error, 'strerror', error)})"
        fault = FieldError("(file)", shown, f"{why}: give the path of an existing YAML file")
        raise InvalidConfigurationError(subject, [fault]) from None
    try:
        return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise InvalidConfigurationError(
        subject, [FieldError("(file)", "not YAML", "it is no UTF-8 text: save it as UTF-8")]
    )


def parse(text: str, subject: str) -> Any:
    """Return what stands in YAML or JSON text.

    :param text: YAML or JSON.
    :param subject: what it is, for the error.
    :raises InvalidConfigurationError: with every fault, its place and field, and without what stands there.
    """
    data, faults = _read(text)
    if faults:
        raise InvalidConfigurationError(subject, faults)
    return data


def readings(text: str) -> list[Any]:
    """Return what may stand in a text that is not rendered yet: a name that is given twice makes two readings."""
    found = [_read(text, first_wins=first)[0] for first in (False, True)]
    return found[:1] if found[0] == found[1] else found


def _read(text: str, *, first_wins: bool = False) -> tuple[Any, list[FieldError]]:
    text = text.removeprefix("\ufeff")
    builder = _Builder(first_wins)
    try:
        if text.lstrip()[:1] in ("{", "["):
            try:
                return builder.finish(_json(text))
            except ValueError:
                pass  # YAML has braces, too
        return builder.finish(_yaml(text))
    except RecursionError:
        return None, [FieldError("(file)", "not YAML", "it is nested too deeply")]
    except _BrokenError as error:
        return None, [error.fault]


class _BrokenError(Exception):
    """The text is not YAML."""

    def __init__(self, fault: FieldError) -> None:
        self.fault = fault


@dataclass(frozen=True)
class _Text:
    """A scalar as it is written.

    :param plain: without quotes.
    """

    text: str
    plain: bool = False
    blank: bool = False


@dataclass(frozen=True)
class _Pairs:
    """A mapping with all of its names, also those that are given twice; and those of YAML's ``<<``."""

    pairs: list[tuple[Any, Any, str]]
    merged: list[tuple[Any, Any, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Refused:
    """What no configuration holds."""

    where: str
    fix: str


def _json(text: str) -> Any:
    def pairs(found: list[tuple[str, Any]]) -> _Pairs:
        return _Pairs([(name, value, "") for name, value in found])

    return json.loads(text, parse_int=_Text, parse_float=_Text, parse_constant=_Text, object_pairs_hook=pairs)


def _yaml(text: str) -> Any:
    import yaml

    broken: FieldError | None = None
    node = None
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        broken = FieldError("(file)", "not YAML", _what_is_broken(error, text))
    if broken:  # raised out here, so that it does not bring the parser's error along, which quotes the text
        raise _BrokenError(broken)
    return node


def _what_is_broken(error: Any, text: str) -> str:
    """Return where and what, without what stands there: it may be a key."""
    mark = getattr(error, "problem_mark", None)
    position = getattr(error, "position", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    if mark is None and isinstance(position, int):
        where = f"line {text.count(chr(10), 0, position) + 1}: "
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML")
    if "'\\t'" in problem:
        return where + "there is a tab: indent with blanks"
    if "found another document" in problem:
        return where + "here begins another document: give one document"
    if "undefined alias" in problem:
        return where + "it names an anchor that is not there: put a text that begins with * in quotes"
    return where + re.sub(r"(['\"]).*\1", "'...'", problem, flags=re.S)


class _Builder:
    """Turns what was parsed into dicts, lists, texts and None."""

    def __init__(self, first_wins: bool) -> None:
        self._first_wins = first_wins
        self._faults: list[FieldError] = []
        self._values = 0

    def finish(self, parsed: Any) -> tuple[Any, list[FieldError]]:
        """Return the data and what is wrong with it."""
        return self._data(parsed, "", "", 0), self._faults

    def _data(self, value: Any, path: str, key: str, depth: int) -> Any:
        self._values += 1
        if depth > _MAX_DEPTH or self._values > _MAX_VALUES:
            raise _BrokenError(FieldError(path or "(file)", "(given)", "it is nested too deeply, or too large"))
        value = _node(value)
        if isinstance(value, _Pairs):
            return self._mapping(value, path, key, depth)
        if isinstance(value, list):
            items = [_node(item) for item in value]
            kept = [item for item in items if not (isinstance(item, _Text) and item.blank)]
            return [self._data(item, f"{path}[{index}]", key, depth + 1) for index, item in enumerate(kept)]
        if isinstance(value, _Refused):
            self._faults.append(FieldError(path or "(file)", value.where, value.fix))
            return None
        if isinstance(value, _Text):
            return _scalar(value, key)
        return str(value).lower() if isinstance(value, bool) and key not in SWITCHES else value

    def _mapping(self, value: _Pairs, path: str, key: str, depth: int) -> dict[str, Any]:
        texts = key in TEXT_MAPS
        result: dict[str, Any] = {}
        for name, item, where in value.pairs:
            if not isinstance(name, str):
                self._faults.append(FieldError(path or "(file)", where, "a name of a field must be a text"))
                continue
            below = f"{path}.{name}" if path else name
            if name in result:
                self._faults.append(FieldError(below, where or "(given)", "it is given twice: keep one"))
                if self._first_wins:
                    continue
            found = _node(item)
            if texts and isinstance(found, _Text) and found.blank:
                continue
            result[name] = self._data(found, below, "(text)" if texts else name, depth + 1)
        for name, item, _ in value.merged:
            if isinstance(name, str) and name not in result:
                result[name] = self._data(item, f"{path}.{name}" if path else name, name, depth + 1)
        return result


def _scalar(value: _Text, key: str) -> Any:
    if value.blank:
        return None
    lower = value.text.lower()
    if value.plain and key in SWITCHES and lower in {*_TRUE, "no", "false", "off"}:
        return lower in _TRUE
    if value.plain and key not in _TEXT_LISTS and key != "(text)" and value.text in ("~", "null", "Null", "NULL"):
        return None
    return value.text


def _node(node: Any) -> Any:
    """Return a node of YAML's in our own words; anything else stays as it is."""
    mark = getattr(node, "start_mark", None)
    if mark is None:
        return node
    where = f"line {mark.line + 1}"
    if node.id == "scalar":
        if node.tag not in _SCALARS:
            return _Refused(where, "take the tag out (a word that begins with !), or put the text in quotes")
        plain = node.style is None
        return _Text(node.value, plain=plain, blank=plain and node.value == "")
    if node.tag not in _COLLECTIONS:
        return _Refused(where, "take the tag out (a word that begins with !)")
    return list(node.value) if node.id == "sequence" else _pairs(node)


def _pairs(node: Any) -> _Pairs:
    own: list[tuple[Any, Any, str]] = []
    merged: list[tuple[Any, Any, str]] = []
    for name, value in node.value:
        where = f"line {name.start_mark.line + 1}"
        if name.tag == _MERGE:
            merged.extend(_merged(value, {id(node)}))
        else:
            own.append((name.value if name.id == "scalar" else None, value, where))
    return _Pairs(own, merged)


def _merged(node: Any, seen: set[int]) -> Iterator[tuple[Any, Any, str]]:
    """Yield what ``<<`` brings: the pairs of one mapping, or of several, the first before the others."""
    for one in node.value if node.id == "sequence" else [node]:
        where = f"line {one.start_mark.line + 1}"
        if one.id != "mapping":
            raise _BrokenError(FieldError("(file)", where, "<< takes a mapping, or a list of mappings"))
        if id(one) in seen:  # it has brought its names already
            continue
        seen.add(id(one))
        deeper = [value for name, value in one.value if name.tag == _MERGE]
        for name, value in one.value:
            if name.tag != _MERGE:
                yield name.value if name.id == "scalar" else None, value, where
        for value in deeper:
            yield from _merged(value, seen)
