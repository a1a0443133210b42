"""The page: what runs where, since when, by whom, what fails, and what waits for somebody. Server-rendered.

It reads without scripts. With them, `live.js` loads the same page again when something has changed and puts its main
part in place. Every text of others goes through Jinja's escaping; no route here does what the API would not do.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from app_of_apps.errors import InvalidInput, Position, Problem
from app_of_apps.service import content
from app_of_apps.service.operation import Asked
from app_of_apps.service.rendering import STATIC, answer, done, told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app_of_apps.service.front import Front
    from app_of_apps.service.principal import Principal

router = APIRouter(include_in_schema=False)


@router.get("/")
async def index(request: Request) -> Response:
    return await answer(request, "index.html", content.overview)


@router.get("/environments/{env}")
async def environment(request: Request, env: str) -> Response:
    def gather(front: Front, who: Principal) -> dict[str, Any]:
        return {**content.environment(front, who, env), **request.app.state.signatures.shown(request, env)}

    return await answer(request, "environment.html", gather)


@router.get("/operations/{identity}")
async def operation(request: Request, identity: str) -> Response:
    return await answer(request, "operation.html", lambda front, who: content.operation(front, who, identity))


@router.get("/proposals")
async def proposals(request: Request) -> Response:
    return await answer(request, "proposals.html", content.proposals)


@router.post("/environments/{env}/begin")
async def begin(
    request: Request,
    env: str,
    operation: Annotated[str, Form(max_length=20)],
    token: Annotated[str, Form(max_length=200)] = "",
    to: Annotated[str, Form(max_length=10)] = "",
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    def do(front: Front, who: Principal) -> str:
        try:
            asked = Asked.model_validate({"operation": operation, "to": int(to) if to else None, "reason": reason})
        except (ValidationError, ValueError):
            raise InvalidInput([Problem(Position("the form"), "", "asks for what there is not")]) from None
        return f"/operations/{front.begin(who, env, asked)[0].id}"

    return await done(request, token, do)


@router.post("/operations/{identity}/cancel")
async def cancel(request: Request, identity: str, token: Annotated[str, Form(max_length=200)] = "") -> Response:
    def do(front: Front, who: Principal) -> str:
        return f"/operations/{front.cancel(who, identity).id}"

    return await done(request, token, do)


@router.post("/proposals/{identity}/{verdict}")
async def decide(
    request: Request,
    identity: str,
    verdict: str,
    token: Annotated[str, Form(max_length=200)] = "",
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    def do(front: Front, who: Principal) -> str:
        if verdict == "accept":
            return f"/operations/{front.accept(who, identity)[1].id}"
        front.reject(who, identity, reason)
        return "/proposals"

    return await done(request, token, do)


@router.get("/login")
async def login(request: Request) -> Response:
    return await told(request, lambda: request.app.state.browser.begin(request))


@router.get("/callback")
async def callback(request: Request) -> Response:
    return await told(request, lambda: request.app.state.browser.end(request))


@router.post("/logout")
async def logout(request: Request, token: Annotated[str, Form(max_length=200)] = "") -> Response:
    def leave() -> Response:
        request.app.state.browser.check_form(request, token)
        found: Response = request.app.state.browser.leave(request)
        return found

    return await told(request, leave)


@router.get("/live")
async def live(request: Request) -> Response:
    who = await run_in_threadpool(request.app.state.browser.principal, request)
    if who is None:
        return Response(status_code=401)

    async def stream() -> AsyncIterator[str]:
        pulse, seen, beats = request.app.state.pulse, -1, 0
        yield "retry: 3000\n\n"
        while not await request.is_disconnected():
            if pulse.number != seen:
                seen = pulse.number
                yield f"id: {seen}\ndata: changed\n\n"
            beats += 1
            if beats % 40 == 0:
                yield ": still there\n\n"
            await asyncio.sleep(0.5)

    return StreamingResponse(stream(), media_type="text/event-stream")


@router.get("/static/{name}")
async def static(name: str) -> Response:
    file = STATIC / name
    if file.parent != STATIC or not file.is_file():
        return Response(status_code=404)
    return FileResponse(file, headers={"Cache-Control": "public, max-age=31536000, immutable"})
