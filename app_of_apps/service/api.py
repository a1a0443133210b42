"""The API, version 1. Each route is one question of `app_of_apps.service.front`; OpenAPI says the rest."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from app_of_apps.service.front import Front
from app_of_apps.service.operation import ENDED, NAME, Asked, Operation, State
from app_of_apps.service.principal import Principal
from app_of_apps.service.problems import EXAMPLE, MEDIA_TYPE
from app_of_apps.service.proposal import Asking, Proposal
from app_of_apps.service.shapes import (
    Accepted,
    Approving,
    Denials,
    Environments,
    Events,
    Happened,
    Operations,
    Proposals,
    Rejecting,
    Revoking,
    Signed,
)
from app_of_apps.service.stream import stream

PREFIX: Final = "/v1"
_PROBLEM: Final[dict[str, Any]] = {
    "description": "A problem (RFC 9457)",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": EXAMPLE}},
}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = dict.fromkeys(
    (400, 401, 403, 404, 405, 409, 411, 413, 422, 429, 503), _PROBLEM
)


async def caller(request: Request) -> Principal:
    """Return who asks; the application puts its way of finding out into its state."""
    found: Principal = await request.app.state.caller(request)
    return found


def front_of(request: Request) -> Front:
    """Return the service that is asked."""
    found: Front = request.app.state.front
    return found


Caller = Annotated[Principal, Depends(caller)]
TheFront = Annotated[Front, Depends(front_of)]
_NAME: Final = NAME
Env = Annotated[str, Path(pattern=_NAME, max_length=63, description="The environment's name.", examples=["staging"])]
Child = Annotated[str, Path(pattern=_NAME, max_length=63, description="The child's name.", examples=["orders"])]
Identity = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="Its id.", examples=["4f1c09d2a7b3e851"])]
Cursor = Annotated[
    str | None, Query(pattern=r"^[0-9]{1,15}$", description="Where the page begins: `next` of the last.")
]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Token = Annotated[
    str,
    Header(
        alias="Aoa-Identity-Token",
        min_length=16,
        max_length=16384,
        description="Your own token for the environment's login to Vault; used for this signature alone.",
    ),
]

router = APIRouter(prefix=PREFIX, responses=PROBLEMS)


@router.get("/me", summary="Who you are, and what you may do")
async def me(who: Caller, front: TheFront) -> dict[str, Any]:
    return front.view.me(who)


@router.get("/environments", summary="How all environments stand", tags=["environments"])
async def environments(who: Caller, front: TheFront) -> Environments:
    return Environments(items=tuple(front.view.environments(who)))


@router.get("/environments/{env}", summary="How an environment stands", tags=["environments"])
async def environment(env: Env, who: Caller, front: TheFront) -> dict[str, Any]:
    return front.view.environment(who, env)


@router.get("/environments/{env}/children", summary="Its children", tags=["environments"])
async def children(env: Env, who: Caller, front: TheFront) -> dict[str, Any]:
    return {"items": front.view.environment(who, env)["children"]}


@router.get("/environments/{env}/children/{child}", summary="One child", tags=["environments"])
async def child(env: Env, child: Child, who: Caller, front: TheFront) -> dict[str, Any]:
    for one in front.view.environment(who, env)["children"]:
        if one["name"] == child:
            found: dict[str, Any] = one
            return found
    raise front.door.absent(who, f"child {child}", env)


@router.get("/environments/{env}/graph", summary="What waits for what", tags=["environments"])
async def graph(env: Env, who: Caller, front: TheFront) -> dict[str, Any]:
    return front.view.graph(who, env)


@router.get("/environments/{env}/changes", summary="What the next update changes", tags=["environments"])
def changes(env: Env, who: Caller, front: TheFront) -> dict[str, Any]:
    found: dict[str, Any] = front.view.changes(who, env)
    return found


@router.get("/environments/{env}/releases", summary="The releases that became healthy", tags=["environments"])
def releases(env: Env, who: Caller, front: TheFront) -> dict[str, Any]:
    return {"items": front.view.releases(who, env)}


@router.get("/environments/{env}/releases/{number}", summary="An earlier release", tags=["environments"])
def release(
    env: Env, number: Annotated[int, Path(ge=1, le=10**9, examples=[7])], who: Caller, front: TheFront
) -> dict[str, Any]:
    found: dict[str, Any] = front.view.release_of(who, env, number)
    return found


@router.get("/environments/{env}/compare/{other}", summary="Where two environments differ", tags=["environments"])
def compare(env: Env, other: Env, who: Caller, front: TheFront) -> dict[str, Any]:
    found: dict[str, Any] = front.view.compare(who, env, other)
    return found


@router.get("/environments/{env}/history", summary="Who changed what, who approved it", tags=["records"])
def history(
    env: Env,
    who: Caller,
    front: TheFront,
    since: Annotated[
        str | None,
        Query(
            pattern=r"^[0-9A-Za-z][0-9A-Za-z :+-]{0,39}$",
            description="A date, or as `aoa history` takes it.",
            examples=["2026-11-01"],
        ),
    ] = None,
    child: Annotated[str | None, Query(pattern=_NAME, max_length=63)] = None,
) -> dict[str, Any]:
    found: dict[str, Any] = front.view.history(who, env, since=since, child=child)
    return found


@router.get("/environments/{env}/records", summary="The signed chain of records", tags=["records"])
def records(env: Env, who: Caller, front: TheFront) -> dict[str, Any]:
    found: dict[str, Any] = front.view.records(who, env)
    return found


@router.get(
    "/environments/{env}/evidence",
    summary="A bundle for auditors",
    tags=["records"],
    response_class=Response,
    responses={200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}},
)
def evidence(
    env: Env,
    who: Caller,
    front: TheFront,
    since: Annotated[
        str | None, Query(alias="from", pattern=r"^[0-9]{4}(-[0-9]{2}){0,2}$", examples=["2026-10"])
    ] = None,
    until: Annotated[str | None, Query(alias="to", pattern=r"^[0-9]{4}(-[0-9]{2}){0,2}$", examples=["2026-12"])] = None,
) -> Response:
    content = front.view.export(who, env, since, until)
    headers = {"Content-Disposition": f'attachment; filename="evidence-{env}.zip"'}
    return Response(content, media_type="application/zip", headers=headers)


@router.get("/environments/{env}/access", summary="Who may do what", tags=["environments"])
def access(env: Env, who: Caller, front: TheFront) -> dict[str, Any]:
    found: dict[str, Any] = front.view.access(who, env)
    return found


@router.get("/environments/{env}/approvals", summary="What people have signed", tags=["approvals"])
def approvals(env: Env, who: Caller, front: TheFront) -> dict[str, Any]:
    found: dict[str, Any] = front.view.approvals(who, env)
    return found


@router.post("/environments/{env}/approvals", summary="Sign a release", tags=["approvals"], status_code=201)
def approve(env: Env, body: Approving, token: Token, who: Caller, front: TheFront) -> Signed:
    said = front.approve(who, env, release=body.release, token=token, reason=body.reason, valid_for=body.valid_for)
    return Signed(text=said)


@router.post("/environments/{env}/approvals/{nonce}/revoke", summary="Take a signature back", tags=["approvals"])
def revoke(
    env: Env,
    nonce: Annotated[str, Path(pattern=r"^[0-9a-f]{6,32}$", examples=["5f0c21d9"])],
    body: Revoking,
    token: Token,
    who: Caller,
    front: TheFront,
) -> Signed:
    return Signed(text=front.revoke(who, env, nonce, token=token, reason=body.reason))


@router.post(
    "/environments/{env}/operations",
    summary="Begin an operation",
    tags=["operations"],
    status_code=202,
    description="`preview`, `up`, `refresh`, `drift`, `drift-fix`, `rollback` or `promote`. One runs per environment "
    "at a time; the others wait. With an `Idempotency-Key` a repeated request begins nothing again.",
)
def begin(
    env: Env,
    body: Annotated[Asked, Field(examples=[{"operation": "up", "reason": "orders 1.15"}])],
    response: Response,
    who: Caller,
    front: TheFront,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="Made up by the client, once per wish.",
        ),
    ] = None,
) -> Operation:
    operation, _ = front.begin(who, env, body, key=key)
    response.headers["Location"] = f"{PREFIX}/operations/{operation.id}"
    return operation


@router.get("/operations", summary="Operations", tags=["operations"])
def operations(
    who: Caller,
    front: TheFront,
    environment: Annotated[str | None, Query(pattern=_NAME, max_length=63)] = None,
    state: State | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Operations:
    before = int(cursor) if cursor else None
    found, more = front.operations(who, env=environment, state=state, before=before, limit=limit)
    return Operations(items=found, next=str(more) if more is not None else None)


@router.get("/operations/{identity}", summary="One operation", tags=["operations"])
def operation(identity: Identity, who: Caller, front: TheFront) -> Operation:
    return front.operation(who, identity)


@router.post("/operations/{identity}/cancel", summary="Ask for its end", tags=["operations"], status_code=202)
def cancel(identity: Identity, who: Caller, front: TheFront) -> Operation:
    return front.cancel(who, identity)


@router.get(
    "/operations/{identity}/events",
    summary="What happens while it runs",
    tags=["operations"],
    description="JSON, or with `Accept: text/event-stream` server-sent events until it has ended. "
    "`Last-Event-ID` (or `after`) goes on where a reader was.",
    response_model=Events,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(
    identity: Identity,
    request: Request,
    who: Caller,
    front: TheFront,
    after: Annotated[int, Query(ge=0, le=10**15)] = 0,
    last: Annotated[str | None, Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,15}$")] = None,
) -> Events | StreamingResponse:
    found = await run_in_threadpool(front.operation, who, identity)
    begin = int(last) if last else after
    if "text/event-stream" in request.headers.get("accept", ""):
        told = stream(request, front, who, found, begin)
        return StreamingResponse(told, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
    seen = await run_in_threadpool(front.events, who, found, begin)
    items = tuple(Happened(number=one.number, time=one.time, kind=one.kind, data=one.data) for one in seen)
    return Events(items=items, ended=found.state in ENDED)


@router.get("/proposals", summary="What was proposed", tags=["proposals"])
def proposals(
    who: Caller,
    front: TheFront,
    state: Literal["open", "accepted", "rejected"] | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Proposals:
    found, more = front.proposals(who, state=state, before=int(cursor) if cursor else None, limit=limit)
    return Proposals(items=found, next=str(more) if more is not None else None)


@router.post("/proposals", summary="Propose something", tags=["proposals"], status_code=201)
def propose(body: Asking, who: Caller, front: TheFront) -> Proposal:
    return front.propose(who, body)


@router.post("/proposals/{identity}/accept", summary="Begin what was proposed", tags=["proposals"], status_code=202)
def accept(identity: Identity, who: Caller, front: TheFront) -> Accepted:
    proposal, operation = front.accept(who, identity)
    return Accepted(proposal=proposal, operation=operation)


@router.post("/proposals/{identity}/reject", summary="Decide against it", tags=["proposals"])
def reject(identity: Identity, body: Rejecting, who: Caller, front: TheFront) -> Proposal:
    return front.reject(who, identity, body.reason)


@router.get("/validation", summary="What is wrong with the project's files", tags=["environments"])
def validation(who: Caller, front: TheFront) -> dict[str, Any]:
    found: dict[str, Any] = front.view.validate(who)
    return found


@router.get("/denials", summary="What was denied", tags=["records"])
def denials(who: Caller, front: TheFront, cursor: Cursor = None, limit: Limit = 50) -> Denials:
    found, more = front.denials(who, before=int(cursor) if cursor else None, limit=limit)
    return Denials(items=found, next=str(more) if more is not None else None)
