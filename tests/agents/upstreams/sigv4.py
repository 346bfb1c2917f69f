"""Checks a request's AWS Signature Version 4 as Bedrock does: computes it again from what arrived."""

import hashlib
import hmac
import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from time import strptime
from typing import Final
from urllib.parse import quote

from tests.agents.upstreams.asked import Request

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SERVICE: Final = "bedrock"
DATE: Final = "%Y%m%dT%H%M%SZ"
SKEW_SECONDS: Final = 300.0
AUTHORIZATION: Final = re.compile(
    rf"^{ALGORITHM} Credential=(?P<key>[^/]+)/(?P<day>\d{{8}})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/"
    r"aws4_request, *SignedHeaders=(?P<signed>[a-z0-9;-]+), *Signature=(?P<signature>[0-9a-f]{64})$"
)


class SignatureRefused(Exception):
    """`exception` is what AWS calls it."""

    def __init__(self, exception: str, message: str) -> None:
        self.exception = exception
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Signing:
    """What the Authorization header claims."""

    key: str
    day: str
    region: str
    service: str
    signed: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def check_signature(request: Request, secrets: Mapping[str, str], now: float) -> None:
    """`secrets`: secret by access key; `now`: UTC epoch seconds. Raises `SignatureRefused`."""
    signing = _read(request.headers.get("authorization", ""))
    date = request.headers.get("x-amz-date", "")
    if signing.key not in secrets:
        raise SignatureRefused("UnrecognizedClientException", "The security token included in the request is invalid.")
    _check_coverage(request, signing)
    _check_date(date, signing, now)
    expected = _signature(request, signing, secrets[signing.key], date)
    if not hmac.compare_digest(expected, signing.signature):
        raise SignatureRefused(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
        )


def _read(authorization: str) -> Signing:
    if not authorization:
        raise SignatureRefused("MissingAuthenticationTokenException", "Missing Authentication Token")
    found = AUTHORIZATION.match(authorization)
    if found is None:
        raise SignatureRefused("IncompleteSignatureException", "The Authorization header cannot be read.")
    signed = tuple(found["signed"].split(";"))
    return Signing(found["key"], found["day"], found["region"], found["service"], signed, found["signature"])


def _check_coverage(request: Request, signing: Signing) -> None:
    """The host and whatever begins with x-amz- must be signed, for this service."""
    wanted = {"host", *(name for name in request.headers if name.startswith("x-amz-"))}
    if missing := sorted(wanted - set(signing.signed)):
        raise SignatureRefused(
            "InvalidSignatureException", f"{', '.join(missing)} must be a signed header in the AWS authorization."
        )
    if signing.service != SERVICE:
        raise SignatureRefused(
            "InvalidSignatureException", f"Credential should be scoped to correct service: '{SERVICE}'."
        )


def _check_date(date: str, signing: Signing, now: float) -> None:
    try:
        signed_at = timegm(strptime(date, DATE))
    except ValueError:
        raise SignatureRefused("IncompleteSignatureException", f"Date must be like {DATE}.") from None
    if not date.startswith(signing.day):
        raise SignatureRefused("InvalidSignatureException", "Date in Credential scope does not match the date.")
    if abs(now - signed_at) > SKEW_SECONDS:
        raise SignatureRefused("InvalidSignatureException", f"Signature expired: {date} is too far from now.")


def _signature(request: Request, signing: Signing, secret: str, date: str) -> str:
    text = "\n".join((ALGORITHM, date, signing.scope, _sha256(_canonical(request, signing).encode())))
    key = f"AWS4{secret}".encode()
    for part in (signing.day, signing.region, signing.service, "aws4_request"):
        key = _hmac(key, part)
    return _hmac(key, text).hex()


def _canonical(request: Request, signing: Signing) -> str:
    path, _, query = request.target.partition("?")
    fields = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signing.signed)
    signed = ";".join(signing.signed)
    return "\n".join(
        # Every service but S3 encodes the path, which is encoded already, once more.
        (request.method, quote(path, safe="/~"), _sorted_query(query), fields, signed, _sha256(request.body))
    )


def _sorted_query(query: str) -> str:
    pairs = sorted(pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair)
    return "&".join(pairs)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
