"""Lists: pages, links to the next, and $select."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from airflow_provider_aztk.local.batch.api.messages import Request, Response
from airflow_provider_aztk.local.batch.api.odata import Field, compile_filter
from airflow_provider_aztk.local.batch.common.errors import invalid_query
from airflow_provider_aztk.local.batch.common.values import Json

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.store.collection import Collection

__all__ = ["Source", "from_collection", "from_sequence", "list_response", "select"]

_MAX_RESULTS = 1000
_MARK = "WATV2:"

#: Gives the records after a token, each with its own token.
Source = Callable[[str | None], Iterator[tuple[str, Any]]]
View = Callable[[Any], Json]


def from_collection(collection: Collection[Any]) -> Source:
    """List a collection, by id."""
    return lambda token: ((record.id, record) for record in collection.after(token))


def from_sequence(entries: Sequence[Any]) -> Source:
    """List a sequence in its own order."""

    def after(token: str | None) -> Iterator[tuple[str, Any]]:
        start = int(token) if token is not None and token.isdigit() else 0
        return ((str(index), entry) for index, entry in islice(enumerate(entries, 1), start, None))

    return after


def list_response(request: Request, kind: str, source: Source, view: View, fields: Mapping[str, Field]) -> Response:
    """Answer one page of a list.

    :param kind: what ``odata.metadata`` calls the list.
    :raises BatchServiceError: ``InvalidQueryParameterValue``.
    """
    query = request.query
    size = _page_size(query.get("maxresults"))
    accepts = compile_filter(query.get("$filter"), fields)
    _check_expand(query.get("$expand"))
    chosen = query.get("$select")
    page: list[Json] = []
    last = ""
    more = False
    for token, record in source(_read_token(query.get("$skiptoken"))):
        if accepts is not None and not accepts(record):
            continue
        if len(page) == size:
            more = True
            break
        page.append(select(view(record), chosen))
        last = token
    body: Json = {"odata.metadata": f"{request.base}/$metadata#{kind}", "value": page}
    if more:
        body["odata.nextLink"] = _next_link(request, last)
    return Response(body=body)


def select(body: Json, chosen: str | None) -> Json:
    """Keep only the members that ``$select`` names; ``a/b`` keeps one member of an object."""
    if not chosen or not chosen.strip():
        return body
    kept: Json = {}
    for name in (part.strip() for part in chosen.split(",")):
        if not name.replace("/", "").isalnum():
            raise invalid_query("$select", chosen, "A list of property names is expected.")
        outer, _, inner = name.partition("/")
        value = body.get(outer)
        if value is None:
            continue
        if not inner:
            kept[outer] = value
        elif isinstance(value, dict) and inner in value:
            kept.setdefault(outer, {})[inner] = value[inner]
    return kept


def _check_expand(expand: str | None) -> None:
    if expand and expand != "stats":
        raise invalid_query("$expand", expand, "Only stats can be expanded.")


def _page_size(text: str | None) -> int:
    if text is None:
        return _MAX_RESULTS
    try:
        size = int(text)
    except ValueError as error:
        raise invalid_query("maxresults", text, "A whole number is expected") from error
    if size < 1:
        raise invalid_query("maxresults", text, "MaxResults cannot be less than 1")
    if size > _MAX_RESULTS:
        raise invalid_query("maxresults", text, f"MaxResults cannot be greater than {_MAX_RESULTS}")
    return size


def _read_token(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        if token.startswith(_MARK):
            return base64.urlsafe_b64decode(token.removeprefix(_MARK)).decode()
    except (binascii.Error, UnicodeDecodeError):
        pass
    raise invalid_query("$skiptoken", token, "The token was not given out by this service.")


def _next_link(request: Request, last: str) -> str:
    token = _MARK + base64.urlsafe_b64encode(last.encode()).decode()
    kept = [part for part in request.raw_query.split("&") if part and unquote(part.partition("=")[0]) != "$skiptoken"]
    return f"{request.base}{request.raw_path}?" + "&".join([*kept, f"$skiptoken={quote(token)}"])
