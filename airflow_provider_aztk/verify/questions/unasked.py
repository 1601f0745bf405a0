"""Questions that a small run cannot ask: each says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from airflow_provider_aztk.verify.answers import Question, Stage
from airflow_provider_aztk.verify.errors import NotAskedError

if TYPE_CHECKING:
    from airflow_provider_aztk.verify.answers import Observed
    from airflow_provider_aztk.verify.lab import Lab

__all__ = ["QUESTIONS"]

_REST = "https://learn.microsoft.com/rest/api/batchservice"


def _never(why: str) -> NoReturn:
    raise NotAskedError(why)


def nodes_leaving(lab: Lab) -> Observed:
    """Give the reason."""
    _never("it needs a pool of several nodes without a master, and a resize, which takes longer than a run may")


def job_manager_place(lab: Lab) -> Observed:
    """Give the reason."""
    _never("it needs the loss of a node, which nobody can order on Azure")


def too_many_nodes(lab: Lab) -> Observed:
    """Give the reason."""
    _never("if Azure took the pool after all, it would have 101 nodes")


def token_refusals(lab: Lab) -> Observed:
    """Give the reason."""
    _never("a run has no token that is expired or forged")


def missing_role(lab: Lab) -> Observed:
    """Give the reason."""
    _never("a run needs its roles, and takes none away")


def download_retries(lab: Lab) -> Observed:
    """Give the reason."""
    _never("it needs a server that breaks connections, which a storage account is not")


QUESTIONS = (
    Question(
        id="nodes-leaving",
        asks="Which nodes leave first when a pool shrinks?",
        assumes="Idle nodes before busy ones",
        expected={"first": "idle"},
        page=f"{_REST}/pools/resize-pool",
        stage=Stage.NEVER,
        ask=nodes_leaving,
    ),
    Question(
        id="job-manager-place",
        asks="Which task makes room for a job manager whose node was lost?",
        assumes="The largest and newest, as few as possible",
        expected={"ended": "the largest and newest"},
        page=f"{_REST}/jobs/create-job",
        stage=Stage.NEVER,
        ask=job_manager_place,
    ),
    Question(
        id="too-many-nodes",
        asks="What is the answer to a pool of more than 100 nodes with inter-node communication?",
        assumes="400 InvalidPropertyValue",
        expected={"status": 400, "code": "InvalidPropertyValue"},
        page="https://learn.microsoft.com/azure/batch/batch-quota-limit",
        stage=Stage.NEVER,
        ask=too_many_nodes,
    ),
    Question(
        id="token-refusals",
        asks="Which texts have the refusals of tokens that are expired or forged?",
        assumes="Those of a token of the wrong audience, which was recorded",
        expected={"status": 401, "code": "AuthenticationFailed"},
        page="https://learn.microsoft.com/azure/batch/batch-aad-auth",
        stage=Stage.NEVER,
        ask=token_refusals,
    ),
    Question(
        id="missing-role",
        asks="What is the answer where the identity has no role on the Batch account?",
        assumes="403 AuthorizationFailure",
        expected={"status": 403, "code": "AuthorizationFailure"},
        page="https://learn.microsoft.com/azure/batch/batch-role-based-access-control",
        stage=Stage.NEVER,
        ask=missing_role,
    ),
    Question(
        id="download-retries",
        asks="How often is the download of a resource file tried again?",
        assumes="Three times in all, after 0.5 and 1 s",
        expected={"tries": 3},
        page="https://learn.microsoft.com/azure/batch/resource-files",
        stage=Stage.NEVER,
        ask=download_retries,
    ),
)
