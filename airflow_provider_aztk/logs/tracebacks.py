"""Parse the tracebacks of Python and the JVM in a Spark driver's log; they may be nested."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Report", "first_line", "is_frame", "is_log_line", "last_logged_error", "reports"]

_TRACEBACK = "Traceback (most recent call last):"
_CAUSED = "Caused by: "
_HANDLING = "During handling of the above exception, another exception occurred:"
_FROM = "The above exception was the direct cause of the following exception:"
_CHAINED = (_HANDLING, _FROM)
# Python's lines before the traceback of an error that does not end the program.
_ASIDE = re.compile(r"Exception ignored |Error in atexit\._run_exitfuncs|--- Logging error ---")
# The head of a log line: Spark's default patterns and structured logging.
_LOG_LINE = re.compile(
    r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d (?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL) |\d{4}-\d\d-\d\d[ T]\d\d:\d\d|\{\"ts\":"
)
_LOGGED_ERROR = re.compile(r"\S+ \S+ (?:ERROR|FATAL) (.+)")
_JAVA_FRAME = re.compile(r"\s+at [^\s(]+\(.*\)|\s+\.\.\. \d+ (?:more|common)|\s+\[CIRCULAR")
_JAVA_PLACE = re.compile(r"\s+at (?:[\w.@-]*/)?([\w.$]+)\.([\w$<>]+)\(([^)]*)\)")
_PYTHON_FRAME = re.compile(r'\s+File "(.+?)", line (\d+)(?:, in (.+))?')
_NOT_THE_USERS = re.compile(r"/(?:site|dist)-packages/|pyspark\.zip|/pyspark/|py4j|/lib/python\d|<frozen|<string>|^<")
_NOT_THE_USERS_JAVA = re.compile(r"(?:java|javax|jdk|sun|com\.sun|scala|org\.apache|py4j|io\.netty|com\.fasterxml)\.")
_JAVA_HEAD = re.compile(r'Exception in thread "[^"]*" (.+)')
# Errors of spark-submit, the JVM and Python before the program starts.
_NO_START = re.compile(
    r"Error: (?:Failed to load class|Missing application|No main class|Cannot load main|Could not find or load|"
    r"Unrecognized|A JNI|Application jar|Master must).*|Error occurred during initialization of VM|"
    r"Invalid (?:maximum|initial) heap size.*|\S{0,256}?python\S{0,32}: can't open file .*"
)
_SYNTAX = re.compile(r"(?:SyntaxError|IndentationError|TabError): ")
_STAGE_FAILURE = re.compile(
    r"(?:[\w.]+: )?Job aborted due to stage failure: .*?most recent failure: Lost task .*?\): (.+)", re.S
)
_SHOWN_BELOW = "see the stack trace below"
_WRAPPERS = re.compile(r"[\w.]*(?:Py4JJavaError|Py4JError|SparkException|PythonException)\b")
_PLAN = re.compile(r"['+:]|\s+[+:]- |== ")
_ENDED = re.compile(r"Caused by: [\w.]+\.(?:EOFException|ClosedChannelException|InterruptedException)(?:: null)?")
_NO_MESSAGE = (_CAUSED, "\tSuppressed: ", "Driver stacktrace", "JVM stacktrace")
_MORE_LINES = 3


@dataclass(frozen=True)
class Report:
    """One reported failure: a chain of tracebacks.

    :param error: class and message of the root cause.
    :param outer: class and message of the last exception of the chain; empty where it adds nothing.
    :param where: the place in the user's program, or an empty text.
    :param start: index of the first line.
    :param end: index after the last line.
    :param is_python: whether Python reported it; the program may have handled it and continued.
    :param goes_on: whether other text follows, which may be output of the program.
    """

    error: str
    outer: str
    where: str
    start: int
    end: int
    is_python: bool = False
    goes_on: bool = False


def is_log_line(line: str) -> bool:
    """Return whether a line begins a log message of Spark."""
    return bool(_LOG_LINE.match(line))


def is_frame(line: str) -> bool:
    """Return whether a line is a frame of a Java stack trace."""
    return bool(_JAVA_FRAME.match(line))


def first_line(text: str) -> str:
    """Return the first line of a text; empty for an empty one."""
    return (text.splitlines() or [""])[0]


def last_logged_error(lines: Sequence[str]) -> str:
    """Return the last message that Spark logged as an error, or an empty text."""
    found = (_LOGGED_ERROR.match(line) for line in reversed(lines) if is_log_line(line))
    return next((match.group(1) for match in found if match), "")


def reports(lines: Sequence[str]) -> list[Report]:
    """Return the failures that the program reported, in order, without the failures of tasks that Spark logs."""
    starts = [index for index in range(len(lines)) if _starts(lines, index)]
    found: list[Report] = []
    asides: list[Report] = []
    for index, start in enumerate(starts):
        limit = starts[index + 1] if index + 1 < len(starts) else len(lines)
        report = _report(lines, start, limit)
        if report is not None:
            (asides if _ASIDE.match(_before(lines, start)) else found).append(report)
    return found or asides


def _starts(lines: Sequence[str], index: int) -> bool:
    line = lines[index]
    if line == _TRACEBACK:
        before = _before(lines, index)
        return before not in _CHAINED and _SHOWN_BELOW not in before
    if _PYTHON_FRAME.match(line):
        return index == 0 or _is_syntax_error(lines, index)
    return bool(_JAVA_HEAD.match(line) or _NO_START.match(line))


def _before(lines: Sequence[str], index: int) -> str:
    return next((lines[i] for i in range(index - 1, -1, -1) if lines[i].strip()), "")


def _is_syntax_error(lines: Sequence[str], index: int) -> bool:
    """Return whether a frame begins the report of a syntax error, which has no traceback head."""
    if lines[index - 1].startswith(" ") or _TRACEBACK in lines[index - 1]:
        return False
    end = index + 1
    while end < len(lines) and lines[end].startswith(" "):
        end += 1
    return end < len(lines) and bool(_SYNTAX.match(lines[end]))


def _report(lines: Sequence[str], start: int, limit: int) -> Report | None:
    end = _end(lines, start, limit)
    group = [line for line in lines[start:end] if not is_log_line(line)]
    head = _JAVA_HEAD.match(group[0])
    if head or _NO_START.match(group[0]):
        at = _last_caused(group)
        error = _error_text(group, at) if at else _message(group, 0, head.group(1) if head else group[0])
        outer = first_line(_message(group, 0, head.group(1))) if head and at else ""
        return Report(_plain(error), "" if _WRAPPERS.match(outer) else outer, _java_where(group, at), start, end)
    chain = _chain(group, [i for i, line in enumerate(group) if _TRACEBACK in line] or [0])
    if not chain:
        return None
    return _python_report(group, chain, start, end)


def _end(lines: Sequence[str], start: int, limit: int) -> int:
    """Return the index after a report: the first log line after its error."""
    seen = not lines[start].startswith((" ", _TRACEBACK))
    for index in range(start + 1, limit):
        line = lines[index]
        if is_log_line(line) and seen:
            return index
        seen = seen or not (line.startswith((" ", "\t")) or is_log_line(line) or not line.strip())
    return limit


@dataclass(frozen=True)
class _Block:
    """One Python traceback: the indexes of its head and error line, and the text that links it to the one before."""

    head: int
    error: int
    nested: bool
    link: str


def _chain(group: Sequence[str], heads: Sequence[int]) -> list[_Block]:
    found: list[_Block] = []
    for head in heads:
        error = next(
            (i for i in range(head + 1, len(group)) if not group[i].startswith(" ") and group[i].strip()), None
        )
        if error is None:
            continue
        before = _before(group, head)
        link = before if before in _CHAINED else ""
        starts_nested = group[head].index(_TRACEBACK) > 0 if _TRACEBACK in group[head] else False
        starts_nested = starts_nested or _SHOWN_BELOW in before
        # After an executor's error there are Java frames before the driver's own chain continues.
        between = group[found[-1].error : head] if found else []
        nested = starts_nested or (bool(link and found and found[-1].nested) and not any(map(is_frame, between)))
        found.append(_Block(head, error, nested, link))
    return found


def _python_report(group: Sequence[str], chain: Sequence[_Block], start: int, end: int) -> Report:
    own = [block for block in chain if not block.nested]
    top = _root(own) if own else chain[0]
    nested = _last_nested(chain)
    caused = _last_caused(group)
    where = _python_where(group, top.head, top.error)
    if nested is not None:
        error = _message(group, nested.error, group[nested.error])
        inner = _python_where(group, nested.head, nested.error)
        where = f"{inner}, called at {where}" if inner and where and inner != where else inner or where
    elif caused:
        error = _error_text(group, caused)
        where = _java_where(group, caused) or where
    else:
        error = _error_text(group, top.error)
    last = own[-1] if own else chain[-1]
    outer = first_line(_message(group, last.error, group[last.error]))
    behind = [line for line in group[last.error + 1 :] if line.strip() and not is_frame(line)]
    goes_on = bool(behind) and not _WRAPPERS.match(group[last.error])
    outer = "" if _WRAPPERS.match(outer) or outer == first_line(error) else outer
    return Report(_plain(error), outer, where, start, end, is_python=True, goes_on=goes_on)


def _root(chain: Sequence[_Block]) -> _Block:
    """Return the first traceback of the chain of causes; an exception that was only being handled is not a cause."""
    root = chain[0]
    for block in chain[1:]:
        root = root if block.link == _FROM else block
    return root


def _last_nested(chain: Sequence[_Block]) -> _Block | None:
    run: list[_Block] = []
    for block in chain:
        if block.nested:
            run = [*run, block] if block.link else [block]
    return _root(run) if run else None


def _last_caused(group: Sequence[str]) -> int:
    """Return the index of the last informative ``Caused by`` line, or 0; a closed connection is not informative."""
    caused = [index for index, line in enumerate(group) if line.startswith(_CAUSED)]
    return max((index for index in caused if not _ENDED.fullmatch(group[index].rstrip())), default=0)


def _error_text(group: Sequence[str], index: int) -> str:
    """Return class and message of an error; for a Py4JJavaError those of the JVM's exception, which follow it."""
    line = group[index].removeprefix(_CAUSED)
    if "Py4JJavaError" in line and index + 1 < len(group) and group[index + 1].startswith(": "):
        return _message(group, index + 1, group[index + 1][2:])
    return _message(group, index, line)


