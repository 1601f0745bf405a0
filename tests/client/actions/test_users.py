"""Which SSH key a user gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from airflow_provider_aztk.client._actions.users import check_user, default_key
from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import SecretsConfiguration, SharedKeyConfiguration

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = SharedKeyConfiguration(
    batch_account_name="b",
    batch_account_key="QUJD",
    batch_service_url="https://b.region.batch.azure.com",
    storage_account_name="s",
    storage_account_key="QUJD",
)


def test_the_public_half_of_a_private_key(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert default_key(SecretsConfiguration(shared_key=ACCOUNT, ssh_priv_key=private)) == public
    path = tmp_path / "id_ed25519"
    path.write_text(private)
    assert default_key(SecretsConfiguration(shared_key=ACCOUNT, ssh_priv_key=str(path))) == public


def test_a_public_key_wins_and_none_is_none() -> None:
    assert (
        default_key(SecretsConfiguration(shared_key=ACCOUNT, ssh_pub_key="ssh-rsa A", ssh_priv_key="x")) == "ssh-rsa A"
    )
    assert default_key(SecretsConfiguration(shared_key=ACCOUNT)) is None


def test_a_private_key_that_is_none_is_named_and_not_shown() -> None:
    with pytest.raises(InvalidConfigurationError, match="ssh_priv_key") as error:
        default_key(SecretsConfiguration(shared_key=ACCOUNT, ssh_priv_key="hush-hush"))
    assert "hush-hush" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "password", "key", "field"),
    [("", "p", None, "username"), ("x" * 21, "p", None, "username"), ("a b", "p", None, "username"),
     ("ok", None, None, "password, ssh_key"), ("ok", "p", "k", "password, ssh_key")],
)  # fmt: skip
def test_bad_users_are_refused(name: str, password: str | None, key: str | None, field: str) -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        check_user(name, password, key)
    assert [fault.field for fault in error.value.faults] == [field]
    check_user("spark-user_1", "p", None)
