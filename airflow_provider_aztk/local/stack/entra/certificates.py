"""A certificate for loopback: azure-identity and the SDKs send tokens over https only."""

from __future__ import annotations

import ipaddress
import os
import ssl
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from airflow_provider_aztk.local.batch.common.loopback import LOOPBACK
from airflow_provider_aztk.local.batch.common.times import utcnow

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Certificates", "make_certificates"]

_LIFETIME = timedelta(days=365)
_CLOCK_SKEW = timedelta(days=1)
#: Where clients are told which authorities they trust; the first that is set is kept beside ours.
_BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """What was made.

    :param context: for servers.
    :param ca_file: what clients are to trust, for ``SSL_CERT_FILE`` and ``REQUESTS_CA_BUNDLE``: this machine's
        authorities, and ours.
    """

    context: ssl.SSLContext
    ca_file: Path


def make_certificates(directory: Path) -> Certificates:
    """Make an authority, and a certificate of it for 127.0.0.1, ::1 and localhost; the authority's key is not kept.

    :param directory: is created, and readable by its owner only.
    """
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _authority(ca_key)
    certificate = _certificate(key, ca, ca_key)
    chain, secret = directory / "server.pem", directory / "server-key.pem"
    chain.write_bytes(_pem(certificate) + _pem(ca))
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, secret)
    bundle = directory / "ca.pem"
    bundle.write_bytes(_pem(ca) + b"".join(_known_authorities(bundle)))
    return Certificates(context=context, ca_file=bundle)


def _known_authorities(own: Path) -> Iterator[bytes]:
    """Read what this machine trusts: a client that trusts ours alone could reach nothing else."""
    paths = [*(os.environ.get(name) for name in _BUNDLE_VARIABLES), ssl.get_default_verify_paths().cafile]
    for path in filter(None, paths):
        if Path(path).is_file() and Path(path) != own:
            yield b"\n" + Path(path).read_bytes()
            return


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    name = _name("aztk-local authority")
    builder = _builder(name, name, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.add_extension(usage, critical=True).sign(key, hashes.SHA256())


def _certificate(
    key: ec.EllipticCurvePrivateKey, ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in (LOOPBACK, "::1")]
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = _builder(_name(LOOPBACK), ca.subject, key)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.add_extension(authority, critical=False).sign(ca_key, hashes.SHA256())


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = utcnow()
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _CLOCK_SKEW).not_valid_after(now + _LIFETIME)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