def _message(group: Sequence[str], index: int, first: str) -> str:
    """Return the lines of an error's message, ``_MORE_LINES`` after the first at most."""
    found = [first.rstrip()]
    for line in group[index + 1 :]:
        ends = not line.strip() or is_frame(line) or line.startswith(_NO_MESSAGE)
        if ends or line in _CHAINED or _TRACEBACK in line or _PLAN.match(line) or len(found) > _MORE_LINES:
            break
        found.append(line.rstrip())
    return "\n".join(found)


def _plain(error: str) -> str:
    """Return an error without the text of Spark that only reports a failed stage."""
    failed = _STAGE_FAILURE.match(error)
    return failed.group(1) if failed else error


def _python_where(group: Sequence[str], begin: int, end: int) -> str:
    frames = [match for line in group[begin:end] if (match := _PYTHON_FRAME.match(line))]
    own = [frame for frame in frames if not _NOT_THE_USERS.search(frame.group(1))]
    if not own:
        return ""
    path, line, function = own[-1].groups()
    return f"{path.rpartition('/')[2]}, line {line}" + (f", in {function}" if function else "")


def _java_where(group: Sequence[str], begin: int) -> str:
    for line in group[begin:]:
        match = _JAVA_PLACE.match(line)
        suppressed = line.startswith("\t\t")
        if match and not suppressed and not _NOT_THE_USERS_JAVA.match(match.group(1)):
            return f"{match.group(1)}.{match.group(2)}({match.group(3)})"
    return ""
