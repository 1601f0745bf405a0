"""The command ``verify``: says what it will make, asks, runs, deletes everything, and writes the report."""

from __future__ import annotations

import contextlib
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aztk.client import errors, is_loopback_url
from airflow_provider_aztk.client._clouds import first_cloud
from airflow_provider_aztk.client.models._sizes import DEFAULT_VM_SIZE
from airflow_provider_aztk.verify import sweep
from airflow_provider_aztk.verify.account import Account
from airflow_provider_aztk.verify.answers import Verdict
from airflow_provider_aztk.verify.interrupts import InterruptedRunError, Interrupts
from airflow_provider_aztk.verify.lab import Lab
from airflow_provider_aztk.verify.plan import PREFIX, Plan
from airflow_provider_aztk.verify.redaction import Redactor
from airflow_provider_aztk.verify.report import Report, prepare, write
from airflow_provider_aztk.verify.stages import Run

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from airflow_provider_aztk.client.models import SecretsConfiguration
    from airflow_provider_aztk.verify.sweep import Things

__all__ = ["ABANDONED", "run_command"]

PASSED, FAILED, DIFFERENT, INTERRUPTED = 0, 1, 3, 130
#: As ``--minutes`` allows, and some for the deletion at the end.
LONGEST_RUN = timedelta(minutes=75)
#: No run lives so long: what an earlier one left that began before is nobody's.
ABANDONED = timedelta(hours=2)


def run_command(args: Namespace, read_secrets: Callable[[], SecretsConfiguration]) -> int:
    """Run the command, and return its exit code: 0, 1 for a failure, 3 for differences only, 130 interrupted."""
    try:
        plan = Plan(
            nodes=args.nodes,
            limit=timedelta(minutes=args.minutes),
            patience=timedelta(seconds=args.patience),
            vm_size=args.vm_size,
            image=args.image,
        )
        secrets = read_secrets()
        print("\n".join(announce(plan, secrets)), flush=True)
        if not args.yes and not _confirmed():
            return FAILED
        return verify(plan, secrets, Path(args.output or plan.run))
    except KeyboardInterrupt:  # at the question: nothing was made
        print("verify: interrupted; nothing was made", file=sys.stderr)
        return INTERRUPTED
    except (errors.AztkError, ValueError, OSError) as error:
        print(f"verify: {' '.join(str(error).split())}", file=sys.stderr)
        return FAILED


def announce(plan: Plan, secrets: SecretsConfiguration) -> list[str]:
    """Say what a run will make, for how long, and what it costs."""
    batch, storage = _account_names(secrets)
    size = plan.vm_size or f"{DEFAULT_VM_SIZE} (--vm-size)"
    jobs = "then two jobs of one node each" + (", side by side" if plan.nodes > 1 else ", one after the other")
    return [
        f"This run uses the Batch account {batch!r} and the storage account {storage!r}. It makes there:",
        f"* a cluster of one node that is deleted after 5 seconds, a cluster of {plan.nodes}, {jobs}:",
        f"  {plan.nodes} nodes at once (one more where Azure is slow to delete the first), size {size};",
        "* some jobs without a node, to see what is refused; one blob container for each cluster, of a few MB.",
        f"It takes 15 to {plan.minutes()}. Azure itself ends each job after that (maxWallClockTime), with its pool.",
        f"Cost: at most {plan.nodes + 1} nodes of this size for {plan.minutes()}, with disks and public addresses, "
        "at the prices of your region; a few thousand requests to the storage account.",
        f"Everything has an id that begins with {plan.run}, and is deleted at the end, also after Ctrl-C.",
    ]


def _account_names(secrets: SecretsConfiguration) -> tuple[str, str]:
    account = secrets.shared_key or secrets.service_principal
    return (account.batch_account_name, account.storage_account_name) if account else ("", "")


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        print("verify: there is no terminal to ask on; add --yes to run it", file=sys.stderr)
        return False
    return input("Go on? [y/N] ").strip().lower() in ("y", "yes")


