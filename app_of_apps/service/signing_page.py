"""The page's forms for signatures, and where the identity provider sends browsers back to.

A form is answered with a page that says what will be signed and links to the login. It does not send the browser there
by itself: a browser holds what follows from a form to the page's `form-action`, and that names nobody but the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from app_of_apps.service.rendering import done, render, told
from app_of_apps.service.signatures import Signatures, Wish
from app_of_apps.service.tokens import NoToken

if TYPE_CHECKING:
    from app_of_apps.service.front import Front
    from app_of_apps.service.principal import Principal

router = APIRouter(include_in_schema=False)

Token = Annotated[str, Form(max_length=200)]
Reason = Annotated[str, Form(max_length=500)]


@router.post("/environments/{env}/approve")
async def approve(
    request: Request,
    env: str,
    release: Annotated[str, Form(pattern=r"^sha256:[0-9a-f]{64}$")],
    token: Token = "",
    reason: Reason = "",
) -> Response:
    return await _asked(request, token, Wish("approve", env, release, _printable(reason)))


@router.post("/environments/{env}/revoke")
async def revoke(
    request: Request,
    env: str,
    nonce: Annotated[str, Form(pattern=r"^[0-9a-f]{6,32}$")],
    token: Token = "",
    reason: Reason = "",
) -> Response:
    return await _asked(request, token, Wish("revoke", env, nonce, _printable(reason)))


@router.get("/callback/sign")
async def callback(request: Request) -> Response:
    signatures: Signatures = request.app.state.signatures
    who = await run_in_threadpool(request.app.state.browser.principal, request)

    def end() -> Response:
        if who is None:
            msg = "there is no session of yours that has begun this; log in and begin again. Nothing was signed"
            raise NoToken(msg)
        return signatures.end(request, who)

    answer = await told(request, end, who)
    signatures.drop(answer)
    return answer


async def _asked(request: Request, token: str, wish: Wish) -> Response:
    signatures: Signatures = request.app.state.signatures

    def do(front: Front, who: Principal) -> Response:
        url, sealed = signatures.begin(request, who, wish)
        names = front.rights.seen(who)
        form = request.app.state.browser.form_token(request)
        shown = {"who": who, "form": form, "to": "", "names": names, "wish": wish, "url": url}
        answer = HTMLResponse(render("sign.html", shown))
        signatures.put(answer, sealed)
        return answer

    return await done(request, token, do)


def _printable(text: str) -> str:
    """Return one line of what a person can read."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())
