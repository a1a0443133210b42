"""What each page shows, gathered from what its reader sees; the first of it is what needs somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app_of_apps.errors import AppOfAppsError
from app_of_apps.service.drawing import drawing
from app_of_apps.service.operation import CHANGES, ENDED, NEEDS, State
from app_of_apps.service.rendering import age

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app_of_apps.service.front import Front
    from app_of_apps.service.operation import Operation
    from app_of_apps.service.principal import Principal

_FIRST: Final = 2.5
"""Seconds that a page waits for what nobody has asked before."""
_LATEST: Final = 12


def overview(front: Front, who: Principal) -> dict[str, Any]:
    """Return what the page of all environments shows."""
    envs = front.view.environments(who)
    order: dict[str, None] = {}
    for env in envs:
        order |= dict.fromkeys(child["name"] for child in front.view.graph(who, env["name"])["children"])
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
        "invalid": front.world.files.problems if all(front.door.sees_all(who, env["name"]) for env in envs) else (),
    }


def environment(front: Front, who: Principal, env: str) -> dict[str, Any]:
    """Return what the page of one environment shows."""
    found = front.view.environment(who, env)
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


def operation(front: Front, who: Principal, identity: str) -> dict[str, Any]:
    """Return what the page of an operation shows."""
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


def proposals(front: Front, who: Principal) -> dict[str, Any]:
    """Return what the page of proposals shows."""
    found, _ = front.proposals(who, state=None, before=None, limit=100)
    return {"proposals": found}


def _graph(front: Front, who: Principal, env: Mapping[str, Any]) -> str:
    states = {child["name"]: child for child in env["children"]}
    doing: dict[str, str] = {}
    running, _ = front.operations(who, env=env["name"], state=State.RUNNING, before=None, limit=1)
    for one in running:
        doing = {row["child"]: row["doing"] for row in _live(front, who, one)["rows"]}
    return drawing(front.view.graph(who, env["name"]), states, doing)


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


def _last(front: Front, who: Principal, env: str) -> dict[str, Any] | None:
    """Return the last attempt that succeeded: since when it runs, by whom."""
    return next((one for one in _latest(front, who, [env], most=40) if one["result"] == "succeeded"), None)


def _latest(front: Front, who: Principal, envs: list[str], most: int = _LATEST) -> list[dict[str, Any]]:
    found = []
    for env in envs:
        if front.world.glance("history", env, "--output", "json", wait=_FIRST) is None:
            continue
        try:
            found += [{**one, "environment": env} for one in front.view.history(who, env)["attempts"]]
        except AppOfAppsError:
            continue
    return sorted(found, key=lambda one: str(one["began"]), reverse=True)[:most]


def _approvals(front: Front, who: Principal, env: str) -> dict[str, Any] | None:
    if not front.door.sees_all(who, env):
        return None
    found: dict[str, Any] | None = front.world.glance("approvals", env, "--format", "json", wait=_FIRST)
    return found


def _changes(front: Front, who: Principal, env: str) -> dict[str, Any] | None:
    if front.world.glance("release", "diff", env, "--output", "json", wait=_FIRST) is None:
        return None
    try:
        found: dict[str, Any] = front.view.changes(who, env)
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
