"""States and error codes of Azure Batch and Azure Storage: the one place in the client where they are written.

The states of jobs and tasks are public: see :class:`~airflow_provider_aztk.client.models.JobState` and
:class:`~airflow_provider_aztk.client.models.ApplicationState`.
"""

from __future__ import annotations

from enum import StrEnum


class PoolState(StrEnum):
    """States of a pool (learn.microsoft.com/rest/api/batchservice, BatchPoolState)."""

    ACTIVE = "active"
    DELETING = "deleting"


class AllocationState(StrEnum):
    """Whether a pool is changing its number of nodes (AllocationState)."""

    RESIZING = "resizing"


class NodeState(StrEnum):
    """States of a node (BatchNodeState), as far as the client tells them apart."""

    IDLE = "idle"
    RUNNING = "running"
    UNUSABLE = "unusable"
    START_TASK_FAILED = "starttaskfailed"


#: A user can be created on a node in these states.
READY_NODES = (NodeState.IDLE, NodeState.RUNNING)
#: A node in these states never runs a task.
BAD_NODES = (NodeState.UNUSABLE, NodeState.START_TASK_FAILED)

# -- error codes of Batch requests (learn.microsoft.com/rest/api/batchservice/batch-status-and-error-codes)

INVALID_QUERY_VALUE = "InvalidQueryParameterValue"
JOB_EXISTS = "JobExists"
JOB_NOT_FOUND = "JobNotFound"
JOB_BEING_DELETED = "JobBeingDeleted"
JOB_COMPLETED = "JobCompleted"
JOB_BEING_TERMINATED = "JobBeingTerminated"
JOB_NOT_ACTIVE = "JobNotActive"
NODE_USER_EXISTS = "NodeUserExists"
POOL_BEING_DELETED = "PoolBeingDeleted"
REQUEST_BODY_TOO_LARGE = "RequestBodyTooLarge"
TASK_COMPLETED = "TaskCompleted"
TASK_EXISTS = "TaskExists"
TASK_NOT_FOUND = "TaskNotFound"

#: A job that has ended, is ending or does not exist cannot be terminated.
JOB_HAS_ENDED = (JOB_BEING_TERMINATED, JOB_COMPLETED, JOB_NOT_FOUND, JOB_BEING_DELETED)
#: A job that has ended or is ending takes no tasks.
JOB_TAKES_NO_TASKS = (JOB_BEING_DELETED, JOB_BEING_TERMINATED, JOB_COMPLETED, JOB_NOT_ACTIVE)

#: What the result of one task of a collection says (BatchTaskAddStatus), in lower case.
TASK_ADDED = "success"
TASK_REFUSED = "clienterror"

# -- why a job or a task has ended (terminateReason, failureInfo)

#: The job manager task has ended, and has ended its job.
MASTER_ENDED = "JMComplete"
TIME_OVER = "MaxWallClockTimeExpiry"
TASK_ENDED = "TaskEnded"
FAILURE_EXIT_CODE = "FailureExitCode"
NO_PROGRAM = "CommandProgramNotFound"
UNKNOWN = "Unknown"

# -- our own codes of failures, beside Batch's

#: The Batch job of a cluster has ended.
JOB_ENDED = "JobEnded"
#: The master of a cluster or job could not do its work.
MASTER_FAILED = "MasterFailed"
#: The same, where its workers did not start.
TOO_FEW_WORKERS = "TooFewWorkers"
#: A job ended although neither its applications nor a user have ended it.
ENDED_ITSELF = "EndedItself"
#: A job ended before all of its tasks were added.
INCOMPLETE = "JobIncomplete"
#: A job has been without a pool for too long: Batch has not made one, or somebody has deleted it.
POOL_MISSING = "PoolMissing"

# -- error codes of Azure Storage (learn.microsoft.com/rest/api/storageservices/blob-service-error-codes)

BLOB_EXISTS = "BlobAlreadyExists"
CONTAINER_BEING_DELETED = "ContainerBeingDeleted"
CONTAINER_EXISTS = "ContainerAlreadyExists"
#: A directory of an account with a hierarchical namespace is not deleted while it holds anything.
DIRECTORY_NOT_EMPTY = "DirectoryIsNotEmpty"
INVALID_BLOCK_LIST = "InvalidBlockList"

# -- error codes of both services that say that the credential is refused

AUTHENTICATION_FAILED = "AuthenticationFailed"
#: The account allows no account keys (Storage: ``allowSharedKeyAccess`` is false).
KEYS_ARE_OFF = "KeyBasedAuthenticationNotPermitted"
#: Storage's firewall refuses the caller's address; of Batch: the same, or the identity lacks a role.
FIREWALL = "AuthorizationFailure"
#: The identity lacks a role, or a SAS a permission.
ROLE_IS_MISSING = (
    "AuthorizationFailed",  # Resource Manager's
    "AuthorizationPermissionMismatch",  # Storage's
    "InsufficientAccountPermissions",
    "PermissionDenied",
    "UnauthorizedOperation",
)
#: The identity lacks a role on what a pool links: a subnet or an image.
ROLE_ON_LINKED_RESOURCE = "InsufficientPermissions"
REFUSED = frozenset(
    {
        AUTHENTICATION_FAILED,
        KEYS_ARE_OFF,
        FIREWALL,
        *ROLE_IS_MISSING,
        ROLE_ON_LINKED_RESOURCE,
        "InvalidAuthenticationInfo",
        "InvalidHeaderValue.Authorization",
    }
)
#: The detail of a refusal that says what is wrong.
AUTHENTICATION_DETAIL = "AuthenticationErrorDetail"

# -- why a node could not download a task's files: it was refused

DOWNLOAD_REFUSED = ("BlobAccessDenied", "ResourceContainerAccessDenied")
