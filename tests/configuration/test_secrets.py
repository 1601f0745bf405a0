"""Secrets of applications: which names hold one, and what of them is masked in logs."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_aztk.configuration.references import check_references, mask
from airflow_provider_aztk.configuration.secret_names import is_secret_name
from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.operators.application import AztkSubmitApplicationOperator
from airflow_provider_aztk.operators.driver_logs import DriverLogs
from airflow_provider_aztk.triggers.application import AztkApplicationTrigger
from tests.support.airflow_home import CONNECTION, Context
from tests.support.fake_wait import FakeClock

PEM = "-----BEGIN KEY-----\nAbCdEfGhIjKlMnOp\nQrStUv\n-----END KEY-----\n"
LINES = {"-----BEGIN KEY-----", "AbCdEfGhIjKlMnOp", "-----END KEY-----"}

SECRET_NAMES = [
    "fs.azure.account.key.mylake.dfs.core.windows.net",
    "spark.hadoop.fs.azure.account.key.x",
    "fs.azure.account.oauth2.client.secret",
    "fs.azure.account.oauth2.client.secret.mylake.dfs.core.windows.net",
    "spark.hadoop.fs.azure.account.oauth2.client.secret.my-lake.z12.dfs.storage.azure.net",
    "fs.azure.account.oauth2.user.password.mylake.blob.core.chinacloudapi.cn",
    "fs.azure.sas.container.mylake.blob.core.windows.net",
    "fs.azure.sas.fixed.token.mylake.dfs.core.windows.net",
    "spark.hadoop.fs.s3a.access.key",
    "spark.hadoop.fs.s3a.bucket.landing.secret.key",
    "spark.hadoop.fs.s3a.session.token",
    "spark.hadoop.google.cloud.auth.service.account.private.key",
    "spark.hadoop.javax.jdo.option.ConnectionPassword",
    "spark.ssl.keyPassword",
    "spark.ssl.ui.keyStorePassword",
    "spark.authenticate.secret",
    "spark.kubernetes.authenticate.driver.oauthToken",
    "spark.sql.catalog.prod.password",
    "spark.executorEnv.DB_PASSWORD_PROD",
    "eventhubs.connectionString",
    "aws.secret.access.key",
    "AWS_SECRET_ACCESS_KEY",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_KEY_PASSPHRASE",
    "ACCOUNT_KEY",
    "API_KEY",
    "API_KEY_PROD",
    "API_TOKEN",
    "API_TOKEN_PROD",
    "APIKEY",
    "APP_SECRETS",
    "CLIENT_SECRET_2",
    "DB_CONN_STR",
    "DB_PASSWORD",
    "DB_PASSWORD_PROD",
    "DB_PWD",
    "HF_TOKEN",
    "JDBC_PASS",
    "PASSWORD1",
    "PGPASSWORD",
    "SAS",
    "SAS_TOKEN",
    "SAS_URL",
    "STORAGE_SAS",
    "accountKey",
    "apiKey",
    "passphrase",
    "pass",
    "sasToken",
]
INNOCENT_NAMES = [
    "spark.executor.memory",
    "spark.auth.secretBits",
    "spark.authenticate.secret.driver.file",
    "spark.hadoop.fs.azure.account.auth.type.mylake.dfs.core.windows.net",
    "spark.hadoop.fs.azure.account.keyprovider.mylake.dfs.core.windows.net",
    "spark.hadoop.fs.azure.account.oauth2.client.endpoint.mylake.dfs.core.windows.net",
    "spark.hadoop.fs.azure.account.oauth2.client.id",
    "spark.hadoop.fs.azure.account.oauth2.refresh.token.endpoint",
    "spark.hadoop.fs.azure.account.oauth2.token.file.mylake.dfs.core.windows.net",
    "fs.azure.sas.token.provider.type.mylake.dfs.core.windows.net",
    "spark.hadoop.fs.s3a.aws.credentials.provider",
    "spark.kubernetes.driver.secrets.x",
    "spark.kubernetes.driver.secretKeyRef.mounted_name",
    "spark.network.crypto.keyLength",
    "spark.redaction.regex",
    "spark.security.credentials.hive.enabled",
    "spark.sql.keyspace",
    "spark.sql.passthrough",
    "spark.yarn.tokens.enabled",
    "",
    "...",
    "API_KEY_HEADER_NAME",  # what ends in a word about secrets holds none
    "AWS_ACCESS_KEY_ID",
    "COMPASS_HOME",
    "DB_PASSWORD_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "KEYBOARD",
    "MAX_PASS",
    "MAX_TOKENS",
    "PASSTHROUGH",
    "PRIVATE_KEY_PATH",
    "PRIMARY_KEY",
    "PWD",
    "SASL_MECHANISM",
    "SECRET_NAME",
    "TOKENIZERS_PARALLELISM",
    "TOKEN_URL",
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_names_of_secrets_are_refused(name: str) -> None:
    assert is_secret_name(name)
    for field in ("conf", "env"):
        (wrong,) = check_references({field: {name: "hunter2"}})
        assert f"move it to secret_{field}" in wrong
        assert "hunter2" not in wrong


@pytest.mark.parametrize("name", INNOCENT_NAMES)
def test_innocent_names_are_not(name: str) -> None:
    assert not is_secret_name(name)
    assert check_references({"conf": {name: "x"}, "env": {name: "x"}}) == []


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The texts that Airflow masks."""
    found: set[str] = set()

    def note(secret: Any, *names: Any) -> None:
        if isinstance(secret, str) and not names:  # Airflow itself masks whole extras, and fields with their names
            found.add(secret)

    monkeypatch.setattr("airflow.sdk.log.mask_secret", note)
    return found


