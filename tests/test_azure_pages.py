"""docs/first-run-on-azure.md and docs/security.md: what is to be copied works, and figures are those of the code."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.cli.definition import get_cli_commands
from airflow_provider_aztk.client import _batch_requests, models
from airflow_provider_aztk.client._actions.containers import KEY_SAS_LIFETIME, sign_container
from airflow_provider_aztk.client._actions.users import DEFAULT_EXPIRY
from airflow_provider_aztk.client._azure import codes, sas
from airflow_provider_aztk.client._azure.credentials import BATCH_ARM_VERSION, Accounts
from airflow_provider_aztk.client.models import _sizes
from airflow_provider_aztk.configuration.limits import DEFAULT_IDLE_TIMEOUT, DEFAULT_MAX_LIFETIME
from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.log.log_uploader import REFUSED_PATIENCE
from tests.support.airflow_home import KEY
from tests.support.performing import AnsweringRunner

if TYPE_CHECKING:
    from airflow_provider_aztk.client._requests import Request

DOCS = Path(__file__).parents[1] / "docs"
FIRST_RUN = (DOCS / "first-run-on-azure.md").read_text(encoding="utf-8")
SECURITY = (DOCS / "security.md").read_text(encoding="utf-8")
PAGES = {"first-run-on-azure.md": FIRST_RUN, "security.md": SECURITY}
FAILURES = FIRST_RUN.partition("## When it fails")[2]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


# -- what is to be copied


@pytest.mark.parametrize("number", range(len(blocks(FIRST_RUN, "json"))))
def test_each_connection_is_accepted(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = re.sub(r"\b(BATCH|STORAGE)_ACCOUNT_KEY\b", KEY, blocks(FIRST_RUN, "json")[number])
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", text)

    secrets = AztkHook().secrets

    found = secrets.shared_key or secrets.service_principal
    assert found is not None
    assert (found.batch_account_name, found.storage_account_name) == ("myaztkbatch", "myaztkstore")
    extra = json.loads(text)["extra"]
    assert (secrets.docker is not None) == ("docker_endpoint" in extra)


def test_the_page_shows_a_connection_for_each_way_to_sign_in() -> None:
    extras = [json.loads(text) for text in blocks(FIRST_RUN, "json")]
    assert any("password" in one for one in extras)
    assert any("client_secret" in one["extra"] for one in extras)
    assert any("password" not in one and "client_secret" not in one["extra"] for one in extras)


def test_the_cluster_definition_is_accepted() -> None:
    (text,) = blocks(FIRST_RUN, "yaml")
    conf = models.ClusterConfiguration.from_yaml(text)
    assert (conf.cluster_id, conf.vm_count) == ("pi", 2)


@pytest.mark.parametrize("page", PAGES)
def test_shell_commands_are_valid_and_use_variables_that_were_set_above(page: str) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    scripts = blocks(PAGES[page], "bash")
    for above in accumulate(scripts, lambda text, more: text + more):
        done = subprocess.run([bash, "-n"], input=above, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    text = "".join(scripts)
    code = re.sub(r"^\s*#.*$|  # .*$", "", text, flags=re.MULTILINE)
    unset = [
        used["name"]
        for used in re.finditer(r"(?<!\\)\$(?P<name>[A-Z_]+)", code)
        if not re.search(rf"^{used['name']}=", code[: used.start()], re.MULTILINE)
    ]
    assert unset == []


@pytest.mark.parametrize("page", PAGES)
def test_our_own_commands_and_their_options_exist(page: str) -> None:
    parser = argparse.ArgumentParser(prog="airflow aztk", exit_on_error=False)
    (group,) = get_cli_commands()
    _add(parser, group.subcommands)
    lines = re.findall(r"(?:airflow aztk|python -m airflow_provider_aztk)((?: [\w./-]+)+)", PAGES[page])
    assert lines
    for line in lines:
        parser.parse_args(shlex.split(line))


def _add(parser: argparse.ArgumentParser, commands: object) -> None:
    subparsers = parser.add_subparsers(required=True)
    for command in commands:  # type: ignore[attr-defined]
        sub = subparsers.add_parser(command.name)
        if hasattr(command, "subcommands"):
            _add(sub, command.subcommands)
        else:
            for arg in command.args:
                arg.add_to_parser(sub)


# -- figures and names


def test_the_first_run_names_the_defaults_of_the_code() -> None:
    assert f"The default image is `{_sizes.DEFAULT_DOCKER_REPO}`" in FIRST_RUN
    assert f"Begin with **`{_sizes.DEFAULT_VM_SIZE}`**, the default" in FIRST_RUN
    assert f"`os_disk_size_gb`, by default {_sizes.DEFAULT_OS_DISK_GB}" in FIRST_RUN
    assert f"(at most {_sizes.MAX_NSG_RULES - 1}: Batch takes {_sizes.MAX_NSG_RULES} rules" in FIRST_RUN
    assert f"Default of the operators: {DEFAULT_MAX_LIFETIME.days} days" in FIRST_RUN
    assert timedelta(hours=1) == DEFAULT_IDLE_TIMEOUT
    assert "Default of the operators: 1 hour" in FIRST_RUN
    assert f"at most {_sizes.MAX_NODES_WITHOUT_SUBNET} nodes" in FIRST_RUN
    assert f"?api-version={BATCH_ARM_VERSION}" in FIRST_RUN


def test_failures_are_named_as_the_client_names_them() -> None:
    ours = (codes.TOO_FEW_WORKERS, codes.MASTER_FAILED, codes.TIME_OVER, codes.NO_PROGRAM, codes.POOL_MISSING)
    refused = ("AuthenticationFailed", "AuthorizationFailure", "KeyBasedAuthenticationNotPermitted")
    named = (*ours, *refused, *codes.DOWNLOAD_REFUSED)
    assert [code for code in named if f"`{code}`" not in FAILURES] == []
    assert set(refused) <= codes.REFUSED
    exit_codes = {int(code) for code in re.findall(r"exit code (\d+)", FAILURES)}
    assert exit_codes == {127, contract.EXIT_BAD_INPUT, contract.EXIT_NO_EXECUTOR, contract.EXIT_NO_HOST_NETWORK}


def test_the_rights_of_a_sas_are_those_that_the_page_lists() -> None:
    from datetime import UTC, datetime

    accounts = Accounts(
        batch_name="b",
        batch_url="https://b",
        storage_name="s",
        blob_url="https://s.blob.core.windows.net",
        storage_key=KEY,
    )
    url = sas.sas_url(accounts, "container", datetime(2030, 1, 1, tzinfo=UTC))
    assert "read, list, add, create, write, over https only. **No delete, no other container**" in SECURITY
    assert {"sp=racwl", "spr=https", "sr=c"} <= set(url.partition("?")[2].split("&"))


def life_of_a_sas(max_lifetime: timedelta | None, *, is_delegated: bool = False) -> timedelta:
    """Return how long the SAS is asked to live that a cluster gets."""

    def answer(request: Request[Any]) -> Any:
        return is_delegated if isinstance(request, sas.SasIsDelegated) else request

    request = AnsweringRunner(answer).run(sign_container("c", max_lifetime))
    assert isinstance(request, sas.SasUrl)
    return request.lifetime


def test_the_lives_of_a_sas_are_those_that_the_page_lists() -> None:
    longest = sas.MAX_DELEGATED_SAS - sas.DELEGATED_SAS_MARGIN
    assert life_of_a_sas(timedelta(hours=5)) == timedelta(hours=5, days=1)
    assert life_of_a_sas(None) == KEY_SAS_LIFETIME
    assert life_of_a_sas(timedelta(hours=5), is_delegated=True) == timedelta(hours=5, days=1)
    assert life_of_a_sas(None, is_delegated=True) == longest
    assert f"one day from the creation or submission; without `max_lifetime` {KEY_SAS_LIFETIME.days} days" in SECURITY
    days, minutes = sas.MAX_DELEGATED_SAS.days, sas.DELEGATED_SAS_MARGIN.seconds // 60
    assert f"{days} days (less {minutes} minutes) at most" in SECURITY


def test_who_may_read_jobs_reads_the_sas() -> None:
    """The SAS is in the resource files of each task, and Azure Batch returns those."""
    conf = models.ClusterConfiguration(cluster_id="c", vm_count=1)
    (task,) = _batch_requests.cluster_tasks(conf, "https://b/c?sig=S")[-1:]
    assert task["resourceFiles"][0]["storageContainerUrl"].endswith("sig=S")
    assert "**the SAS: it is part of `resourceFiles`, which Batch returns.**" in SECURITY
    assert "No overlap with 172.17.0.0/16" in FIRST_RUN


def test_other_figures_of_the_security_page() -> None:
    assert timedelta(days=1) == DEFAULT_EXPIRY
    assert "A user ends after one day" in SECURITY
    assert REFUSED_PATIENCE == 120
    assert "their logs end after two minutes" in SECURITY
    assert f"{DEFAULT_MAX_LIFETIME.days} days by default" in SECURITY
    assert {contract.ClusterBlobs.SPARK_SECRET, contract.ApplicationBlobs("NAME").secrets} <= set(
        re.findall(r"blob `([^`]+)`", SECURITY)
    )
