"""The certificate authority of one sandbox cluster and the certificates it signs."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.files import PRIVATE, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Authority = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


_YEARS = 10

CLIENTS: Mapping[str, tuple[str, str | None]] = {
    "admin": ("{env}-admin", "sandbox:admins"),
    "bootstrap": ("sandbox:bootstrap", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", None),
    "kube-scheduler": ("system:kube-scheduler", None),
    "kwok": ("sandbox:kwok", None),
    "vault-secrets-operator": ("sandbox:vault-secrets-operator", None),
    "etcd-client": ("sandbox:etcd-client", None),
}
"""Client certificates: file name → user name and group as the API server sees them. People and the program are
``<env>-admin``, bound to cluster-admin by RBAC; the group that bypasses RBAC is used for bootstrap only."""


def create(folder: Path, env: str) -> None:
    """Create ``ca``, ``server``, ``sa`` and the client pairs (``.crt``, ``.key``) in the new folder `folder`.

    Everything is made in a folder beside it that is renamed at the end: an interrupted run leaves no half set.
    """
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(authority_key, f"sandbox-{env}-ca", None, None)
    signer = (authority_key, authority)
    _store(draft, "ca", authority_key, authority)
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    server_key = ec.generate_private_key(ec.SECP256R1())
    alternative = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), *(x509.DNSName(name) for name in names)]
    )
    # etcd checks its own server certificate for client use when it dials itself.
    server_uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    server = _certificate(server_key, "sandbox-server", None, signer, server_uses, alternative=alternative)
    _store(draft, "server", server_key, server)
    for name, (user, group) in CLIENTS.items():
        key = ec.generate_private_key(ec.SECP256R1())
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = _certificate(key, user.format(env=env), group, signer, uses)
        _store(draft, name, key, certificate)
    # Service account tokens are verified by Vault as well, which takes RS256 without being told.
    signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = signing.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = signing.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write(draft / "sa.key", private, mode=PRIVATE)
    write(draft / "sa.pub", public)
    draft.rename(folder)


def create_server(folder: Path, name: str) -> None:
    """Create a ``ca`` and a ``server`` pair for 127.0.0.1 in the new folder `folder`, in one step like `create`."""
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(authority_key, f"{name}-ca", None, None)
    _store(draft, "ca", authority_key, authority)
    key = ec.generate_private_key(ec.SECP256R1())
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    uses = [ExtendedKeyUsageOID.SERVER_AUTH]
    _store(draft, "server", key, _certificate(key, name, None, (authority_key, authority), uses, alternative=loopback))
    draft.rename(folder)


def _certificate(
    key: ec.EllipticCurvePrivateKey,
    user: str,
    group: str | None,
    signer: Authority | None,
    uses: Sequence[x509.ObjectIdentifier] = (),
    *,
    alternative: x509.SubjectAlternativeName | None = None,
) -> x509.Certificate:
    """A certificate signed by the authority, or the authority's own when none is given."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    if group:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    subject = x509.Name(attributes)
    now = dt.datetime.now(dt.UTC)
    is_authority = signer is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer[1].subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_encipherment=not is_authority,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                content_commitment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if uses:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    if alternative:
        builder = builder.add_extension(alternative, critical=False)
    if signer:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer[0].public_key())
        builder = builder.add_extension(issuer, critical=False)
    return builder.sign(signer[0] if signer else key, hashes.SHA256())


def _store(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write(folder / f"{name}.key", private, mode=PRIVATE)
    write(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM))
