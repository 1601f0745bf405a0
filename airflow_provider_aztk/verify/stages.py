"""The steps of a run: the product's main paths, and between them the questions that can be asked there."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.verify.answers import Answer, Stage
from airflow_provider_aztk.verify.errors import NotAskedError, StepFailedError
from airflow_provider_aztk.verify.lab import DELETION, Lab
from airflow_provider_aztk.verify.questions import QUESTIONS
from airflow_provider_aztk.verify.questions.jobs import JOB, PLAIN_JOB

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.verify.answers import Observed, Question

__all__ = ["Run", "StepResult"]

_PROGRAMS = Path(__file__).parent / "programs"
CLUSTER = "cluster"
_FAILING_CODE = 3
#: Why a cluster has ended that had nodes.
_HAD_NODES = (codes.MASTER_FAILED, codes.TOO_FEW_WORKERS, codes.ENDED_ITSELF)


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """How a step of the product's main paths went.

    :param error: what went wrong; None where nothing did.
    """

    name: str
    seconds: float
    error: str | None = None


@dataclass
class Run:
    """One run: performs all stages, and keeps what came of them.

    :param lab: what it works with.
    """

    lab: Lab
    steps: list[StepResult] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def perform(self) -> None:
        """Go through all stages; a failure keeps the following stages from nothing but what they need of it."""
        if not self._step("sign in to both accounts", self.lab.account.client.test_connection):
            return
        self._ask(Stage.REQUESTS)
        self._ask(Stage.EARLY_DELETION)
        self._cluster_stage()
        self._jobs_stage()
        self._ask(Stage.NEVER)

    def finish(self) -> None:
        """Note for each question that nobody has asked that the run ended before."""
        asked = {answer.question.id for answer in self.answers}
        for question in QUESTIONS:
            if question.id not in asked:
                self.answers.append(Answer.not_asked(question, "the run ended before"))
        order = {question.id: index for index, question in enumerate(QUESTIONS)}
        self.answers.sort(key=lambda answer: order[answer.question.id])

    # -- the cluster

    def _cluster_stage(self) -> None:
        step = self._step
        if step("create a cluster", self._create_cluster) and step("wait until it is ready", self._wait_for_cluster):
            step("submit three applications", self._submit)
            step("one that succeeds, and its log", self._good)
            step("one that fails", self._bad)
            step("stop one that runs", self._stop)
        self._ask(Stage.CLUSTER)
        if self.lab.cluster_job is not None and not step("delete the cluster", lambda: self._delete(CLUSTER)):
            self._no_more_nodes("the cluster was still being deleted, and no run has more nodes than it says")

    def _create_cluster(self) -> None:
        lab = self.lab
        id = lab.new_id(CLUSTER)
        conf = models.ClusterConfiguration(cluster_id=id, vm_count=lab.plan.nodes, **lab.shape())
        lab.account.client.create_cluster(conf)
        lab.cluster_job = lab.account.get(f"/jobs/{id}")

    def _wait_for_cluster(self) -> None:
        lab = self.lab
        id = lab.plan.id(CLUSTER)
        try:
            lab.cluster = lab.account.client.wait_until_cluster_is_ready(id, **lab.waits())
        except errors.ClusterFailedError as error:
            if error.code not in _HAD_NODES:
                self._no_more_nodes(f"the cluster got no nodes: {error}")
            raise
        finally:
            lab.cluster_job = lab.account.get(f"/jobs/{id}") or lab.cluster_job

    def _no_more_nodes(self, why: str) -> None:
        """Note that the jobs cannot have nodes, or must not."""
        for part in (JOB, PLAIN_JOB):
            self.lab.why_not.setdefault(part, why)

    def _submit(self) -> None:
        names = ("good", "bad", "sleeper")
        apps = [_application(name, name) for name in names]
        self.lab.account.client.submit_all_applications(self.lab.plan.id(CLUSTER), apps)

    def _done(self, name: str) -> models.Application:
        id = self.lab.plan.id(CLUSTER)
        return self.lab.account.client.wait_until_application_done(id, name, **self.lab.waits())

    def _good(self) -> None:
        _expect(self._done("good"), models.Outcome.SUCCESS)
        log = self.lab.account.client.get_application_log(self.lab.plan.id(CLUSTER), "good").log
        if "aztk-verify {" not in log:
            raise StepFailedError(f"its log does not hold what it printed: {log[-500:]!r}")

    def _bad(self) -> None:
        done = self._done("bad")
        _expect(done, models.Outcome.FAILED)
        if done.exit_code != _FAILING_CODE:
            raise StepFailedError(f"its exit code is {done.exit_code}, and not {_FAILING_CODE}")

    def _stop(self) -> None:
        lab, id = self.lab, self.lab.plan.id(CLUSTER)
        lab.wait_for(lambda: lab.task_if(id, "sleeper", "running", "completed"))
        lab.account.client.stop_application(id, "sleeper")
        _expect(self._done("sleeper"), models.Outcome.STOPPED)

    # -- jobs

    def _jobs_stage(self) -> None:
        """Ask about a job and about single tasks: side by side where there may be two nodes, else in turn."""
        if self.lab.cluster_job is None or JOB in self.lab.why_not:
            self._ask(Stage.TASKS)
            self._ask(Stage.JOB)
            return
        self._step("submit a job, and stop an application that waits", self._submit_job, JOB)
        if self.lab.plan.nodes == 1:
            self._end_job()
        if PLAIN_JOB not in self.lab.why_not:
            self._step("create a job for single tasks", self._create_plain_job, PLAIN_JOB)
        self._ask(Stage.TASKS)
        if self.lab.plan.nodes > 1:
            self._end_job()

    def _end_job(self) -> None:
        self._ask(Stage.JOB)
        if JOB in self.lab.why_not or self._step("delete the job", lambda: self._delete(JOB), JOB):
            return
        self._no_more_nodes("the job was still being deleted, and no run has more nodes than it says")

    def _submit_job(self) -> None:
        lab = self.lab
        id = lab.new_id(JOB)
        apps = [_application("first", "good"), _application("second", "sleeper")]
        client = lab.account.client
        client.submit_job(models.JobConfiguration(id=id, applications=apps, max_dedicated_nodes=1, **lab.shape()))
        lab.results[JOB] = {"second": client.get_application_status(id, "second")}
        client.stop_job_app(id, "second")

    def _create_plain_job(self) -> None:
        """Create a job with one node, for the single tasks that the questions are about."""
        lab = self.lab
        body = lab.plain_job(lab.new_id(PLAIN_JOB), lab.pool_of_cluster(nodes=1))
        reply = lab.account.send("POST", "/jobs", body)
        if reply.status >= 400:
            raise StepFailedError(f"{reply.status} {reply.code}: {reply.detail().get('message')}")

    def _delete(self, part: str) -> None:
        """Delete a cluster or job with the product's client, and wait until it is gone, so that its nodes are free."""
        id = self.lab.plan.id(part)
        self.lab.account.client.delete_cluster(id)
        patience = DELETION * self.lab.plan.patience.total_seconds()
        gone = self.lab.wait_for(lambda: True if self.lab.account.get(f"/jobs/{id}") is None else None, patience)
        if gone is None:
            raise StepFailedError(f"it is not gone after {patience:g} seconds")

    # -- what all stages need

    def _step(self, name: str, work: Callable[[], object], part: str = CLUSTER) -> bool:
        """Perform a step; return whether it went well.

        :param part: what cannot be used where it did not.
        """
        begun = time.monotonic()
        error: str | None = None
        try:
            if self.lab.left() <= 0:
                raise StepFailedError("the time of the run is over")
            work()
        except Exception as failure:  # whatever it is, the run goes on as far as it can, and is reported
            expected = isinstance(failure, errors.AztkError | StepFailedError | NotAskedError)
            error = str(failure) if expected else f"{type(failure).__name__}: {failure}"
            self.lab.why_not.setdefault(part, error)
        seconds = time.monotonic() - begun
        self.steps.append(StepResult(name=name, seconds=round(seconds, 1), error=error))
        self.lab.say(f"{'FAILED' if error else 'ok':<8}{name} ({seconds:.0f} s){': ' + error if error else ''}")
        return error is None

    def _ask(self, stage: Stage) -> None:
        for question in QUESTIONS:
            if question.stage is stage:
                answer = self._answer(question)
                self.answers.append(answer)
                more = f": {answer.why}" if answer.why else ""
                self.lab.say(f"        {question.id}: {answer.verdict}{more}")

    def _answer(self, question: Question) -> Answer:
        self.lab.account.exchanges.question = question.id
        try:
            if self.lab.left() <= 0 and question.stage is not Stage.NEVER:
                return Answer.not_asked(question, "the time of the run is over")
            observed: Observed = question.ask(self.lab)
        except NotAskedError as error:
            return Answer.not_asked(question, str(error))
        except Exception as error:
            return Answer.not_asked(question, f"{type(error).__name__}: {error}")
        finally:
            self.lab.account.exchanges.question = None
        return Answer.of(question, observed)


def _application(name: str, program: str) -> models.ApplicationConfiguration:
    return models.ApplicationConfiguration(name=name, application=str(_PROGRAMS / f"{program}.py"))


def _expect(done: models.Application, wanted: models.Outcome) -> None:
    if done.outcome is not wanted:
        raise StepFailedError(f"its outcome is {done.outcome}, and not {wanted}: {done.failure or done.exit_code}")
