"""Whatever is given for whatever field: it works, or it is refused with the field's name."""

from __future__ import annotations

import pickle
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import _batch_requests, _uploads, errors, models

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models._base import ConfigModel

HERE = Path(__file__)
ARM = "/subscriptions/s/resourceGroups/r/providers"
SHARED_KEY = {
    "batch_account_name": "b",
    "batch_account_key": "aaaa",
    "batch_service_url": "https://b",
    "storage_account_name": "s",
    "storage_account_key": "aaaa",
}
APPLICATION = {"name": "a", "application": str(HERE)}
GOOD: dict[type[ConfigModel], dict[str, Any]] = {
    models.CustomScript: {"script": str(HERE)},
    models.SparkConfiguration: {},
    models.ApplicationConfiguration: APPLICATION,
    models.ClusterConfiguration: {"cluster_id": "c", "vm_count": 1},
    models.JobConfiguration: {"id": "j", "applications": [APPLICATION], "max_dedicated_nodes": 1},
    models.SharedKeyConfiguration: SHARED_KEY,
    models.ServicePrincipalConfiguration: {
        "batch_account_resource_id": f"{ARM}/Microsoft.Batch/batchAccounts/b",
        "storage_account_resource_id": f"{ARM}/Microsoft.Storage/storageAccounts/s",
    },
    models.DockerConfiguration: {"username": "u", "password": "p"},
    models.SecretsConfiguration: {"shared_key": SHARED_KEY},
}
FIELDS = [(model, field.name) for model in GOOD for field in fields(model) if field.init]  # type: ignore[arg-type]
BAD: list[Any] = [
    *(5, -1, 1.5, float("inf"), float("nan"), True, None, 10**400, object(), b"x"),
    *("", "x", "ü☃", "5", "\0", "~nobody-of-this-name/a", "http://[", "a b", "99999999999999999d", "P99999999999D"),
    *([], ["x"], [None], [5], (1, 2), {}, {"a": 1}, {5: 5}, {"script": "x"}, HERE, [HERE]),
]
PRINCIPAL = {"tenant_id", "client_id", "credential"}  # one of them needs the others


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=lambda value: getattr(value, "__name__", value))
def test_every_value_works_or_is_refused_by_name(model: type[ConfigModel], name: str) -> None:
    for bad in BAD:
        values = {**GOOD[model], name: bad}
        for build in (model, lambda model=model, **given: model.from_dict(given)):
            try:
                built = build(**values)
            except errors.InvalidConfigurationError as error:
                named = {fault.field.split(".")[0].split("[")[0] for fault in error.faults}
                assert name in ", ".join(named) or (named <= PRINCIPAL and name in PRINCIPAL), bad
            else:
                built.to_yaml()
                assert model.from_dict(built.to_dict()) == built, bad
                _use(built)


def _use(built: ConfigModel) -> None:
    if isinstance(built, models.ApplicationConfiguration):
        _uploads.application_upload(built)
        _batch_requests.application_task(built, {}, "url")
    elif isinstance(built, models.ClusterConfiguration):
        _uploads.cluster_upload(built, "cluster")
        _batch_requests.cluster_tasks(built, "url")
    elif isinstance(built, models.JobConfiguration):
        _use(built.cluster())


def test_nested_models_may_be_given_as_dicts() -> None:
    job = models.JobConfiguration(
        "j",
        [APPLICATION],  # type: ignore[list-item]
        [{"script": str(HERE), "run_on": "worker"}],  # type: ignore[list-item]
        {"jars": [HERE]},  # type: ignore[arg-type]
        max_dedicated_nodes=1,
    )
    assert isinstance(job.applications[0], models.ApplicationConfiguration)
    assert job.cluster().custom_scripts == (models.CustomScript(script=str(HERE), run_on="worker"),)
    with pytest.raises(errors.InvalidConfigurationError) as error:
        models.ClusterConfiguration(
            cluster_id="c d",
            vm_count=1,
            custom_scripts=[{"script": "/nowhere", "run_on": "moon"}],  # type: ignore[list-item]
        )
    assert [fault.field for fault in error.value.faults] == [
        "custom_scripts[0].script",
        "custom_scripts[0].run_on",
        "cluster_id",
    ]


KEY = "c2VjcmV0LWtleS00NzEx"


@pytest.mark.parametrize(
    "given",
    [
        KEY,
        [KEY],
        {"shared_key": KEY},
        {"shared_key": [KEY]},
        {"shared_key": {**SHARED_KEY, "batch_account_key": [KEY]}},
        {"shared_key": {**SHARED_KEY, "storage_account_key": KEY + "!"}},
        {"shared_key": SHARED_KEY, "docker": KEY},
        {"shared_key": SHARED_KEY, "docker": {"username": "u", "password": {KEY: KEY}}},
        {"shared_key": SHARED_KEY, "ssh_priv_key": [KEY]},
        {"shared_key": SHARED_KEY, "batch_account_key": KEY},
    ],
)
def test_secrets_at_the_wrong_place_are_not_shown(given: Any) -> None:
    with pytest.raises(errors.InvalidConfigurationError) as error:
        models.SecretsConfiguration.from_dict(given)
    assert KEY not in _all_text(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "shared_key:\n  batch_account_key: {key}\n batch_account_name: x\n",
        'shared_key:\n  batch_account_key: "{key}\n',
        "shared_key:\n  batch_account_key: @{key}\n",
        "shared_key:\n  batch_account_key: a: {key}\n",
        "shared_key:\n  batch_account_key: *{key}\n",
        "shared_key:\n  batch_account_key: !{key} x\n",
        "shared_key:\n  batch_account_key: {key}\n  batch_account_key {key}\n",
        "default: {key}\nx: 1\n",
        "shared_key: {key}\ndocker: {key}\n",
        "- {key}\n- {key}\n",
    ],
)
def test_broken_yaml_shows_where_and_no_secret(text: str, tmp_path: Path) -> None:
    path = tmp_path / "secrets.yaml"
    path.write_text(text.replace("{key}", KEY))
    for source in (path, path.read_text()):
        with pytest.raises(errors.InvalidConfigurationError) as error:
            models.SecretsConfiguration.from_yaml(source)
        assert KEY not in _all_text(error.value)


def _all_text(error: BaseException | None) -> str:
    texts = []
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def test_all_errors_survive_pickling() -> None:
    given: list[errors.AztkError] = [
        errors.InvalidConfigurationError("x", [errors.FieldError("a", "b", "c")]),
        errors.ServiceError("m", code="C", status=400, request_id="r", values={"a": "b"}),
        errors.AuthenticationError("m", service="s", account="a", code="c"),
        errors.ClusterFailedError("m", id="i", code="C", values={"a": "b"}),
        errors.ClusterNotFoundError("m", id="i"),
        errors.ApplicationExistsError("m", id="i"),
        errors.WaitTimeoutError("m"),
    ]
    for error in given:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
