"""``aoa policy``: what a plain ``pulumi`` needs to judge an environment by the same policy packs as ``aoa``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app_of_apps.cli.options import EnvironmentArgument, Project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app_of_apps.environment.settings import PolicyPack
    from app_of_apps.release.project import World

EPILOGS = {
    "config": (
        "Example: [bold]aoa policy config staging > staging.json && pulumi preview --stack staging "
        "--policy-pack policy --policy-pack-config staging.json[/bold]"
    ),
    "arguments": "Example: [bold]pulumi preview --stack staging $(aoa policy arguments staging)[/bold]",
}

app = typer.Typer(
    name="policy",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Judge an environment by policy packs with plain `pulumi` as well.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_STANDARD = Path("policy")


@app.command(epilog=EPILOGS["config"])
def config(
    env: EnvironmentArgument,
    *,
    policy_pack: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Which pack.  [default: the environment's first, else policy]", show_default=False
        ),
    ] = None,
    project: Project = None,
) -> None:
    """Print a pack's configuration for an environment as JSON, for `pulumi --policy-pack-config`.

    What the manifest and the environment's file know is filled in, and what the file says about the pack comes on top.
    Asks no cluster. Exit code 0; 2: a file is not valid.
    """
    from app_of_apps.cli.output import answer_json
    from app_of_apps.policy.packs import config_of, folder_of

    world = _world(env, project)
    settings = world.settings[env]
    pack = _packs(world, env, [policy_pack] if policy_pack is not None else [])[-1 if policy_pack is not None else 0]
    answer_json(config_of(pack, world.releases[env], settings, folder_of(pack, world.project)))


@app.command(epilog=EPILOGS["arguments"])
def arguments(
    env: EnvironmentArgument,
    *,
    policy_pack: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="Further packs; may be given several times.  [default: policy, where the environment has none]",
            show_default=False,
        ),
    ] = None,
    project: Project = None,
) -> None:
    """Make an environment's packs ready and print the arguments that make `pulumi preview` and `up` run them.

    Also where the engine's own language host cannot run a pack; `aoa` must be on PATH then. The first time this
    installs the packs' packages into a folder of its own. Exit code 0; 2: a file is not valid, 4: the packages cannot
    be installed.
    """
    import shlex

    from app_of_apps.cli.output import answer, note
    from app_of_apps.policy.packs import prepare

    world = _world(env, project)
    packs = _packs(world, env, policy_pack or [])
    ready = prepare(packs, world.releases[env], world.settings[env], project=world.project, say=note)
    found = [
        part for one in ready for part in ("--policy-pack", str(one.pack), "--policy-pack-config", str(one.config))
    ]
    answer(shlex.join(found))


def _world(env: str, project: Path | None) -> World:
    from app_of_apps.release.project import find_project, load_world

    return load_world(find_project(project), [env])


def _packs(world: World, env: str, more: Sequence[Path]) -> tuple[PolicyPack, ...]:
    from app_of_apps.policy.packs import chosen

    return chosen(world.settings[env], more) or chosen(world.settings[env], [_STANDARD])
