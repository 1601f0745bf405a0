"""Questions about the ends of tasks and jobs: a job of the product's, and a plain one for single tasks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.models._readers import iso_duration
from airflow_provider_aztk.verify.answers import Observed, Question, Stage
from airflow_provider_aztk.verify.errors import NotAskedError

if TYPE_CHECKING:
    from airflow_provider_aztk.verify.lab import Lab

__all__ = ["JOB", "PLAIN_JOB", "QUESTIONS"]

Json = dict[str, Any]

#: The parts of a run that the questions are about.
JOB = "job"
PLAIN_JOB = "tasks"

_REST = "https://learn.microsoft.com/rest/api/batchservice"
_WAITS = "echo started; while true; do sleep 1; done"
_WAITS_FOR_TERM = f"trap 'echo got-term; exit 7' TERM; {_WAITS}"
_ALIVE = "$AZ_BATCH_NODE_SHARED_DIR/aztk-verify-alive"
_LEAVES = f"(while true; do date +%s%N > {_ALIVE}; sleep 1; done) > /dev/null 2>&1 & sleep 3"
_LOOKS = f"a=$(cat {_ALIVE}); sleep 4; b=$(cat {_ALIVE}); echo $a $b"
_RUN_OPTIONS = ("--network host", "--rm", "--gpus all")
#: The master ends a job a minute after its last application, where nothing else has.
_ENDING_SECONDS = 100.0
#: Seconds after which a task is ended by its wall clock.
_LONGEST_TIMED = 20


def stopped_waiting(lab: Lab) -> Observed:
    """Look whether the product's job ended whose second application was stopped while it waited."""
    if JOB in lab.why_not:
        raise NotAskedError(f"there was no job: {lab.why_not[JOB]}")
    job_id = lab.plan.id(JOB)
    client = lab.account.client
    client.wait_until_application_done(
        job_id, "first", timeout=lab.time_for_nodes(), poll_interval=lab.plan.poll_interval
    )
    patience = max(_ENDING_SECONDS, lab.plan.patience.total_seconds())
    ended = lab.wait_for(lambda: True if client.get_job(job_id).state.is_terminal else None, patience) is not None
    second = client.get_application(job_id, "second")
    return Observed(
        {"job_ended": ended, "second": str(second.outcome) if second else None},
        {"state_when_stopped": lab.results.get(JOB), "seconds_left": round(lab.left())},
    )


def _plain_job(lab: Lab) -> str:
    if PLAIN_JOB in lab.why_not:
        raise NotAskedError(f"there was no job for single tasks: {lab.why_not[PLAIN_JOB]}")
    return lab.plan.id(PLAIN_JOB)


def killing(lab: Lab) -> Observed:
    """Terminate a running task that would say so if it got SIGTERM."""
    job_id = _plain_job(lab)
    lab.add_task(job_id, lab.task("killed", _WAITS_FOR_TERM))
    _wait_for_output(lab, job_id, "killed")
    lab.account.send("POST", f"/jobs/{job_id}/tasks/killed/terminate")
    info = lab.ended_task(job_id, "killed").get("executionInfo") or {}
    got_term = "got-term" in lab.account.task_file(job_id, "killed", "stdout.txt")
    value = {"sigterm": got_term, "exit_code": info.get("exitCode")}
    return Observed(value, {"failure": info.get("failureInfo"), "result": info.get("result")})


def _wait_for_output(lab: Lab, job_id: str, task_id: str) -> None:
    """Wait until a task has said that it runs; the first of a pool waits for the node, too."""

    def started() -> bool | None:
        return True if "started" in lab.account.task_file(job_id, task_id, "stdout.txt") else None

    if lab.wait_for(started, lab.time_for_nodes()) is None:
        lab.why_not.setdefault(PLAIN_JOB, "its first task did not begin in time")
        raise NotAskedError(f"task {task_id} did not begin in time")


def run_options(lab: Lab) -> Observed:
    """Run a task with each option of ``docker create`` alone."""
    job_id = _plain_job(lab)
    image = {"imageName": lab.container_settings()["imageName"]}
    ids = {options: f"options-{index}" for index, options in enumerate(_RUN_OPTIONS)}
    for options, id in ids.items():
        lab.add_task(job_id, lab.task(id, "true", containerSettings={**image, "containerRunOptions": options}))
    value: Json = {}
    failures: Json = {}
    for options, id in ids.items():
        info = lab.ended_task(job_id, id).get("executionInfo") or {}
        failures[options] = info.get("failureInfo")
        value[options] = (info.get("failureInfo") or {}).get("code") or "taken"
    return Observed(value, failures)


def outliving(lab: Lab) -> Observed:
    """Leave a process behind a task, and look from the next task whether it lives."""
    job_id = _plain_job(lab)
    lab.add_task(job_id, lab.task("leaves", _LEAVES))
    lab.add_task(job_id, lab.task("looks", _LOOKS, dependsOn={"taskIds": ["leaves"]}))
    lab.ended_task(job_id, "looks")
    times = lab.account.task_file(job_id, "looks", "stdout.txt").split()
    if len(times) != 2:
        raise NotAskedError("the second task did not find what the first one wrote")
    return Observed({"process_lives": times[0] != times[1]})