def verify(plan: Plan, secrets: SecretsConfiguration, output: Path) -> int:
    """Perform a run, delete everything that it made, write the report, and return the exit code."""
    prepare(output)
    account = Account.of(secrets)
    try:
        lab = Lab(account=account, plan=plan, say=_say)
        interrupts = Interrupts(lambda: _say("what was made is being deleted; please wait"))
        with interrupts.handled():
            report = _report(lab, interrupts)
            paths = write(report, output, Redactor(secrets))  # an impatient Ctrl-C must not cost all answers
    finally:
        account.close()
    with contextlib.suppress(OSError):
        print("\n".join(_summary(report, paths)), flush=True)
    if report.interrupted:
        return INTERRUPTED
    if report.failed_steps or report.left:
        return FAILED
    return DIFFERENT if report.with_verdict(Verdict.NOT_THE_SAME) else PASSED


def _report(lab: Lab, interrupts: Interrupts) -> Report:
    run = Run(lab)
    earlier: list[str] = []
    interrupted: str | None = None
    left = sweep.Things()
    try:
        try:
            earlier = _earlier(lab)
            run.perform()
        finally:
            interrupts.end()
    except InterruptedRunError as error:
        interrupted = str(error)
        _say(f"{error}: deleting what was made")
    finally:
        left = _delete_all(lab) if lab.ids else left
    run.finish()
    return Report(
        run=run,
        cloud=_cloud(lab.account.secrets),
        sign_in="account keys" if lab.account.secrets.shared_key else "Entra ID",
        interrupted=interrupted,
        earlier=earlier,
        left=left.names(),
    )


def _cloud(secrets: SecretsConfiguration) -> str:
    account = secrets.shared_key or secrets.service_principal
    url = account.batch_service_url if account else None
    if url and is_loopback_url(url):
        return "the local stack"
    return first_cloud(getattr(account, "cloud_environment", None), [url]).name


def _earlier(lab: Lab) -> list[str]:
    """Name what earlier runs have left.

    What is so old that its run cannot be alive is deleted. A pool without its job is so, too, when the time of its run
    is over, since nothing else would end it (github.com/microsoft/CromwellOnAzure/issues/49).
    """
    now = datetime.now(UTC)
    found = sweep.find(lab.account, PREFIX)
    for name in found.names():
        _say(f"an earlier run has left {name}")
    for pool in found.where(lambda begun: begun is not None and now - begun > LONGEST_RUN).orphans():
        _say(f"deleting pool {pool['id']}, whose job is gone")
        lab.account.send("DELETE", f"/pools/{pool['id']}")
    abandoned = found.where(lambda begun: begun is not None and now - begun > ABANDONED)
    if found and not abandoned:
        _say("Azure ends its jobs by their own limit; the first run two hours later deletes what is left then")
    for run in sorted(_runs(abandoned)):
        _say(f"deleting what {run} has left")
        sweep.delete(lab.account, run, patience=_seconds(lab), poll_interval=lab.plan.poll_interval)
    return found.names()


def _runs(things: Things) -> set[str]:
    """Return the ids of the runs that made these."""
    ids = [job["id"] for job in things.jobs] + [sweep.owner_of(pool) for pool in things.pools]
    ids += [name.removeprefix("aztk-") for name in things.containers]
    return {"-".join(str(id).split("-")[:4]) for id in ids}


def _delete_all(lab: Lab) -> Things:
    left = sweep.delete(
        lab.account, lab.plan.run, lab.ids, patience=_seconds(lab), poll_interval=lab.plan.poll_interval
    )
    for name in left.names():
        _say(f"NOT DELETED: {name}; delete it in the portal, or run this command again")
    if not left:
        _say("everything that the run made is deleted")
    return left


def _seconds(lab: Lab) -> float:
    """Return how long a deletion may take: minutes are usual on Azure."""
    return 5 * lab.plan.patience.total_seconds()


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # a terminal that was closed must not keep anything from being deleted
        print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)


def _summary(report: Report, paths: tuple[Path, Path]) -> list[str]:
    counts = {verdict: len(report.with_verdict(verdict)) for verdict in Verdict}
    lines = [f"\n{report.result()}", ", ".join(f"{count} {verdict}" for verdict, count in counts.items())]
    for answer in report.with_verdict(Verdict.NOT_THE_SAME):
        observed = answer.observed.value if answer.observed else None
        lines.append(
            f"* {answer.question.id}: not the same: {observed}; the emulator assumes {answer.question.expected}"
        )
    return [*lines, f"The report: {paths[0]} and {paths[1]}; both can be attached to an issue"]
