# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority for tests: what must be made anew is decided here, without touching a file.

Runs on the controller only, so it may use the cryptography package that ansible-core brings.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both as PEM."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Lifetimes:
    """Days: how long the authority and a certificate live, and how long before the end it is renewed."""

    authority: int
    leaf: int
    renew_before: int


@dataclass(frozen=True)
class Decision:
    """The pairs to have, and one line per pair that is new."""

    authority: Pair
    leaf: Pair
    actions: list[str]


def decide(
    authority: Pair | None, leaf: Pair | None, names: list[str], lifetimes: Lifetimes, now: dt.datetime
) -> Decision:
    """Keep what still serves; make the rest."""
    actions = []
    why = authority_fault(authority, lifetimes, now)
    if authority is None or why:
        authority = make_authority(lifetimes, now)
        actions.append(f"make authority: {why}")
    why = leaf_fault(leaf, authority, names, lifetimes, now)
    if leaf is None or why:
        leaf = make_leaf(authority, names, lifetimes, now)
        actions.append(f"issue certificate: {why}")
    return Decision(authority, leaf, actions)


def authority_fault(pair: Pair | None, lifetimes: Lifetimes, now: dt.datetime) -> str:
    """Why the authority cannot stay, or nothing. It must outlive a certificate issued today."""
    if pair is None:
        return "there is none"
    certificate = _certificate(pair)
    if certificate.not_valid_after_utc < now + dt.timedelta(days=lifetimes.leaf):
        return f"it ends on {certificate.not_valid_after_utc:%Y-%m-%d}"
    return "" if _matches(pair) else "its key does not match"


def leaf_fault(pair: Pair | None, authority: Pair, names: list[str], lifetimes: Lifetimes, now: dt.datetime) -> str:
    """Why the certificate cannot stay, or nothing."""
    if pair is None:
        return "there is none"
    certificate = _certificate(pair)
    if certificate.not_valid_after_utc < now + dt.timedelta(days=lifetimes.renew_before):
        return f"it ends on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if sorted(names_of(pair)) != sorted(set(names)):
        return "the names differ"
    try:
        certificate.verify_directly_issued_by(_certificate(authority))
    except (InvalidSignature, ValueError):
        return "another authority issued it"
    return "" if _matches(pair) else "its key does not match"


def names_of(pair: Pair) -> list[str]:
    """Every DNS name and address that the certificate is for."""
    alternative = _certificate(pair).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(address) for address in alternative.get_values_for_type(x509.IPAddress)]
    return alternative.get_values_for_type(x509.DNSName) + addresses


def make_authority(lifetimes: Lifetimes, now: dt.datetime) -> Pair:
    """A new self-signed authority; its name carries its date so that browsers tell two of them apart."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Mastodon test authority {now:%Y-%m-%d %H:%M:%S}")
    builder = (
        _builder(name, name, key, now, lifetimes.authority)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _pair(builder.sign(key, hashes.SHA256()), key)


def make_leaf(authority: Pair, names: list[str], lifetimes: Lifetimes, now: dt.datetime) -> Pair:
    """A new certificate for a server."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, issuer_key = _certificate(authority), _key(authority)
    builder = (
        _builder(_name(names[0][:64]), issuer.subject, key, now, lifetimes.leaf)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in sorted(set(names))]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    return _pair(builder.sign(issuer_key, hashes.SHA256()), key)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # An hour back: the clock of a host may be a little behind the controller's.
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM).decode(), key_pem.decode())


def _certificate(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.encode())


def _key(pair: Pair) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pair.key.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the private key is not of the kind that is made here (elliptic curve)")
    return key


def _matches(pair: Pair) -> bool:
    try:
        return _key(pair).public_key() == _certificate(pair).public_key()
    except ValueError:
        return False
