"""Five pull requests as they come: each edits a copy of the example's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

REVIEWS = """\
apiVersion: app-of-apps/v1
kind: Child
name: reviews
type: service
team: storefront
template: web
image: registry.example.com/shop/reviews
dependsOn: [catalog]
ports:
  - {name: http, port: 8080, servicePort: 80}
config:
  own:
    GREETING: "<!-- hello --> @team-orders #1 | `x`"
"""


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file.name}"
    file.write_text(text.replace(old, new))


def version_bump(project: Path) -> None:
    edit(project / "Pulumi.staging.yaml", "      orders: 1.14.0\n", "      orders: 1.15.0\n")


def new_service(project: Path) -> None:
    (project / "apps/reviews.yaml").write_text(REVIEWS)
    edit(project / "parent.yaml", "  - apps/storefront.yaml\n", "  - apps/storefront.yaml\n  - apps/reviews.yaml\n")
    edit(
        project / "Pulumi.staging.yaml", "      storefront: 3.1.0\n", "      storefront: 3.1.0\n      reviews: 1.0.0\n"
    )


def removed_service(project: Path) -> None:
    (project / "apps/mailer.yaml").unlink()
    edit(project / "parent.yaml", "  - apps/mailer.yaml\n", "")
    edit(project / "Pulumi.staging.yaml", "      mailer: 1.3.2\n", "")


def widened_access(project: Path) -> None:
    staging, prod = (project / "parent.yaml").read_text().split("    prod:\n", 1)
    narrow = "{group: team-platform, role: operator, teams: [platform]}"
    wide = "{group: team-platform, role: debugger, teams: [platform], reachesSecrets: true}"
    assert staging.count(narrow) == 1
    (project / "parent.yaml").write_text(f"{staging.replace(narrow, wide)}    prod:\n{prod}")


def broken_migration(project: Path) -> None:
    """Let the migration ask for a key that Vault does not have."""
    edit(project / "apps/orders-migration.yaml", "key: migration-url", "key: migration-dsn")


PULLS: Mapping[str, Callable[[Path], None]] = {
    "version-bump": version_bump,
    "new-service": new_service,
    "removed-service": removed_service,
    "widened-access": widened_access,
    "broken-migration": broken_migration,
}
