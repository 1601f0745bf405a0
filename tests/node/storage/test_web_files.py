"""Files that the node itself downloads from a web address, over a real server; archives for Spark."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.node.contract import FileRef
from airflow_provider_aztk.node.errors import BadInputError
from airflow_provider_aztk.node.storage.files import Files
from airflow_provider_aztk.node.storage.web_files import fetch
from tests.node.harness import SIGNATURE, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = Site()
    yield made
    made.close()


@pytest.mark.parametrize("first", [[], [503], [429, "cut"], ["cut", "cut", 500]])
def test_a_file_is_downloaded_completely_in_spite_of_errors_that_pass(
    site: Site, tmp_path: Path, first: list[Any]
) -> None:
    site.answers = list(first)
    path = fetch(site.url, str(tmp_path / "app.py"), pause=0.002)
    assert (tmp_path / "app.py").read_text() == "print('fetched')\n"
    assert (path, len(site.asked)) == (str(tmp_path / "app.py"), len(first) + 1)
    assert site.asked[0].endswith(f"sig={SIGNATURE}")
    assert [file.name for file in tmp_path.iterdir()] == ["app.py"]


@pytest.mark.parametrize(
    ("answers", "told"), [([404], "404"), ([403], "403"), ([503] * 9, "503"), (["cut"] * 9, "cut")]
)
def test_the_error_of_a_failed_download_has_no_signature(
    site: Site, tmp_path: Path, answers: list[Any], told: str
) -> None:
    site.answers = answers
    with pytest.raises(BadInputError, match=rf"/c/app\.py: .*{told}") as raised:
        fetch(site.url, str(tmp_path / "app.py"), pause=0.002)
    assert SIGNATURE not in str(raised.value)


def test_an_address_with_blanks_is_encoded(site: Site, tmp_path: Path) -> None:
    fetch(site.url.replace("app.py", "my äpp%20.py"), str(tmp_path / "app.py"), pause=0.002)
    assert site.asked[0].startswith("/c/my%20%C3%A4pp%20.py?sv=1&sig=")


def test_this_machine_is_reached_without_the_proxy_of_the_environment(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Site()
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", proxy.url.partition("/c/")[0])
    monkeypatch.setattr(urllib.request, "_opener", None)  # else it has the proxies of its first use
    try:
        fetch(site.url, str(tmp_path / "app.py"), pause=0.002)
        fetch("http://files.example/app.py", str(tmp_path / "other.py"), pause=0.002)
    finally:
        proxy.close()
    assert (len(site.asked), proxy.asked) == (1, ["http://files.example/app.py"])


def test_a_file_is_downloaded_once_under_its_name(site: Site, tmp_path: Path) -> None:
    files = Files(None, str(tmp_path), pause=0.002)  # type: ignore[arg-type]  # no blob is asked for
    ref = FileRef.from_json({"url": site.url, "name": "app.py"})
    assert files.place(ref) == files.place(ref)
    assert files.place(ref).endswith("/app.py")
    assert len(site.asked) == 1
    assert files.place(FileRef.from_json({"url": "abfss://c@a/x.jar"})) == "abfss://c@a/x.jar"
    (archive,) = files.place_archives([FileRef.from_json({"url": "abfss://c@a/x.zip", "alias": "env"})])
    assert archive == "abfss://c@a/x.zip#env"
