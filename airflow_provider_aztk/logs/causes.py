"""Find in a driver's log why the program failed: the root cause, its place in the code, and the lines that show it.

The log of a failed Spark program ends with the messages of Spark's shutdown. The error of Python or Java is before
them, often followed by frames of the JVM. The formats are those of Python (docs.python.org/3/library/traceback.html),
the JVM, Spark's log4j patterns and spark-submit. All functions are pure, and rather return nothing than a wrong cause.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aztk.logs import tracebacks
from airflow_provider_aztk.logs.tracebacks import Report, first_line, is_frame, is_log_line, reports

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Cause", "evidence", "find_cause"]

_WIDTH = 500
_NODE_PREFIX = "aztk: "
_UNCAUGHT_PYTHON = 1  # the exit code of a Python program that an exception ends
_ATTEMPT = re.compile(r"--- aztk: attempt \d+ on node .* ---\Z")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")
_GROUP = re.compile(r"  +[+|] Exception Group (?=Traceback)")
_MARGIN = re.compile(r"  +(?:\|(?: |\Z)|\+(?:-\+)?-{4}.*)")
# Errors of Python after the JVM has ended; they do not show why it ended.
_JVM_GONE = re.compile(
    r"Py4JNetworkError|Answer from Java side is empty|ConnectionRefusedError|ConnectionResetError|Py4JJavaError\Z"
)
# The lookbehind makes the search linear: without it, each letter of a long name would start a match.
_FATAL = re.compile(
    r"(?:(?<![\w.$])[\w.$]*(?:OutOfMemoryError|StackOverflowError)\b.*"
    r"|There is insufficient memory for the Java Runtime.*|A fatal error has been detected by the Java Runtime.*)"
)
_STARTED_ANEW = re.compile(r"SparkContext: (?:Starting job|Running Spark version)|DAGScheduler: Got job")
# Lines of Spark and the JVM that have no head of a log line.
_NOISE = re.compile(
    r"WARNING: |Using Spark's default log4j|Setting default log level|To adjust logging level|aztk: |:: "
)
_BELOW_WARN = re.compile(r"(?:INFO|DEBUG|TRACE) ")
_HINTS = (
    (re.compile(r"exited with code 137|exit code 137\b"), "137 means killed, mostly for lack of memory on the node"),
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

    :param error: class and message of the root cause, e.g. ``ValueError: bad record``; may have several lines.
    :param where: the place in the user's program, or an empty text.
    :param notes: further facts and hints, a sentence each.
    :param is_guess: whether ``error`` is only the last output of the program, because the log has no error report.
    """

    error: str
    where: str = ""
    notes: tuple[str, ...] = ()
    is_guess: bool = False

    def lines(self) -> list[str]:
        """Return the error, the place and the notes as lines of text."""
        first, *more = self.error.splitlines() or [""]
        found = [first, *more, *([f"at {self.where}"] if self.where else []), *self.notes]
        return [line[:_WIDTH] for line in found]


def find_cause(lines: Sequence[str], exit_code: int | None = None) -> Cause | None:
    """Return why the program failed, or None where its log does not show it.

    :param lines: the end of the driver's log, some hundred lines or more.
    :param exit_code: the exit code of the program. Python ends with 1 after an uncaught exception; with another code,
        the program has handled the exception and has continued.
    """
    given = _last_attempt(lines)
    node_error = _node_error(given)
    if node_error:
        output = _last_output(given)
        return Cause(node_error, notes=(output,) if output else (), is_guess=True)
    found = reports(given)
    last = found[-1] if found else None
    if last is None or _JVM_GONE.search(last.error):
        return _cause_without_report(given, exit_code, last)
    if _went_on(given, last, exit_code):
        killed = _killed(exit_code)
        output = killed or _last_output(given[last.end :]) or _last_output(given[last.start :])
        if output:
            return Cause(output, notes=(f"earlier in the log, and handled: {first_line(last.error)}", *_hints(output)))
    notes = [f"raised as {first_line(last.outer)}"] if last.outer and last.outer != last.error else []
    return Cause(last.error, last.where, (*notes, *_hints(last.error)))


def evidence(lines: Sequence[str], most: int = 20) -> list[str]:
    """Return the last ``most`` lines of a log without Java frames and without Spark's messages below WARN."""
    given = _last_attempt(lines)
    relevant = [line for line in given if line.strip() and not is_frame(line) and not _is_noise(line)]
    return [line[:_WIDTH] for line in (relevant or given)[-most:]]


def _last_attempt(lines: Sequence[str]) -> list[str]:
    plain = _without_margins([_ANSI.sub("", line) for line in lines])
    begin = max((index for index, line in enumerate(plain) if _ATTEMPT.match(line)), default=-1)
    return plain[begin + 1 :]


def _without_margins(lines: list[str]) -> list[str]:
    """Return the tracebacks of an exception group as a sequence of plain tracebacks, without margins."""
    begin = next((index for index, line in enumerate(lines) if _GROUP.match(line)), len(lines))
    return lines[:begin] + [_MARGIN.sub("", _GROUP.sub("", line)) for line in lines[begin:]]


def _is_noise(line: str) -> bool:
    if is_log_line(line):
        return bool(_BELOW_WARN.search(line[:40]))
    return bool(_NOISE.match(line) and not line.startswith("aztk: "))


def _went_on(lines: Sequence[str], report: Report, exit_code: int | None) -> bool:
    """Return whether the program continued after the reported error, and failed for another reason."""
    if not report.is_python:
        return False
    behind = lines[report.end :]
    if any(is_log_line(line) and _STARTED_ANEW.search(line) for line in behind):
        return True
    if exit_code in (None, _UNCAUGHT_PYTHON):
        return False
    if _killed(exit_code):
        return True
    return bool(_last_output(behind)) or report.goes_on


def _killed(exit_code: int | None) -> str:
    """Return an error text for an exit code that means a signal (above 128); else an empty text."""
    return f"the program was killed: exit code {exit_code}" if exit_code and 128 < exit_code < 160 else ""


def _node_error(lines: Sequence[str]) -> str:
    """Return the last message of AZTK's code on the node, if that ended the application; else an empty text."""
    last = next((line for line in reversed(lines) if line.strip()), "")
    return last.removeprefix(_NODE_PREFIX)[:_WIDTH] if last.startswith(_NODE_PREFIX) else ""


def _last_output(lines: Sequence[str]) -> str:
    """Return the last line that the program printed."""
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
    output = _last_output(lines)
    if output:
        return Cause(output, notes=tuple([error] if error else _hints(_killed(exit_code))), is_guess=True)
    return Cause(error, notes=tuple(_hints(error))) if error else None


def _hints(text: str) -> list[str]:
    return [hint for pattern, hint in _HINTS if pattern.search(text)]
