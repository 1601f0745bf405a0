"""The one catalogue of errors that the emulated Batch service answers with."""

from __future__ import annotations

__all__ = ["CATALOGUE", "BatchServiceError", "invalid_property", "invalid_query", "not_implemented"]


class BatchServiceError(Exception):
    """An answer of the service that is not a success.

    :param code: a code of :data:`CATALOGUE`.
    :param text: the message, when it differs from the catalogue's.
    :param status: the HTTP status, when it differs from the catalogue's.
    :param values: the details, sent as ``values`` of the error body.
    """

    def __init__(self, code: str, *, text: str = "", status: int = 0, **values: object) -> None:
        default_status, default_text = CATALOGUE.get(code, (500, code))
        self.code = code
        self.status = status or default_status
        self.text = text or default_text
        self.headers: dict[str, str] = {}
        self.values = [(key, str(value)) for key, value in values.items()]
        super().__init__(f"{self.status} {code}: {self.text}")


def invalid_property(name: str, value: object, reason: str) -> BatchServiceError:
    """Make the error for a property of the request's body that cannot be accepted."""
    return BatchServiceError("InvalidPropertyValue", PropertyName=name, PropertyValue=value, Reason=reason)


def invalid_query(name: str, value: object, reason: str) -> BatchServiceError:
    """Make the error for a parameter of the request's address that cannot be accepted."""
    return BatchServiceError(
        "InvalidQueryParameterValue", QueryParameterName=name, QueryParameterValue=value, Reason=reason
    )


def not_implemented(what: str) -> BatchServiceError:
    """Make the error for a part of Azure Batch that the local stack does not have yet."""
    return BatchServiceError("NotImplementedByLocalStack", Reason=f"The local stack does not emulate {what} yet.")


def _being(kind: str) -> str:
    return f"The specified {kind} has been marked for deletion and is being reclaimed."


#: code -> (HTTP status, message). Texts as recorded from the service where a recording was seen.
CATALOGUE: dict[str, tuple[int, str]] = {
    # requests
    "AuthenticationFailed": (
        403,
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature.",
    ),
    "AuthorizationFailure": (403, "This request is not authorized to perform this operation."),
    "Forbidden": (403, "Access is Forbidden"),
    "ConditionNotMet": (412, "The condition specified using HTTP conditional header(s) is not met."),
    "InvalidHeaderValue": (400, "The value for one of the HTTP headers is not in the correct format."),
    "InvalidInput": (400, "One of the request inputs is not valid."),
    "InvalidPropertyValue": (
        400,
        "The value provided for one of the properties in the request body is invalid.",
    ),
    "InvalidQueryParameterValue": (
        400,
        "Value for one of the query parameters specified in the request URI is invalid.",
    ),
    "InvalidRange": (416, "The range specified is invalid for the current size of the resource."),
    "InvalidRequestBody": (400, "The specified Request Body is not syntactically valid."),
    "InvalidUri": (400, "The requested URI does not represent any resource on the server."),
    "MissingRequiredQueryParameter": (
        400,
        "A query parameter that's mandatory for this request is not specified.",
    ),
    "MissingRequiredProperty": (400, "A required property was not specified in the request body."),
    "NotImplementedByLocalStack": (501, "The local stack does not emulate this part of Azure Batch yet."),
    "OperationTimedOut": (500, "Operation could not be completed within the specified time."),
    "InternalError": (500, "Server encountered an internal error. Please try again after some time."),
    "RequestBodyTooLarge": (413, "The request body is too large and exceeds the maximum permissible limit."),
    "ResourceNotFound": (404, "The specified resource does not exist."),
    "ServerBusy": (503, "Server is busy. Please try again after some time."),
    "TooManyRequests": (429, "The server has received too many requests. Please try again after some time."),
    "UnsupportedHttpVerb": (405, "The resource doesn't support the specified HTTP verb."),
    # pools and nodes
    "PoolNotFound": (404, "The specified pool does not exist."),
    "PoolExists": (409, "The specified pool already exists."),
    "PoolBeingDeleted": (409, _being("pool")),
    "PoolBeingResized": (409, "The specified pool is being resized."),
    "NodeNotFound": (404, "The specified node does not exist."),
    "NodeNotReady": (409, "The specified node is not ready for this operation."),
    "NodeAlreadyInTargetSchedulingState": (409, "The specified node is already in the target scheduling state."),
    "NodeUserExists": (409, "The specified node user already exists."),
    "NodeUserNotFound": (404, "The specified node user does not exist."),
    "OperationNotValidOnNode": (409, "The specified operation is not valid on the node."),
    "OperationInvalidForCurrentState": (
        409,
        "The specified operation is not valid for the current state of the resource.",
    ),
    "ApplicationNotFound": (404, "The specified application does not exist."),
    "InvalidApplicationPackageReferences": (
        409,
        "One or more of the specified application package references are invalid.",
    ),
    # jobs
    "JobNotFound": (404, "The specified job does not exist."),
    "JobExists": (409, "The specified job already exists."),
    "JobBeingDeleted": (409, _being("job")),
    "JobBeingTerminated": (409, "The specified job is being terminated."),
    "JobCompleted": (409, "The specified job is already in a completed state."),
    "JobDisabled": (409, "The specified job is disabled."),
    "JobNotActive": (409, "The specified job is not in an active state."),
    "JobNotDisabled": (409, "The specified operation is only valid on a disabled job."),
    "JobPreparationTaskOrReleaseTaskNotSpecified": (
        409,
        "The specified job does not have either job preparation task or job release task.",
    ),
    "JobScheduleNotFound": (404, "The specified job schedule does not exist."),
    # tasks and files
    "TaskNotFound": (404, "The specified task does not exist."),
    "TaskExists": (409, "The specified task already exists."),
    "TaskCompleted": (409, "The specified task is already in a completed state."),
    "TaskNotCompleted": (409, "The specified task is not in a completed state."),
    "TaskSucceeded": (409, "The specified task completed successfully and cannot be reactivated."),
    "TaskDependenciesNotSpecifiedOnJob": (
        400,
        "The specified task has dependencies, but the job does not use task dependencies.",
    ),
    "TaskDependencyListTooLong": (400, "The task dependency list exceeds the maximum permissible size."),
    "TaskFilesUnavailable": (409, "The requested task files are not available on the node."),
    "TaskFilesCleanedup": (409, "The requested task files have been cleaned up from the node."),
    "FileNotFound": (404, "The specified file does not exist."),
    "DirectoryNotEmpty": (409, "The specified directory is not empty."),
}
