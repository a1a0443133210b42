"""``aoa access previews``: the rights of an identity that looks and changes nothing, for the cluster and for Vault."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from app_of_apps.cli.options import EnvironmentArgument, Project
from app_of_apps.errors import InvalidInput, Position, Problem

EPILOG = (
    "Examples: [bold]aoa access previews prod --user oidc:previews --dry-run | kubectl --context prod apply -f -[/bold]"
    " · [bold]aoa access previews prod --for vault | vault policy write aoa-preview-prod -[/bold]"
)


class For(StrEnum):
    """Who is to know the rights."""

    KUBERNETES = "kubernetes"
    VAULT = "vault"


def previews(
    env: EnvironmentArgument,
    *,
    to: Annotated[For, typer.Option("--for", help="Whose language to write in.")] = For.KUBERNETES,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who previews, as the API server calls them.", show_default=False)
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="NAME", help="A group that previews, instead.", show_default=False)
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="May also try changes, which an admission policy holds to dry runs."),
    ] = False,
    state_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="Vault's transit key of the stack's state.  [default: pulumi-ENV]", show_default=False
        ),
    ] = None,
    project: Project = None,
) -> None:
    """Write the rights that a preview of an environment needs: read-only, or with dry runs that change nothing.

    For Kubernetes objects as YAML, for Vault a policy. Neither reads a Secret's value. With --dry-run a
    ValidatingAdmissionPolicy comes first that refuses everything but dry runs of this identity, so that previews are
    exact. Exit code 0; 2: invalid input.
    """
    from app_of_apps.cli.output import answer, to_yaml
    from app_of_apps.environment.load import load_environment
    from app_of_apps.evidence.journal import key_name
    from app_of_apps.objects.preview_rights import cluster_objects, vault_policy
    from app_of_apps.release.project import find_project

    settings = load_environment(env, find_project(project)).settings
    if to is For.VAULT:
        key = state_key if state_key is not None else f"pulumi-{env}"
        answer(vault_policy(settings, state_key=key, evidence_key=key_name(settings)).rstrip("\n"))
        return
    if (user is None) == (group is None):
        hint = "name who previews by one of the two"
        raise InvalidInput([Problem(Position("--user"), "", "needs either --user or --group", hint)])
    kind, name = ("User", user) if user is not None else ("Group", group)
    objects = cluster_objects(kind, str(name), tries=dry_run)  # type: ignore[arg-type]
    answer("---\n".join(map(to_yaml, objects)).rstrip("\n"))
