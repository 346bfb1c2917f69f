"""`/docs` and `/openapi.json`. The page is Swagger UI, served from here: no content network, no inline script."""

import gzip
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.jsontext import write
from workflow_engine.rest.call import Call, Route

ASSETS: Final = Path(__file__).parent / "assets"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
A_DAY: Final = "public, max-age=86400"

router = APIRouter(route_class=Route, include_in_schema=False)


@router.get("/openapi.json")
async def get_openapi(call: Call) -> Response:
    return Response(write(call.app.openapi()), media_type="application/json")


@router.get("/docs")
async def get_docs(_call: Call) -> Response:
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(_asset("docs.html"), headers=headers, media_type="text/html")


@router.get("/docs/docs.js")
async def get_docs_script(_call: Call) -> Response:
    return Response(_asset("docs.js"), media_type="text/javascript")


@router.get("/docs/swagger-ui-bundle.js")
async def get_swagger_script(call: Call) -> Response:
    return _compressed(call, "swagger-ui-bundle.js.gz", "text/javascript")


@router.get("/docs/swagger-ui.css")
async def get_swagger_style(call: Call) -> Response:
    return _compressed(call, "swagger-ui.css.gz", "text/css")


def _compressed(call: Call, name: str, media_type: str) -> Response:
    """Kept compressed, and unpacked only for the rare client that cannot."""
    headers = {"Cache-Control": A_DAY, "Vary": "Accept-Encoding"}
    if "gzip" not in call.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(_asset(name)), headers=headers, media_type=media_type)
    return Response(_asset(name), headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)


@cache
def _asset(name: str) -> bytes:
    return (ASSETS / name).read_bytes()
