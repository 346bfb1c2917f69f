"""Certificates for tests, made by openssl: an authority of our own, a server and a client it vouches for."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Pair:
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificates:
    authority: Path
    server: Pair
    client: Pair
    stranger: Pair
    """Signed by itself."""


def make_certificates(folder: Path) -> Certificates:
    if shutil.which("openssl") is None:
        pytest.skip("certificates for this test are made by openssl, which is not installed")
    authority = _self_signed(folder, "authority")
    return Certificates(
        authority=authority.certificate,
        server=_signed(folder, "server", authority),
        client=_signed(folder, "client", authority),
        stranger=_self_signed(folder, "stranger"),
    )


def _self_signed(folder: Path, name: str) -> Pair:
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    _openssl("req", "-x509", "-days", "2", *_new_key(pair.key, name), "-out", str(pair.certificate))
    return pair


def _signed(folder: Path, name: str, authority: Pair) -> Pair:
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    request, names = folder / f"{name}.csr", folder / f"{name}.ext"
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    _openssl("req", *_new_key(pair.key, name), "-out", str(request))
    by = ("-CA", str(authority.certificate), "-CAkey", str(authority.key), "-CAcreateserial")
    _openssl(
        "x509", "-req", "-days", "2", "-in", str(request), *by, "-extfile", str(names), "-out", str(pair.certificate)
    )
    return pair


def _new_key(path: Path, name: str) -> tuple[str, ...]:
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    return (*curve, "-keyout", str(path), "-subj", f"/CN={name}")


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
