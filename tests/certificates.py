"""Certificates for doors of the tests, made when they are needed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

HERE = ip_address("127.0.0.1")


@dataclass
class Authority:
    """Signs certificates of doors at 127.0.0.1."""

    name: str
    key: EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls, name: str) -> "Authority":
        key = generate_private_key(SECP256R1())
        subject = _named(name)
        made = (
            _begun(subject, subject, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(key, SHA256())
        )
        return cls(name, key, made)

    def written(self, path: Path) -> Path:
        """The authority's own certificate, for those who believe it."""
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return path

    def issue(self, certificate: Path, key_file: Path, passphrase: bytes | None = None) -> None:
        """Write a certificate and its key, which nobody else may read."""
        key = generate_private_key(SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        made = (
            _begun(_named("a door"), _named(self.name), key)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(HERE)]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self.key, SHA256())
        )
        certificate.write_bytes(made.public_bytes(Encoding.PEM))
        key_file.touch(mode=0o600)
        sealed = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
        key_file.write_bytes(text)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
    )
