"""Which options of ``docker create`` Batch takes in a task's ``containerRunOptions``.

Batch documents no list. That it has one is known from what it answers to ``--gpus`` (epi2me-labs/wf-basecalling, issue
6), an option of Docker 19.03. So this list has the options that ``docker create`` had before, but ``--runtime``. Seen
in public use are ``--network``, ``--rm``, ``--shm-size``, ``--user``, ``--entrypoint``, ``--workdir``, ``-v``, ``-e``
and ``--privileged``; the others are guessed.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.execution.base import Failure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["run_options_failure", "unknown_options"]

_FLAGS = """
--disable-content-trust --init --interactive --no-healthcheck --oom-kill-disable --privileged --publish-all --read-only
--rm --tty -P -i -t
"""
_WITH_VALUES = """
--add-host --attach --blkio-weight --blkio-weight-device --cap-add --cap-drop --cgroup-parent --cpu-period --cpu-quota
--cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus --cpuset-cpus --cpuset-mems --device --device-cgroup-rule
--device-read-bps --device-read-iops --device-write-bps --device-write-iops --dns --dns-option --dns-search --entrypoint
--env --env-file --expose --group-add --health-cmd --health-interval --health-retries --health-start-period
--health-timeout --hostname --ip --ip6 --ipc --isolation --kernel-memory --label --label-file --link --link-local-ip
--log-driver --log-opt --mac-address --memory --memory-reservation --memory-swap --memory-swappiness --mount --net
--network --network-alias --oom-score-adj --pid --pids-limit --publish --restart --security-opt --shm-size --stop-signal
--stop-timeout --storage-opt --sysctl --tmpfs --ulimit --user --userns --uts --volume --volume-driver --volumes-from
--workdir -a -c -e -h -l -m -p -u -v -w
"""
_WITH_VALUE = frozenset(_WITH_VALUES.split())
_KNOWN = _WITH_VALUE.union(_FLAGS.split())


def unknown_options(text: str, refused: Collection[str] = ()) -> list[str]:
    """Return the options that Batch does not take, in their order.

    :param refused: further options that it does not take.
    """
    return [name for name in _option_names(text) if name not in _KNOWN or name in refused]


def run_options_failure(text: str, refused: Collection[str] = ()) -> Failure | None:
    """Return how a task with these options fails before it runs; None where it does not.

    :param refused: further options that Batch does not take.
    """
    unknown = unknown_options(text, refused)
    if not unknown:
        return None
    reason = f"Some supplied docker options are not recognized or are unsupported: {', '.join(unknown)}"
    return Failure(
        code="ContainerInvalidSettings",
        message="At least one value of specified task container settings is invalid",
        details=(("ContainerSettings", text), ("Message", reason)),
    )


def _option_names(text: str) -> Iterator[str]:
    """Return the names of the options, without their values; one that nobody knows may have a value, too."""
    try:
        words = iter(shlex.split(text))
    except ValueError:  # a quote without its end
        yield text
        return
    for word in words:
        if not word.startswith("-"):
            continue
        name, equals, _ = word.partition("=")
        if not word.startswith("--") and len(word) > 2 and word[:2] in _WITH_VALUE:
            name, equals = word[:2], "="  # -v/a:/b
        yield name
        if name in _WITH_VALUE and not equals:
            next(words, None)