def terminated_condition(lab: Lab) -> Observed:
    """Terminate a waiting and a running task, let a third run out of its time, and look for their dependents.

    All three say that whatever becomes of them, their dependents may run.
    """
    job_id = _plain_job(lab)
    seconds = max(1, min(_LONGEST_TIMED, int(lab.plan.patience.total_seconds() / 8)))
    limit = {"maxWallClockTime": iso_duration(timedelta(seconds=seconds))}
    lab.add_task(job_id, lab.task("t-running", _WAITS))
    lab.add_task(job_id, lab.task("t-waiting", "true", dependsOn={"taskIds": ["t-running"]}))
    lab.add_task(job_id, lab.task("t-timed", _WAITS, constraints=limit))
    kinds = ("running", "waiting", "timed")
    for kind in kinds:
        lab.add_task(job_id, lab.task(f"after-{kind}", "true", dependsOn={"taskIds": [f"t-{kind}"]}))
    _wait_for_output(lab, job_id, "t-running")
    for kind in ("waiting", "running"):
        lab.account.send("POST", f"/jobs/{job_id}/tasks/t-{kind}/terminate")

    def completed() -> list[str]:
        tasks = lab.account.list(f"/jobs/{job_id}/tasks", **{"$select": "id,state"})
        return [str(task["id"]) for task in tasks if task["state"] == "completed"]

    afters = {f"after-{kind}" for kind in kinds}
    lab.wait_for(lambda: True if afters <= set(completed()) else None)
    done = completed()
    ends = {kind: lab.task_if(job_id, f"t-{kind}", "completed") or {} for kind in kinds}
    value = {kind: "satisfies" if f"after-{kind}" in done else "blocks" for kind in kinds}
    return Observed(value, {kind: task.get("executionInfo") for kind, task in ends.items()})


def exit_code_zero(lab: Lab) -> Observed:
    """Run a task of whose exit conditions code 0 ends the job."""
    job_id = _plain_job(lab)
    ends_job = {"exitCodes": [{"code": 0, "exitOptions": {"jobAction": "terminate", "dependencyAction": "satisfy"}}]}
    task = lab.task("ends-job", "true")
    lab.add_task(job_id, {**task, "exitConditions": {**task["exitConditions"], **ends_job}})

    def ended() -> Json | None:
        job = lab.account.get(f"/jobs/{job_id}") or {}
        return job if job.get("state") in ("terminating", "completed") else None

    lab.wait_for(lambda: lab.task_if(job_id, "ends-job", "completed"))
    job = lab.wait_for(ended)
    reason = ((job or {}).get("executionInfo") or {}).get("terminateReason")
    return Observed({"job_ends": job is not None}, {"reason": reason})


QUESTIONS = (
    Question(
        id="task-killing",
        asks="How does a running task end that is terminated by request?",
        assumes="Killed at once, with its whole process tree and without SIGTERM; exit code 137",
        expected={"sigterm": False, "exit_code": 137},
        page=f"{_REST}/tasks/terminate-task",
        stage=Stage.TASKS,
        ask=killing,
    ),
    Question(
        id="run-options",
        asks="Which options of `docker create` does the service take?",
        assumes="--network host and --rm; --gpus all is refused, since the service gives the GPUs itself",
        expected={"--network host": "taken", "--rm": "taken", "--gpus all": "ContainerInvalidSettings"},
        page="https://learn.microsoft.com/azure/batch/batch-docker-container-workloads",
        stage=Stage.TASKS,
        ask=run_options,
    ),
    Question(
        id="outliving-processes",
        asks="Does a process live on that a task in a container has left behind?",
        assumes="It is killed with the task",
        expected={"process_lives": False},
        page="https://learn.microsoft.com/azure/batch/batch-docker-container-workloads",
        stage=Stage.TASKS,
        ask=outliving,
    ),
    Question(
        id="terminated-condition",
        asks="Which exit condition does a task meet that was terminated, by request or by its wall clock?",
        assumes="`default`: dependents run where it says so",
        expected={"running": "satisfies", "waiting": "satisfies", "timed": "satisfies"},
        page=f"{_REST}/tasks/create-task",
        stage=Stage.TASKS,
        ask=terminated_condition,
    ),
    Question(
        id="exit-code-zero",
        asks="Does exit code 0 end the job of a task whose exit conditions say `terminate` for it?",
        assumes="It does",
        expected={"job_ends": True},
        page=f"{_REST}/tasks/create-task",
        stage=Stage.TASKS,
        ask=exit_code_zero,
    ),
    Question(
        id="stopped-waiting",
        asks="Does an AZTK job end of which an application was stopped while it waited?",
        assumes="It does; the application counts as stopped",
        expected={"job_ended": True, "second": "stopped"},
        page=f"{_REST}/tasks/terminate-task",
        stage=Stage.JOB,
        ask=stopped_waiting,
    ),
)
