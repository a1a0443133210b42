"""A rotation against a Vault and a cluster that a test moves by hand; the real ones are in the integration tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app_of_apps.deploy import secret_rotation
from app_of_apps.deploy.secret_copies import ASKED
from app_of_apps.deploy.secret_rotation import Rotation, rotate
from app_of_apps.deploy.secret_status import Arrival, read_secrets
from app_of_apps.environment.kube_reader import Forbidden
from app_of_apps.environment.vault_secrets import SecretState, SecretVersion
from app_of_apps.errors import DeploymentFailed, InvalidInput, Refused, SecretMissing, Unavailable
from app_of_apps.release.resolve import resolve
from app_of_apps.release.secret_uses import named_secret, users
from tests.unit.release.world import child, environment, manifest

URL = {"DATABASE_URL": {"path": "shop/database", "key": "url"}}
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def release(**vault: Any) -> Any:
    children = (
        child(name="api", secrets={**URL, "MAIL": {"path": "shop/mail", "key": "password"}}),
        child(name="web", dependsOn=["api"], secrets=URL),
        child(name="job", type="cronjob", secrets=URL),
        child(name="other", secrets={"X": {"path": "shop/database", "key": "spare"}}),
    )
    mounts = {"kv": "kv-staging", "jwt": "jwt-staging"}
    settings = {"versions": {one.name: "1.0.0" for one in children}, "vault": {"mounts": mounts, **vault}}
    return resolve(manifest(*children), environment(**settings))


@dataclass
class FakeVault:
    keys: frozenset[str] = frozenset({"url", "spare", "password"})
    allowed: frozenset[str] | None = frozenset({"patch", "update"})
    version: int = 3
    written: list[tuple[str, str]] = field(default_factory=list)
    destroyed: list[int] = field(default_factory=list)

    def state(self, _mount: str, path: str) -> SecretState | None:
        if path == "absent":
            return None
        created = NOW - timedelta(hours=1)
        return SecretState(tuple(SecretVersion(n, created) for n in range(1, self.version + 1)), self.keys)

    def may(self, _path: str) -> frozenset[str] | None:
        return self.allowed

    def write_key(self, _mount: str, path: str, key: str, _value: str, *, version: int) -> int:
        assert version == self.version
        self.written.append((path, key))
        self.version += 1
        return self.version

    def destroy(self, _mount: str, _path: str, version: int) -> None:
        self.destroyed.append(version)


@dataclass
class FakeCluster:
    """Copies when asked, restarts at the next look, and is healthy at the one after."""

    may_ask: bool = True
    copies: bool = True
    asked: tuple[str, datetime] | None = None
    macs: dict[str, int] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def annotate(self, path: str, annotations: dict[str, str]) -> None:
        if not self.may_ask:
            raise Forbidden(path)
        name = path.split("/")[5]
        assert set(annotations) == {ASKED}
        self.log.append(f"ask {name}")
        if self.copies:
            self.macs[name] = self.macs.get(name, 0) + 1

    def get(self, path: str, **_: str) -> dict[str, Any] | None:
        parts = path.split("/")
        turn = self.macs.get(parts[5], 0)
        if parts[6] == "deployments":
            self.log.append(f"look {parts[5]}")
            template = {"metadata": {"annotations": {"vso.secrets.hashicorp.com/restartedAt": str(turn)}}}
            status = {"updatedReplicas": 1, "availableReplicas": 1, "replicas": 1, "readyReplicas": 1}
            return {"metadata": {"name": parts[7]}, "spec": {"replicas": 1, "template": template}, "status": status}
        when = (NOW - timedelta(minutes=30)).isoformat()
        fields, notes = [{"subresource": "status", "time": when}], {}
        if self.asked is not None:
            notes = {ASKED: self.asked[0]}
            fields.append({"manager": "app-of-apps-cli", "time": self.asked[1].isoformat()})
        return {
            "metadata": {"name": parts[7], "managedFields": fields, "annotations": notes},
            "status": {"secretMAC": f"mac-{turn}", "lastGeneration": 1},
        }

    def list(self, path: str, **_: str) -> list[dict[str, Any]]:
        if path.endswith("/events"):
            name = "vault-shop-database"
            return [{"involvedObject": {"kind": "VaultStaticSecret", "name": name}, "message": "permission denied"}]
        turn = self.macs.get(path.split("/")[4], 0)
        return [{"metadata": {"annotations": {"vso.secrets.hashicorp.com/restartedAt": str(turn)}}}]


def turn(vault: FakeVault, kube: FakeCluster, **more: Any) -> Rotation:
    wanted = more.pop("of", None) or release()
    return rotate(
        wanted,
        more.pop("path", "shop/database"),
        more.pop("key", "url"),
        "v",
        vault=vault,
        kube=kube,
        timeout=0.2,
        **more,
    )  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_rotation, "_PAUSE", 0.01)


def test_children_are_asked_when_what_they_need_runs_with_the_new_version() -> None:
    vault, kube = FakeVault(), FakeCluster()
    done = turn(vault, kube, destroy_old=True)
    asked = [line for line in kube.log if line.startswith("ask")]
    assert asked == ["ask shop-api", "ask shop-job", "ask shop-web", "ask shop-other"]
    assert kube.log.index("ask shop-web") > max(i for i, line in enumerate(kube.log) if line == "look shop-api")
    assert (vault.written, vault.destroyed) == ([("shop/database", "url")], [3])
    assert (done.previous, done.version, done.destroyed) == (3, 4, True)
    assert [(one.child.name, one.running is None) for one in done.children] == [
        ("api", False),
        ("job", True),
        ("web", False),
    ]


@pytest.mark.parametrize(
    ("restarted", "wait"),
    [
        ("2026-03-02T12:00:00Z", 1.0),
        ("2026-03-02T12:59:59+01:00", 0.0),
        ("2026-03-02T11:59:59Z", 0.0),
        ("2026-03-02T12:30:00Z", 2.0),  # a clock that is ahead
        ("", 0.0),
        (None, 0.0),
    ],
)
def test_two_restarts_within_one_second_would_be_one(restarted: str | None, wait: float) -> None:
    following = [secret_rotation.Following(release().child(name), "mac", restarted) for name in ("api", "web")]
    assert secret_rotation._until_next_restart_shows(following, NOW) == wait
    halfway = NOW + timedelta(seconds=0.5)
    assert secret_rotation._until_next_restart_shows(following, halfway) == (wait if wait != 1.0 else 0.5)


def test_who_does_not_get_there_is_named_with_what_the_operator_says_and_nothing_is_destroyed() -> None:
    vault = FakeVault()
    with pytest.raises(DeploymentFailed) as caught:
        turn(vault, FakeCluster(copies=False), destroy_old=True)
    text = str(caught.value)
    assert "version 4 of kv-staging/shop/database is written, and not every child runs with it" in text
    assert "api: waits for the operator, which says: permission denied" in text
    assert "vault kv rollback -mount=kv-staging -version=3 shop/database" in text
    assert vault.destroyed == []


def test_who_may_not_ask_the_operator_waits_for_it() -> None:
    kube = FakeCluster(may_ask=False)
    with pytest.raises(DeploymentFailed, match="not done after 0 s: api"):
        turn(FakeVault(), kube)


@pytest.mark.parametrize(
    ("vault", "more", "kind", "words"),
    [
        (FakeVault(keys=frozenset({"spare"})), {}, SecretMissing, "no key 'url'"),
        (FakeVault(), {"path": "absent"}, SecretMissing, "no secret"),
        (FakeVault(allowed=frozenset({"read"})), {}, Unavailable, "may not patch kv-staging/data/shop/database"),
        (FakeVault(), {"of": release(delivery="external-secrets")}, Refused, "restarts no pods"),
    ],
)
def test_nothing_is_written_when_it_cannot_be_done(
    vault: FakeVault, more: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        turn(vault, FakeCluster(), **more)
    assert vault.written == []


def test_a_token_whose_rights_vault_does_not_tell_is_tried() -> None:
    vault = FakeVault(allowed=None)
    turn(vault, FakeCluster())
    assert vault.written


@pytest.mark.parametrize("name", ["DATABASE_URL", "url", "shop/database:url"])
def test_a_secret_is_named_by_variable_by_key_or_by_path_and_key(name: str) -> None:
    assert named_secret(release(), "api", name) == ("shop/database", "url")


@pytest.mark.parametrize(
    ("child_name", "name", "words"),
    [
        ("apo", "url", "did you mean api"),
        ("api", "DATABASE_URI", "did you mean DATABASE_URL"),
        ("web", "MAIL", "no secret MAIL"),
        ("api", "shop/other:url", "no secret"),
    ],
)
def test_what_is_not_there_is_an_error_with_a_suggestion(child_name: str, name: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        named_secret(release(), child_name, name)


def test_only_children_that_take_the_key_are_concerned() -> None:
    assert set(users(release(), "shop/database", "url")) == {"api", "web", "job"}
    assert users(release(), "shop/database", "spare") == ("other",)


def test_the_status_tells_the_version_that_was_there_when_it_was_copied() -> None:
    vault: Any = FakeVault(version=2)
    rows = {row.child: row for row in read_secrets(release(), vault, FakeCluster(), now=NOW)}
    assert (rows["api"].arrival, rows["api"].copied_version, rows["api"].pods) == (Arrival.CURRENT, 2, (1, 1))
    assert rows["job"].pods is None
    late: Any = FakeVault(version=2)
    late.state = lambda *_: SecretState(
        (SecretVersion(1, NOW - timedelta(days=1)), SecretVersion(2, NOW - timedelta(seconds=20))), late.keys
    )
    assert {row.arrival for row in read_secrets(release(), late, FakeCluster(), now=NOW)} == {Arrival.PENDING}
    asked = FakeCluster(asked=("2", NOW - timedelta(seconds=10)))
    assert {row.arrival for row in read_secrets(release(), late, asked, now=NOW)} == {Arrival.UNCHANGED}
    just_now = FakeCluster(asked=("2", NOW - timedelta(seconds=1)))
    assert {row.arrival for row in read_secrets(release(), late, just_now, now=NOW)} == {Arrival.PENDING}
    hours = NOW + timedelta(hours=2)
    assert {row.arrival for row in read_secrets(release(), late, FakeCluster(), now=hours)} == {Arrival.UNCHANGED}
    gone: Any = FakeVault(keys=frozenset())
    assert {row.arrival for row in read_secrets(release(), gone, FakeCluster(), now=NOW)} == {Arrival.MISSING}