def test_a_secret_of_several_lines_is_masked_line_by_line(masked: set[str]) -> None:
    mask(PEM)
    assert masked == {PEM, *LINES}


@pytest.mark.parametrize("secret", ["short", "a secret of one line"])
def test_a_secret_of_one_line_is_masked_once(secret: str, masked: set[str]) -> None:
    mask(secret)
    assert masked == {secret}


KEY_FIELD = "keys:extra.private"


@pytest.fixture
def key_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection ``keys`` with a secret of several lines."""
    value = json.dumps({"conn_type": "generic", "extra": {"private": PEM}})
    monkeypatch.setenv("AIRFLOW_CONN_KEYS", value)


@pytest.mark.usefixtures("key_connection")
def test_the_worker_masks_every_line(masked: set[str]) -> None:
    operator = AztkSubmitApplicationOperator(task_id="t", cluster_id="c", application={"name": "a"})
    result = {"secret_refs": [KEY_FIELD]}
    end: Any = {"status": "success", "result": result}
    DriverLogs(operator, Context(), are_streamed=False).finish("c", end)  # type: ignore[arg-type]
    assert masked >= LINES


@pytest.mark.usefixtures("key_connection")
def test_the_triggerer_masks_every_line(masked: set[str]) -> None:
    trigger = AztkApplicationTrigger(
        cluster_id="c", application_names=["a"], aztk_conn_id="aztk_default", log_names=["a"], secret_refs=[KEY_FIELD]
    )
    activity = trigger.make_activity(AztkHook(), clock=FakeClock(), on_link=None)
    asyncio.run(activity.prepare())
    assert masked >= LINES


def test_the_hook_masks_every_line(masked: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    extra: dict[str, Any] = {**CONNECTION["extra"], "ssh_private_key": PEM}
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps({**CONNECTION, "extra": extra}))
    _ = AztkHook().secrets
    assert masked >= LINES


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_secret_known_after_rendering_only_fails_the_task_for_good(
    deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = AztkSubmitApplicationOperator(
        task_id="t", cluster_id="c", application="{{ params.x }}", deferrable=deferrable
    )
    operator.application = f"name: a\napplication: a.py\nsecret_env: {{K: {PEM.splitlines()[1]}}}\n"  # as rendered
    monkeypatch.setattr(AztkHook, "get_client", lambda _: nullcontext(object()))  # which can do nothing
    with pytest.raises(AirflowFailException, match=r"application: secret_env\['K'\]") as raised:
        operator.execute(Context())
    assert PEM.splitlines()[1] not in str(raised.value)
