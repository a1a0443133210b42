"""The page: what runs where, since when, by whom, what fails, and what waits for somebody. Server-rendered.

It reads without scripts. With them, `live.js` loads the same page again when something has changed and puts its main
part in place. Every text of others goes through Jinja's escaping; no route here does what the API would not do.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from app_of_apps.errors import AppOfAppsError, InvalidInput, Position, Problem
from app_of_apps.service.drawing import drawing
from app_of_apps.service.operation import CHANGES, ENDED, NEEDS, Asked, State
from app_of_apps.service.rendering import STATIC, age, answer, done, told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from app_of_apps.service.front import Front
    from app_of_apps.service.operation import Operation
    from app_of_apps.service.principal import Principal

router = APIRouter(include_in_schema=False)
_FIRST: Final = 2.5
"""Seconds that a page waits for what nobody has asked before."""
_LATEST: Final = 12


@router.get("/")
async def index(request: Request) -> Response:
    return await answer(request, "index.html", _overview)


@router.get("/environments/{env}")
async def environment(request: Request, env: str) -> Response:
    def gather(front: Front, who: Principal) -> dict[str, Any]:
        return {**_environment(front, who, env), **request.app.state.signatures.shown(request, env)}

    return await answer(request, "environment.html", gather)


@router.get("/operations/{identity}")
async def operation(request: Request, identity: str) -> Response:
    return await answer(request, "operation.html", lambda front, who: _operation(front, who, identity))


@router.get("/proposals")
async def proposals(request: Request) -> Response:
    return await answer(request, "proposals.html", _proposals)


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


def _overview(front: Front, who: Principal) -> dict[str, Any]:
    envs = front.environments(who)
    order: dict[str, None] = {}
    for env in envs:
        order |= dict.fromkeys(child["name"] for child in front.graph(who, env["name"])["children"])
    rows = []
    for name in order:
        cells = [next((child for child in env["children"] if child["name"] == name), None) for env in envs]
        versions = {cell["version"] for cell in cells if cell is not None and cell["version"]}
        there = [cell for cell in cells if cell is not None]
        rows.append(
            {
                "name": name,
                "type": there[0]["type"] if there else "",
                "team": there[0]["team"] if there else "",
                "cells": cells,
                "differs": len(versions) > 1,
            }
        )
    operations, _ = front.operations(who, env=None, state=None, before=None, limit=50)
    return {
        "envs": [{**env, "last": _last(front, who, env["name"])} for env in envs],
        "rows": rows,
        "graphs": {env["name"]: _graph(front, who, env) for env in envs},
        "attention": _attention(front, who, envs, operations),
        "running": [_live(front, who, one) for one in operations if one.state not in ENDED],
        "latest": _latest(front, who, [env["name"] for env in envs]),
        "invalid": front.world.files.problems if all(_whole(front, who, env["name"]) for env in envs) else (),
    }


def _environment(front: Front, who: Principal, env: str) -> dict[str, Any]:
    found = front.environment(who, env)
    operations, _ = front.operations(who, env=env, state=None, before=None, limit=20)
    may = {
        right
        for right in ("preview", "deploy", "rollback")
        if len(front.rights.allowed(who, right, env)) == len(front.world.files.project.releases[env].children)
    }
    return {
        "env": found,
        "graph": _graph(front, who, found),
        "operations": operations,
        "running": [_live(front, who, one) for one in operations if one.state not in ENDED],
        "latest": _latest(front, who, [env], most=40),
        "approvals": _approvals(front, who, env),
        "changes": _changes(front, who, env),
        "attention": _attention(front, who, [found], operations),
        "may": may,
    }


def _operation(front: Front, who: Principal, identity: str) -> dict[str, Any]:
    found = front.operation(who, identity)
    live = _live(front, who, found)
    may = not (frozenset(found.children) or front.rights.visible(who, found.environment)) - front.rights.allowed(
        who, NEEDS[found.operation], found.environment
    )
    return {
        "operation": found,
        "live": live,
        "report": found.report or {},
        "may_cancel": may and found.state not in ENDED,
    }


def _proposals(front: Front, who: Principal) -> dict[str, Any]:
    found, _ = front.proposals(who, state=None, before=None, limit=100)
    return {"proposals": found}


def _graph(front: Front, who: Principal, env: Mapping[str, Any]) -> str:
    states = {child["name"]: child for child in env["children"]}
    doing: dict[str, str] = {}
    running, _ = front.operations(who, env=env["name"], state=State.RUNNING, before=None, limit=1)
    for one in running:
        doing = {row["child"]: row["doing"] for row in _live(front, who, one)["rows"]}
    return drawing(front.graph(who, env["name"]), states, doing)


def _live(front: Front, who: Principal, operation: Operation) -> dict[str, Any]:
    """Return an operation with the last that was heard of each child, and its last lines."""
    rows: dict[str, dict[str, Any]] = {}
    lines: list[str] = []
    after = 0
    while found := front.events(who, operation, after):
        after = found[-1].number
        for event in found:
            if event.kind == "child":
                rows[str(event.data["child"])] = event.data
            elif event.kind == "line":
                lines.append(str(event.data["text"]))
    return {"operation": operation, "rows": list(rows.values()), "lines": lines[-200:]}


def _whole(front: Front, who: Principal, env: str) -> bool:
    return len(front.rights.visible(who, env)) == len(front.world.files.project.releases[env].children)


def _last(front: Front, who: Principal, env: str) -> dict[str, Any] | None:
    """Return the last attempt that succeeded: since when it runs, by whom."""
    return next((one for one in _latest(front, who, [env], most=40) if one["result"] == "succeeded"), None)


def _latest(front: Front, who: Principal, envs: list[str], most: int = _LATEST) -> list[dict[str, Any]]:
    found = []
    for env in envs:
        if front.world.glance("history", env, "--output", "json", wait=_FIRST) is None:
            continue
        try:
            found += [{**one, "environment": env} for one in front.history(who, env)["attempts"]]
        except AppOfAppsError:
            continue
    return sorted(found, key=lambda one: str(one["began"]), reverse=True)[:most]


def _approvals(front: Front, who: Principal, env: str) -> dict[str, Any] | None:
    if not _whole(front, who, env):
        return None
    found: dict[str, Any] | None = front.world.glance("approvals", env, "--format", "json", wait=_FIRST)
    return found


def _changes(front: Front, who: Principal, env: str) -> dict[str, Any] | None:
    if front.world.glance("release", "diff", env, "--output", "json", wait=_FIRST) is None:
        return None
    try:
        found: dict[str, Any] = front.changes(who, env)
    except AppOfAppsError:
        return None
    return found


def _attention(
    front: Front, who: Principal, envs: list[dict[str, Any]], operations: tuple[Operation, ...]
) -> list[dict[str, Any]]:
    """Return what needs somebody, the worst first, each in one sentence."""
    found: list[dict[str, Any]] = []
    for env in envs:
        of_it = [one for one in operations if one.environment == env["name"] and one.state in ENDED]
        found += [{"env": env["name"], **one} for one in (*_standing(env), *_ended(of_it), *_waiting(front, who, env))]
    proposed, _ = front.proposals(who, state="open", before=None, limit=20)
    found += [
        {
            "level": "warning",
            "env": one.environment,
            "text": f"{one.proposed_by.kind} {one.proposed_by.name} proposes: {one.asked.operation} {one.asked.reason}",
            "to": "/proposals",
        }
        for one in proposed
    ]
    return sorted(found, key=lambda one: ("error", "warning", "info").index(one["level"]))


def _standing(env: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    place = f"/environments/{env['name']}"
    if env["error"]:
        yield {"level": "error", "text": f"its cluster cannot be read: {env['error']}", "to": place}
    for child in env["children"]:
        if child["state"] in {"unhealthy", "absent"}:
            text = f"{child['name']} is {child['state']}" + (f": {child['message']}" if child["message"] else "")
            yield {"level": "error", "text": text, "to": place, "team": child["team"]}


def _ended(operations: list[Operation]) -> Iterator[dict[str, Any]]:
    """Yield what the last deployment and the last look for drift have left; newest come first."""
    deployed = (one for one in operations if one.operation in CHANGES and one.state is not State.CANCELLED)
    last = next(deployed, None)
    if last is not None and last.state is not State.SUCCEEDED:
        text = f"{last.operation} {last.state} {age(last.ended)} ago: {last.message or last.state}"
        yield {"level": "error", "text": text, "to": f"/operations/{last.id}"}
    looked = next((one for one in operations if one.operation in {"drift", "drift-fix"}), None)
    if looked is not None and looked.state is State.DRIFTED:
        text = f"differs from what was deployed: {looked.message}"
        yield {"level": "warning", "text": text, "to": f"/operations/{looked.id}"}


def _waiting(front: Front, who: Principal, env: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if env["error"] or not env["release"] or env["wanted"] == env["release"]:
        return
    approvals = _approvals(front, who, env["name"])
    waits = approvals is not None and approvals["needed"] and approvals["open"] is not True
    text = "a release waits for approval" if waits else "the project's files are ahead of what runs"
    place = f"/environments/{env['name']}#changes"
    yield {"level": "warning" if waits else "info", "text": text, "to": place}
