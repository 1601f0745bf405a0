"""Whether this machine's clock is that of Azure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_aztk.client._azure.clock import NOTABLE_SKEW
from airflow_provider_aztk.doctor.findings import Finding, error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.doctor.facts import Facts

_PAGE = "https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key#specifying-the-date-header"
#: A request that is so much older or newer than the service's time is refused.
_REFUSED_SKEW = timedelta(minutes=15)


def clocks(facts: Facts) -> Iterator[Finding]:
    """Compare this machine's clock with the ``Date`` of each service's answers; to be run after the others."""
    for service, clock in facts.inspection.clocks.items():
        ahead = clock.ahead
        if ahead is None:
            continue
        check = f"clock-{service.rpartition(' ')[2].lower()}"
        subject = f"clock of this machine and of {service}"
        if abs(ahead) < NOTABLE_SKEW:
            yield ok(check, subject, f"differ by {round(abs(ahead).total_seconds())} seconds")
            continue
        way = "ahead" if ahead > timedelta(0) else "behind"
        text = f"this machine is {round(abs(ahead).total_seconds() / 60)} minutes {way}"
        kind = error if abs(ahead) >= _REFUSED_SKEW else warning
        fix = "set the clock right (NTP): Azure refuses requests that are 15 minutes off"
        yield kind(check, subject, text, fix, _PAGE)
