"""Find in a driver's log why its program failed: the root cause, where it happened, and the lines that show it.

The log of a failed Spark program ends with Spark's shutdown; what Python or Java said stands before it, often with
frames of the JVM behind it. What is read here is what Python (docs.python.org/3/library/traceback.html), the JVM,
Spark's log4j patterns and spark-submit print. Pure functions on lines: they find nothing rather than something wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aztk.logs import tracebacks
from airflow_provider_aztk.logs.tracebacks import Report, is_frame, is_log_line, reports

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Cause", "evidence", "find_cause"]

_WIDTH = 500
_OWN = "aztk: "
_UNCAUGHT_PYTHON = 1  # the exit code of a Python program that an exception ends
_ATTEMPT = re.compile(r"--- aztk: attempt \d+ on node .* ---\Z")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")
_GROUP = re.compile(r"  +[+|] Exception Group (?=Traceback)")
_MARGIN = re.compile(r"  +(?:\|(?: |\Z)|\+(?:-\+)?-{4}.*)")
# Python's side of a JVM that is gone: it tells nothing of why.
_JVM_GONE = re.compile(
    r"Py4JNetworkError|Answer from Java side is empty|ConnectionRefusedError|ConnectionResetError|Py4JJavaError\Z"
)
# Looked for anywhere in lines of any length: a name's beginning is asked for, or each of its letters would be tried.
_FATAL = re.compile(
    r"(?:(?<![\w.$])[\w.$]*(?:OutOfMemoryError|StackOverflowError)\b.*"
    r"|There is insufficient memory for the Java Runtime.*|A fatal error has been detected by the Java Runtime.*)"
)
_STARTED_ANEW = re.compile(r"SparkContext: (?:Starting job|Running Spark version)|DAGScheduler: Got job")
# What Spark says of itself without a log line's head.
_NOISE = re.compile(
    r"WARNING: |Using Spark's default log4j|Setting default log level|To adjust logging level|aztk: |:: "
)
_SHUTDOWN = re.compile(r"(?:INFO|DEBUG|TRACE) ")
_HINTS = (
    (re.compile(r"exited with code 137|exit code 137\b"), "137 means killed, mostly as the node had no memory left"),
    (re.compile(r"exited with code 52\b"), "52 means out of Java heap: raise executor_memory"),
    (re.compile(r"OutOfMemoryError"), "raise driver_memory where it was the driver, else executor_memory"),
    (re.compile(r"UNABLE_TO_ACQUIRE_MEMORY"), "raise executor_memory, or use more partitions"),
    (re.compile(r"ClassNotFoundException|NoClassDefFoundError|Failed to load class|DATA_SOURCE_NOT_FOUND"),
     "bring its jar with jars or packages"),
    (re.compile(r"\bModuleNotFoundError\b"), "bring it with requirements or py_files"),
    (re.compile(r"INVALID_DRIVER_MEMORY"), "raise driver_memory"),
)  # fmt: skip


@dataclass(frozen=True)
class Cause:
    """Why a program failed.

    :param error: the root cause in its own words, e.g. ``ValueError: bad record``; may have several lines.
    :param where: the place in the user's program, or nothing.
    :param notes: what else is known of it, a sentence each.
    :param is_guess: whether it is only what the program printed last, without any report of an error.
    """

    error: str
    where: str = ""
    notes: tuple[str, ...] = ()
    is_guess: bool = False

    def lines(self) -> list[str]:
        """Return it as text: the error, then where, then notes."""
        first, *more = self.error.splitlines() or [""]
        found = [first, *more, *([f"at {self.where}"] if self.where else []), *self.notes]
        return [line[:_WIDTH] for line in found]


def find_cause(lines: Sequence[str], exit_code: int | None = None) -> Cause | None:
    """Return why the program failed, or None where its log does not say.

    :param lines: the end of the driver's log, some hundred lines or more.
    :param exit_code: the program's: an exception that nobody caught makes Python end with 1, so with another one the
        program has gone on behind it.
    """
    given = _last_attempt(lines)
    own = _wrappers_word(given)
    if own:
        words = _last_words(given)
        return Cause(own, notes=(words,) if words else (), is_guess=True)
    found = reports(given)
    last = found[-1] if found else None
    if last is None or _JVM_GONE.search(last.error):
        return _cause_without_report(given, exit_code, last)
    if _went_on(given, last, exit_code):
        killed = _killed(exit_code)
        words = killed or _last_words(given[last.end :]) or _last_words(given[last.start :])
        if words:
            return Cause(words, notes=(f"earlier in the log, and handled: {_first_line(last.error)}", *_hints(words)))
    notes = [f"raised as {_first_line(last.outer)}"] if last.outer and last.outer != last.error else []
    return Cause(last.error, last.where, (*notes, *_hints(last.error)))


def evidence(lines: Sequence[str], most: int = 20) -> list[str]:
    """Return the last lines that say something: without frames of Java, and without what Spark says at INFO."""
    given = _last_attempt(lines)
    telling = [line for line in given if line.strip() and not is_frame(line) and not _is_chatter(line)]
    return [line[:_WIDTH] for line in (telling or given)[-most:]]


def _last_attempt(lines: Sequence[str]) -> list[str]:
    plain = _without_margins([_ANSI.sub("", line) for line in lines])
    begin = max((index for index, line in enumerate(plain) if _ATTEMPT.match(line)), default=-1)
    return plain[begin + 1 :]


def _without_margins(lines: list[str]) -> list[str]:
    """Return what Python says of a group of exceptions as if it were of one after the other, the last being a cause."""
    begin = next((index for index, line in enumerate(lines) if _GROUP.match(line)), len(lines))
    return lines[:begin] + [_MARGIN.sub("", _GROUP.sub("", line)) for line in lines[begin:]]


def _is_chatter(line: str) -> bool:
    if is_log_line(line):
        return bool(_SHUTDOWN.search(line[:40]))
    return bool(_NOISE.match(line) and not line.startswith("aztk: "))


def _went_on(lines: Sequence[str], report: Report, exit_code: int | None) -> bool:
    """Return whether the program went on after an error that it reported, and failed for another reason."""
    if not report.is_python:
        return False
    behind = lines[report.end :]
    if any(is_log_line(line) and _STARTED_ANEW.search(line) for line in behind):
        return True
    if exit_code in (None, _UNCAUGHT_PYTHON):
        return False
    if _killed(exit_code):
        return True
    return bool(_last_words(behind)) or report.goes_on


def _killed(exit_code: int | None) -> str:
    """Say that a signal has ended the program, if one has."""
    return f"the program was killed: exit code {exit_code}" if exit_code and 128 < exit_code < 160 else ""


def _wrappers_word(lines: Sequence[str]) -> str:
    """Return what the node's code itself wrote last, where it ended the application and not its program."""
    last = next((line for line in reversed(lines) if line.strip()), "")
    return last.removeprefix(_OWN)[:_WIDTH] if last.startswith(_OWN) else ""


def _last_words(lines: Sequence[str]) -> str:
    """Return what the program itself printed last."""
    for line in reversed(lines):
        if line.strip() and not is_log_line(line) and not is_frame(line) and not _NOISE.match(line):
            return line.strip()[:_WIDTH]
    return ""


def _cause_without_report(lines: Sequence[str], exit_code: int | None, last: Report | None) -> Cause | None:
    for line in reversed(lines):
        fatal = _FATAL.search(line)
        if fatal and not is_frame(line):
            return Cause(fatal.group()[:_WIDTH], last.where if last else "", tuple(_hints(fatal.group())))
    if last is not None:
        return Cause(last.error, last.where, ("the driver's JVM is gone", *_hints(_killed(exit_code))))
    error = tracebacks.last_logged_error(lines)
    words = _last_words(lines)
    if words:
        return Cause(words, notes=tuple([error] if error else _hints(_killed(exit_code))), is_guess=True)
    return Cause(error, notes=tuple(_hints(error))) if error else None


def _hints(text: str) -> list[str]:
    return [hint for pattern, hint in _HINTS if pattern.search(text)]


def _first_line(text: str) -> str:
    return (text.splitlines() or [""])[0]
