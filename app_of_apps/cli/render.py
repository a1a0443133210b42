"""``aoa render``: what would be declared, as YAML, without a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app_of_apps.cli.options import EnvironmentArgument, Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps.objects.model import ChildObjects
    from app_of_apps.release.model import Release

EPILOG = "Examples: [bold]aoa render staging[/bold] · [bold]aoa render prod --child orders -o rendered/[/bold]"


def render(
    env: EnvironmentArgument,
    *,
    child: Annotated[
        list[str] | None,
        typer.Option("--child", metavar="NAME", help="Only this child; may be repeated.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Write one file per child there instead.", show_default=False
        ),
    ] = None,
    project: Project = None,
) -> None:
    """Print the Kubernetes and Vault objects of an environment as YAML, in the order in which they are declared.

    No cluster and no Vault are needed, and no secret is in it: secrets are references. What Vault gets is printed as
    comments, because it is no Kubernetes object. A chart is rendered by `helm template` where helm is on PATH.

    Exit code 2: the manifest is not valid, or there is no such child; 4: helm failed.
    """
    from app_of_apps.cli.output import answer, note
    from app_of_apps.objects.render import release_objects
    from app_of_apps.release.project import find_project, load_world

    folder = find_project(project)
    world = load_world(folder, [env])
    release = world.releases[env]
    wanted = _chosen(release, child)
    texts = {
        one.child: "".join(_documents(release, one, folder)) for one in release_objects(release) if one.child in wanted
    }
    if not child:
        texts[f"{release.parent}-parent"] = "".join([*_access(release), *_record(release)])
    if output is None:
        for text in texts.values():
            answer(text.rstrip("\n"))
        return
    output.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (output / f"{name}.yaml").write_text(text)
    note(f"{len(texts)} file{'s' if len(texts) != 1 else ''} written to {output}")


def _chosen(release: Release, names: list[str] | None) -> frozenset[str]:
    import difflib

    from app_of_apps.errors import InvalidInput, Position, Problem

    known = [child.name for child in release.children]
    problems = []
    for name in names or ():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}."
            problems.append(Problem(Position("--child"), "", f"there is no child {name}", hint))
    if problems:
        raise InvalidInput(problems)
    return frozenset(names or known)


def _access(release: Release) -> Iterator[str]:
    from app_of_apps.objects.access import vault_groups

    for group in vault_groups(release):
        what = f"Vault group {group.name}, for claim {group.alias} of logins at auth/{group.mount}"
        yield _comment(f"parent {release.parent} · access", what, group.policy.policy)


def _record(release: Release) -> Iterator[str]:
    from app_of_apps.objects.record import release_record

    for one in release_record(release):
        yield f"---\n# parent {release.parent} · release record, when every child is healthy\n{_yaml(one.manifest)}"


def _documents(release: Release, objects: ChildObjects, project: Path) -> Iterator[str]:
    """Give the documents of one child, each with a comment that says where it comes from."""
    child = release.child(objects.child)
    head = f"child {child.name} · {child.spec.type} · team {child.spec.team}"
    for policy in objects.vault_policies:
        yield _comment(f"{head} · group secrets", f"Vault policy {policy.name}", policy.policy)
    for role in objects.vault_roles:
        yield _comment(
            f"{head} · group secrets",
            f"Vault JWT role auth/{role.mount}/role/{role.name}",
            f"bound subject: {role.bound_subject}\nbound audiences: {', '.join(role.bound_audiences)}\n"
            f"policies: {', '.join(role.policies)}\ntoken TTL: {role.token_ttl}s",
        )
    for one in objects.kubernetes:
        yield f"---\n# {head} · group {one.group}\n{_yaml(one.manifest)}"
    for document in objects.documents:
        yield f"---\n# {head} · group workload\n{_yaml(document)}"
    if objects.chart is not None:
        yield from _chart(head, objects.chart, project)


def _chart(head: str, chart: Any, project: Path) -> Iterator[str]:  # noqa: ANN401 - inputs of helm.sh/v4 Chart
    from app_of_apps.cli.helm import template
    from app_of_apps.cli.output import note

    rendered = template(chart, project)
    if rendered is not None:
        body = rendered.strip().removeprefix("---").strip()
        yield f"---\n# {head} · group workload · rendered by helm template\n{body}\n"
        return
    note(f"{chart['name']}: helm is not on PATH, so its chart is printed as it is declared and not rendered.")
    declaration = {"apiVersion": "helm.sh/v4", "kind": "Chart", **{key: chart[key] for key in sorted(chart)}}
    text = "\n".join(f"# {line}" for line in _yaml(declaration).splitlines())
    yield f"# {head} · group workload · declared, not rendered\n{text}\n"


def _comment(*parts: str) -> str:
    lines = [line for part in parts for line in part.strip().splitlines()]
    return "---\n" + "\n".join(f"# {line}".rstrip() for line in lines) + "\n"


def _yaml(value: Any) -> str:  # noqa: ANN401 - any plain data
    from app_of_apps.cli.output import to_yaml

    return to_yaml(value)
