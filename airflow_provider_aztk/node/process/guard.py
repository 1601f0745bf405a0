"""Stand between a wrapper and its child, so that no process outlives its wrapper, however either of them ends.

Run as ``python3 -I -S -c <this source> STATUS_FD PRIVATE_DIR COMMAND...`` as the leader of a session of its own.

* stdin is the lifeline: its other end is held by the wrapper alone, so end of file means that the wrapper has ended.
* The child's status is written to STATUS_FD as text: its exit code, or 128 + the number of the signal that killed it.
* At the end, or when the lifeline breaks, all that is left in the process group is killed, this guard included.
  If the lifeline broke, the files in PRIVATE_DIR (secrets, if it is not empty) are removed first.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1


def _die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies (Linux; elsewhere the process group has to do)."""
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(137)


def _become(command: list[str], parent: int) -> None:
    """Turn this process into the child; never returns."""
    _die_with_parent(parent)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"aztk: cannot run {command[0]}: {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _watch_lifeline(private_dir: str) -> None:
    while os.read(0, 1):
        pass
    if private_dir:
        shutil.rmtree(private_dir, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def _ignore(_signum: int, _frame: object) -> None:
    """Leave signals to the child: the wrapper sends them to the whole group."""


def main(argv: list[str]) -> None:
    """Run the command, report its status, and kill what is left of its process group."""
    status_fd, private_dir, command = int(argv[0]), argv[1], argv[2:]
    os.set_inheritable(status_fd, False)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _become(command, parent)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, _ignore)
    threading.Thread(target=_watch_lifeline, args=(private_dir,), daemon=True).start()
    status = os.waitpid(child, 0)[1]
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    os.write(status_fd, str(code).encode())
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
