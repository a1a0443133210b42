"""What somebody sees of the project and its clusters: each answer is cut to the children that are theirs to see."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app_of_apps.service.signing import aoa, raised

if TYPE_CHECKING:
    from app_of_apps.service.door import Door
    from app_of_apps.service.principal import Principal


@dataclass(frozen=True, slots=True)
class View:
    """The looks of one service."""

    door: Door

    def me(self, principal: Principal) -> dict[str, Any]:
        """Return who somebody is to the service, and what they may do."""
        return {
            **principal.who.model_dump(mode="json", by_alias=True),
            "environments": [
                {
                    "name": env,
                    "children": sorted(self.door.rights.visible(principal, env)),
                    "may": {
                        right: sorted(found)
                        for right in ("preview", "deploy", "rollback", "propose", "evidence")
                        if (found := self.door.rights.allowed(principal, right, env))
                    },
                }
                for env in self.door.rights.seen(principal)
            ],
        }

    def environments(self, principal: Principal) -> list[dict[str, Any]]:
        """Return how all environments stand that somebody sees."""
        return [self.environment(principal, env) for env in self.door.rights.seen(principal)]

    def environment(self, principal: Principal, env: str) -> dict[str, Any]:
        """Return how one environment stood at the last look: app-of-apps/status/v1's entry of it, with the time."""
        seen = self.door.seen(principal, env)
        found, looked = self.door.world.status(env)
        release = self.door.world.files.project.releases[env]
        base = found or {
            "name": env,
            "healthy": False,
            "error": "not looked at yet",
            "release": None,
            "released": None,
            "commit": None,
            "wanted": release.digest,
            "children": [],
        }
        children = [child for child in base["children"] if child["name"] in seen]
        return {
            **{key: value for key, value in base.items() if key != "context"},
            "healthy": base["error"] is None and all(child["state"] == "healthy" for child in children),
            "parent": release.parent,
            "asOf": looked.isoformat() if looked else None,
            "children": children,
        }

    def graph(self, principal: Principal, env: str) -> dict[str, Any]:
        """Return what waits for what."""
        seen = self.door.seen(principal, env)
        found = self.door.world.graph(env)
        return {
            **found,
            "waves": [kept for wave in found["waves"] if (kept := [name for name in wave if name in seen])],
            "children": [
                {**child, "dependsOn": [need for need in child["dependsOn"] if need in seen]}
                for child in found["children"]
                if child["name"] in seen
            ],
        }

    def history(
        self, principal: Principal, env: str, *, since: str | None = None, child: str | None = None
    ) -> dict[str, Any]:
        """Return app-of-apps/history/v1, of the children that somebody sees."""
        seen = self.door.seen(principal, env)
        if child is not None and child not in seen:
            raise self.door.absent(principal, f"child {child}", env)
        more = (*(("--since", since) if since else ()), *(("--child", child) if child else ()))
        found, age = self.door.world.ask("history", env, *more, "--output", "json")
        whole = self.door.sees_all(principal, env)
        attempts = []
        for attempt in found["attempts"]:
            changes = [
                change for change in attempt["changes"] if change["child"] in seen or (whole or not change["child"])
            ]
            if whole or changes or not attempt["changes"]:
                attempts.append({**attempt, "changes": changes, "reason": attempt["reason"] if whole else ""})
        return {**found, "attempts": attempts, "age": round(age, 1)}

    def records(self, principal: Principal, env: str) -> dict[str, Any]:
        """Return app-of-apps/evidence-list/v1."""
        self.door.check(principal, "evidence", env, "read the records of")
        return self.door.world.ask("evidence", "list", env, "--output", "json")[0]

    def export(self, principal: Principal, env: str, since: str | None, until: str | None) -> bytes:
        """Return a bundle of records for auditors."""
        self.door.check(principal, "evidence", env, "export the records of")
        with tempfile.TemporaryDirectory(prefix="aoa-export-") as folder:
            file = Path(folder, "evidence.zip")
            more = [word for name, value in (("--from", since), ("--to", until)) if value for word in (name, value)]
            done = aoa(self.door.world.project, "evidence", "export", env, *more, "--output", str(file))
            if not file.is_file():
                raise raised(done)
            return file.read_bytes()

    def access(self, principal: Principal, env: str) -> dict[str, Any]:
        """Return app-of-apps/access/v1 of the children that somebody sees."""
        seen = self.door.seen(principal, env)
        found, _ = self.door.world.ask("access", "show", env, "--output", "json")
        return {**found, "access": [one for one in found["access"] if one["child"] in seen]}

    def approvals(self, principal: Principal, env: str) -> dict[str, Any]:
        """Return app-of-apps/approvals/v1."""
        self.door.whole(principal, env, "see the approvals of")
        return self.door.world.ask("approvals", env, "--format", "json")[0]

    def changes(self, principal: Principal, env: str) -> dict[str, Any]:
        """Return app-of-apps/release-diff/v1: what the next `up` changes, of the children that somebody sees."""
        seen = self.door.seen(principal, env)
        found, age = self.door.world.ask("release", "diff", env, "--output", "json")
        children = [one for one in found["children"] if one["name"] in seen]
        whole = self.door.sees_all(principal, env)
        return {**found, "children": children, "release": found["release"] if whole else [], "age": round(age, 1)}

    def releases(self, principal: Principal, env: str) -> list[dict[str, Any]]:
        """Return the releases that became healthy, newest first: number, digest, when, by whom, approved by whom."""
        found = self.history(principal, env)["attempts"]
        kept = ("began", "ended", "operation", "runBy", "release", "rollbackOf", "commit", "approvals", "breakGlass")
        done = [one for one in found if one["result"] == "succeeded" and one["release"]]
        return [{name: one[name] for name in kept} for one in reversed(done)]

    def release_of(self, principal: Principal, env: str, number: int) -> dict[str, Any]:
        """Return app-of-apps/release/v1 of an earlier release."""
        self.door.whole(principal, env, "read releases of")
        return self.door.world.ask("release", "show", env, "--record", str(number), "--output", "json")[0]

    def compare(self, principal: Principal, one: str, other: str) -> dict[str, Any]:
        """Return app-of-apps/environments/v1: where two environments differ."""
        self.door.whole(principal, one, "compare")
        self.door.whole(principal, other, "compare")
        return self.door.world.ask("compare", one, other, "--output", "json")[0]

    def validate(self, principal: Principal) -> dict[str, Any]:
        """Return app-of-apps/validation/v1 of the project's files, without asking a cluster."""
        for env in self.door.rights.environments:
            self.door.whole(principal, env, "validate")
        return self.door.world.ask("validate", "--format", "json")[0]
