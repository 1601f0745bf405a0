"""What a check has found: one line each, and the report of them all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Finding", "Report", "Status", "error", "ok", "warning"]


class Status(StrEnum):
    """How it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was checked.

    :param check: a name for programs, which stays the same, e.g. ``storage-write``.
    :param subject: what was checked, e.g. ``storage account 'store'``.
    :param message: what was found.
    :param fix: what to do about it, as an order; empty where there is nothing to do.
    :param page: the Azure page behind it.
    """

    status: Status
    check: str
    subject: str
    message: str
    fix: str = ""
    page: str = ""


def ok(check: str, subject: str, message: str) -> Finding:
    """Return that something is as it must be."""
    return Finding(status=Status.OK, check=check, subject=subject, message=message)


def warning(check: str, subject: str, message: str, fix: str, page: str = "") -> Finding:
    """Return that something is unknown, or may become a trouble."""
    return Finding(status=Status.WARNING, check=check, subject=subject, message=message, fix=fix, page=page)


def error(check: str, subject: str, message: str, fix: str, page: str = "") -> Finding:
    """Return that a cluster would fail."""
    return Finding(status=Status.ERROR, check=check, subject=subject, message=message, fix=fix, page=page)


@dataclass(frozen=True)
class Report:
    """All findings, without secrets.

    :param secrets: what must not be shown, wherever it stands.
    """

    findings: tuple[Finding, ...]
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def exit_code(self) -> int:
        """Return 1 where there is an error, else 0."""
        return int(any(finding.status is Status.ERROR for finding in self.findings))

    def counts(self) -> dict[str, int]:
        """Return how many findings there are of each status."""
        return {str(status): sum(finding.status is status for finding in self.findings) for status in Status}

    def text(self) -> str:
        """Return a line for each finding, with its fix and page below it, and a last line with the counts."""
        lines = [line for finding in self.findings for line in _lines(finding)]
        counts = ", ".join(f"{count} {status}" for status, count in self.counts().items())
        return self._without_secrets("\n".join([*lines, "", counts]))

    def json(self) -> str:
        """Return an object with ``findings``, ``counts`` and ``exit_code``."""
        found = [asdict(finding) for finding in self.findings]
        return self._without_secrets(
            json.dumps({"findings": found, "counts": self.counts(), "exit_code": self.exit_code}, indent=2)
        )

    def _without_secrets(self, text: str) -> str:
        from airflow_provider_aztk.client.errors import redacted

        for secret in _forms(self.secrets):
            text = text.replace(secret, "***")
        return redacted(text)


def _lines(finding: Finding) -> Iterable[str]:
    yield f"{finding.status.upper():<8} {finding.subject}: {' '.join(finding.message.split())}"
    if finding.fix:
        yield f"{'':<8} fix: {finding.fix}"
    if finding.page and finding.status is not Status.OK:
        yield f"{'':<8} see: {finding.page}"


def _forms(secrets: Iterable[str]) -> list[str]:
    """Return each secret as it may stand in a text: as it is, in a URL, and in JSON; the longest first."""
    from urllib.parse import quote

    found = {form for secret in secrets for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1])}
    return sorted((form for form in found if len(form) > 3), key=len, reverse=True)
