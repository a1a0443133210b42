"""Run an example on the sandbox: `python -m examples minimal up`.

    python -m examples EXAMPLE validate|graph|render          no cluster needed
    python -m examples EXAMPLE preview|up|refresh|destroy     pulumi, on the sandbox's staging cluster

What follows the command is passed on. The commands are the plain ones, run in the example's folder; the only thing
done around them is to keep the stack's encrypted key in the sandbox instead of in the example's stack file.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sandbox import Sandbox, SandboxError

FOLDER = Path(__file__).resolve().parent
ENVIRONMENT = "staging"
OFFLINE = ("validate", "graph", "render")
ON_SANDBOX = ("preview", "up", "refresh", "destroy")


def main(arguments: list[str]) -> int:
    """Return the exit code of the command that was run; 2 when there is no such example or command."""
    examples = sorted(file.parent.name for file in FOLDER.glob("*/parent.yaml"))
    if len(arguments) < 2 or arguments[0] not in examples or arguments[1] not in OFFLINE + ON_SANDBOX:  # noqa: PLR2004
        commands = " | ".join(OFFLINE + ON_SANDBOX)
        sys.stderr.write(f"usage: python -m examples {{{' | '.join(examples)}}} {{{commands}}} [ARGUMENTS]\n")
        return 2
    example, command, *rest = arguments
    project = FOLDER / example
    if command in OFFLINE:
        environment = [ENVIRONMENT] if command == "render" else []
        return _run(["-m", "app_of_apps", command, *environment, *rest], project)
    try:
        return _on_sandbox(project, command, rest)
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 4


def _run(arguments: list[str], project: Path) -> int:
    return subprocess.run([sys.executable, *arguments], cwd=project, check=False).returncode


def _on_sandbox(project: Path, command: str, rest: list[str]) -> int:
    box = Sandbox()
    environ = box.environment(ENVIRONMENT)
    scratch = box.layout.stacks / "examples" / project.name
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "Pulumi.yaml").write_text((project / "Pulumi.yaml").read_text())
    key = scratch / f"Pulumi.{ENVIRONMENT}.yaml"
    checkpoint = box.layout.state / ".pulumi/stacks" / project.name / f"{ENVIRONMENT}.json"
    if not (key.exists() and checkpoint.exists()):
        provider = f"hashivault://pulumi-{ENVIRONMENT}"
        init = ["pulumi", "stack", "init", ENVIRONMENT, "--secrets-provider", provider, "--no-select"]
        made = subprocess.run([*init, "--non-interactive"], cwd=scratch, env=environ, check=False)
        if made.returncode:
            return made.returncode
    config = scratch / "config.yaml"
    config.write_text(key.read_text() + (project / f"Pulumi.{ENVIRONMENT}.yaml").read_text())
    # What is deployed has delete hooks, so that nothing removes it without the guard, which is in the program.
    guarded = ["--run-program"] if command == "destroy" else []
    operation = ["pulumi", command, *guarded, "--stack", ENVIRONMENT, "--config-file", str(config), *rest]
    return subprocess.run(operation, cwd=project, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
