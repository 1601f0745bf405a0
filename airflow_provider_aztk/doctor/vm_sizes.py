"""The VM sizes of the account's location, as Azure Resource Manager lists them for Batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._azure.clock import timestamp
from airflow_provider_aztk.client.errors import AztkError
from airflow_provider_aztk.doctor.facts import BlockedError, NoTokenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.doctor.facts import Facts

__all__ = ["VmSize", "sizes_by_name"]


@dataclass(frozen=True, kw_only=True)
class VmSize:
    """One size; None is what the list does not say.

    See learn.microsoft.com/rest/api/batchmanagement/location/list-supported-virtual-machine-skus.

    :param disk_mb: of the temporary disk, in MB; 0 without one.
    :param ends: when Batch ends its support.
    """

    name: str
    family: str
    vcpus: int | None
    disk_mb: int | None
    architecture: str | None
    gpus: int | None
    spot: bool | None
    ends: datetime | None


def sizes_by_name(facts: Facts) -> dict[str, VmSize]:
    """Return the sizes by their names in lower case; none where they cannot be listed."""
    try:
        found = facts.sizes()
    except (AztkError, NoTokenError, BlockedError):
        return {}
    return {str(entry.get("name")).lower(): _read(entry) for entry in found}


def _read(entry: Mapping[str, Any]) -> VmSize:
    given = {str(one.get("name")).lower(): str(one.get("value")) for one in entry.get("capabilities") or ()}
    spot = given.get("lowprioritycapable")
    return VmSize(
        name=str(entry.get("name")),
        family=str(entry.get("familyName") or ""),
        vcpus=_number(given.get("vcpus")),
        disk_mb=_number(given.get("maxresourcevolumemb")),
        architecture=given.get("cpuarchitecturetype"),
        gpus=_number(given.get("gpus", "0")),
        spot=None if spot is None else spot.lower() == "true",
        ends=timestamp(entry.get("batchSupportEndOfLife")),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
