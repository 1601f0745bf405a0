"""Files of the user: what they are by their path, the names that Spark can take, and signatures that nobody sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aztk.client import _uploads, errors
from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import ApplicationConfiguration, SparkConfiguration
from airflow_provider_aztk.node import contract

HERE = str(Path(__file__))
SIGNED = "https://acc.blob.core.windows.net/c/{}?sv=2024-11-04&sig=s3cr3t%2Fsignature%3D&se=2027"


def app(**given: Any) -> ApplicationConfiguration:
    return ApplicationConfiguration(**{"name": "a", "application": HERE, **given})


def document(app: ApplicationConfiguration) -> dict[str, Any]:
    found = json.loads(_uploads.application_upload(app).documents[contract.ApplicationBlobs("a").definition])
    return dict(found)


def fields(**given: Any) -> set[str]:
    with pytest.raises(InvalidConfigurationError) as error:
        app(**given)
    return {fault.field for fault in error.value.faults}


@pytest.mark.parametrize("name", ["app.py", "APP.PY", "my%20app.py", "app.p%79"])
def test_the_kind_is_that_of_the_path(name: str) -> None:
    url = SIGNED.format(name)
    found = document(app(application=url))["application"]
    assert found["url"] == url
    assert found["name"].endswith(".py")
    assert fields(application=url, main_class="x.Y") == {"main_class"}
    assert fields(
        application=SIGNED.format(name.replace("py", "jar").replace("PY", "JAR").replace("p%79", "j%61r"))
    ) == {"main_class"}


def test_a_local_program_gets_an_ending_that_spark_knows(tmp_path: Path) -> None:
    (tmp_path / "We ird#,App.PY").write_text("")
    found = document(app(application=str(tmp_path / "We ird#,App.PY")))["application"]
    assert found["name"] == "We_ird__App.py"


@pytest.mark.parametrize(
    "url", ["https://h/app.py#x", "abfss://c@a.dfs.core.windows.net/app.py?x=1", "https://h/?app.py"]
)
def test_programs_that_cannot_be_fetched(url: str) -> None:
    assert fields(application=url) == {"application"}


@pytest.mark.parametrize("field", ["jars", "py_files", "files", "archives"])
def test_signed_urls_are_fetched_by_the_node(field: str) -> None:
    url = SIGNED.format("x.zip")
    (found,) = document(app(**{field: [url]}))[field]
    assert (found["url"], found["name"]) == (url, "x.zip")


def test_what_only_spark_can_fetch_must_be_as_spark_knows_it() -> None:
    for name in ("APP.PY", "app.p%79"):
        assert fields(application=f"abfss://c@a.dfs.core.windows.net/{name}") == {"application"}
        assert document(app(application=f"https://h/{name}"))["application"]["name"].endswith(".py")
    assert document(app(application="abfss://c@a/app.py"))["application"] == {"url": "abfss://c@a/app.py"}
    assert document(app(jars=["abfss://c@a/We%20ird.JAR"]))["jars"] == [{"url": "abfss://c@a/We%20ird.JAR"}]


@pytest.mark.parametrize("name", ["my app.py", "a[1].py", "a{1}.py", "100%.py", "a|b.py", "a^b.py", "a\\b.py"])
def test_what_no_uri_holds_is_encoded_by_the_user_or_fetched_by_the_node(name: str) -> None:
    """Spark takes such an address for the path of a local file."""
    for scheme in ("abfss://c@a.dfs.core.windows.net/", "local:///opt/"):
        for field in ("application", "jars", "py_files", "files"):
            given = f"{scheme}{name}"
            assert len(fields(**{field: given if field == "application" else [given]})) == 1
    url = f"https://h/{name}"
    assert document(app(py_files=[url]))["py_files"][0]["name"]
    assert document(app(application=url))["application"]["name"].endswith(".py")
    assert document(app(jars=["abfss://c@a/ü;b=c.jar"]))["jars"] == [{"url": "abfss://c@a/ü;b=c.jar"}]


def test_a_plain_url_is_still_sparks() -> None:
    assert document(app(jars=["https://h/x.jar"]))["jars"] == [{"url": "https://h/x.jar"}]
    assert document(app(jars=["HTTPS://h/x.jar"]))["jars"] == [{"url": "https://h/x.jar"}]


def test_a_local_file_with_a_colon_is_no_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run:1.py").write_text("")
    assert document(app(application="run:1.py"))["application"]["name"] == "run_1.py"


def test_a_file_url_is_read_as_python_writes_it(tmp_path: Path) -> None:
    for name in ("my äpp.py", "100%25.py"):
        (tmp_path / name).write_text("")
        assert app(application=(tmp_path / name).as_uri())
        assert app(application=f"file://{tmp_path / name}")
        assert document(app(files=[(tmp_path / name).as_uri()]))["files"][0]["name"] == name


class TestSignatures:
    URL = SIGNED.format("x.exe")
    SECRET = "s3cr3t"

    def test_not_in_errors(self) -> None:
        with pytest.raises(InvalidConfigurationError) as error:
            app(application=self.URL, jars=[self.URL + "#x"], application_args=[self.URL, None])
        assert self.SECRET not in str(error.value) + repr(error.value) + repr(error.value.faults)
        assert "sig=***" in str(error.value)

    def test_not_in_reprs(self) -> None:
        made = app(application=SIGNED.format("a.py"), files=[SIGNED.format("b.txt")])
        assert self.SECRET not in repr(made)
        assert self.SECRET not in f"{[made]}"
        assert "name='a'" in repr(made)
        assert self.SECRET not in repr(SparkConfiguration(jars=[SIGNED.format("b.jar")]))

    def test_not_in_the_services_words(self) -> None:
        for error in (
            errors.AztkError(self.URL),
            errors.ServiceError(self.URL),
            errors.ClusterFailedError(self.URL, id="c"),
        ):
            assert self.SECRET not in f"{error} {error!r} {error.message}"


class TestNames:
    @pytest.mark.parametrize(
        "name", ["h#x.txt", "a,b.txt", "q?.txt", "s*.txt", "br[a].txt", "cu{a}.txt", "a:b.txt", "b\\s.txt", "n\n.txt"]
    )
    def test_what_spark_cannot_take_is_refused_and_an_alias_helps(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("")
        assert fields(files=[HERE, str(tmp_path / name)]) == {"files[1]"}
        (found,) = document(app(files=[f"{tmp_path / name}#good.txt"]))["files"]
        assert found["name"] == "good.txt"
        assert not set(found["blob"].rpartition("/")[2]) & set("#,?*[]{}:\\\n")

    @pytest.mark.parametrize("name", ["b c.txt", "p%20q.txt", "pp%x.txt", "plus+&=;@!.txt", "quote'd.txt", "ü.txt"])
    def test_what_it_takes(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("")
        assert document(app(files=[str(tmp_path / name)]))["files"][0]["name"] == name

    @pytest.mark.parametrize("field", ["jars", "py_files"])
    def test_where_the_name_counts_for_nothing_it_is_changed(self, tmp_path: Path, field: str) -> None:
        (tmp_path / "h#x,y z.zip").write_text("")
        assert document(app(**{field: [str(tmp_path / "h#x,y z.zip")]}))[field][0]["name"] == "h_x_y_z.zip"

    @pytest.mark.parametrize("alias", ["", "a/b", "..", "a b", "a#b,c"])
    def test_bad_aliases(self, alias: str) -> None:
        assert fields(files=[f"{HERE}#{alias}"]) == {"files[0]"}

    @pytest.mark.parametrize("field", ["jars", "py_files"])
    def test_aliases_where_spark_has_none(self, field: str) -> None:
        assert fields(**{field: [f"{HERE}#x.zip"]}) == {f"{field}[0]"}

    def test_an_alias_of_a_url(self) -> None:
        assert document(app(files=["https://h/x.txt#y.txt"]))["files"] == [{"url": "https://h/x.txt", "name": "y.txt"}]
        assert fields(files=["abfss://c@a.dfs.core.windows.net/x.txt#y.txt"]) == {"files[0]"}

    @pytest.mark.parametrize("field", ["files", "jars", "py_files"])
    def test_two_files_of_one_name(self, tmp_path: Path, field: str) -> None:
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "x.zip").write_text(folder)
        assert fields(**{field: [str(tmp_path / "a/x.zip"), str(tmp_path / "b/x.zip")]}) == {f"{field}[1]"}


class TestArchives:
    @pytest.mark.parametrize("name", ["env.zip", "env.tar.gz", "ENV.TGZ", "env.tar", "env.jar"])
    def test_local_ones(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"x")
        plain, named = document(app(archives=[str(tmp_path / name), f"{tmp_path / name}#env"]))["archives"]
        assert (plain["alias"], named["alias"]) == (name, "env")
        assert plain["blob"] == named["blob"]

    def test_urls(self) -> None:
        given = ["https://h/e.zip#env", "abfss://c@a.dfs.core.windows.net/f.tgz#f", SIGNED.format("g.zip")]
        found = document(app(archives=given))["archives"]
        assert [(one["alias"], "name" in one) for one in found] == [("env", False), ("f", False), ("g.zip", True)]

    @pytest.mark.parametrize("name", ["env.rar", "e nv.zip", "x.txt"])
    def test_what_spark_cannot_unpack(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"x")
        assert fields(archives=[str(tmp_path / name)]) == {"archives[0]"}

    def test_in_files(self, tmp_path: Path) -> None:
        (tmp_path / "env.zip").write_bytes(b"x")
        (tmp_path / "app.yaml").write_text(f"name: a\napplication: {HERE}\narchives: ['env.zip#env']\n")
        assert ApplicationConfiguration.from_yaml(tmp_path / "app.yaml").archives == (f"{tmp_path}/env.zip#env",)
