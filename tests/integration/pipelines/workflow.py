"""Runs the steps of a workflow file as a runner does: in order, in a clone, with the files and variables of GitHub.

What is executed is what stands under ``run:``, by the same shell. Three things stand in for what a test cannot reach:
actions/checkout clones from the local git server, the other actions are noted and do nothing, and `python` makes a
virtual environment that is the tests' own, whose `pip install` looks at its arguments and installs nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.layout import CHECKOUT as PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WORKFLOWS = PROJECT / ".github/workflows"
LIMIT = 300
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_ACTIONS = ("setup-python", "cache", "upload-artifact", "upload-sarif", "pulumi/actions")

_PYTHON = """#!/bin/sh
# The runner's python: makes .venv of the tests' interpreter.
[ "$1 $2" = "-m venv" ] || {{ echo "unexpected: python $*" >&2; exit 9; }}
mkdir -p "$3/bin"
cat > "$3/bin/python" <<'END'
#!/bin/sh
if [ "$1 $2 $3" = "-m pip install" ]; then
  shift 3
  for word in "$@"; do
    case $word in --quiet|--requirement|--no-deps|--editable|.) ;; requirements.txt) [ -f "$word" ] || exit 9 ;;
    *) echo "unexpected: pip install $word" >&2; exit 9 ;; esac
  done
  exit 0
fi
exec {interpreter} "$@"
END
printf '#!/bin/sh\\nexec {interpreter} -m app_of_apps "$@"\\n' > "$3/bin/aoa"
chmod +x "$3/bin/python" "$3/bin/aoa"
ln -sf python "$3/bin/python3"
"""


@dataclass
class Done:
    """What a job did."""

    code: int
    log: str
    summary: str
    workspace: Path
    actions: list[str] = field(default_factory=list)
    """The other actions that it used, in order."""

    @property
    def artifacts(self) -> set[str]:
        return {file.name for file in (self.workspace / "artifacts").glob("*")}


def load(name: str) -> dict[str, Any]:
    """Return a workflow; YAML 1.1 reads its `on` as true."""
    found = yaml.safe_load((WORKFLOWS / name).read_text())
    return {("on" if key is True else key): value for key, value in found.items()}


def install_python(folder: Path) -> Path:
    """Write the stand-in for the runner's python, and return the folder to put on PATH."""
    tools = folder / "runner"
    tools.mkdir(exist_ok=True)
    for name in ("python", "python3"):
        (tools / name).write_text(_PYTHON.format(interpreter=sys.executable))
        (tools / name).chmod(0o755)
    return tools


def allowed(condition: str | None, context: Mapping[str, Any]) -> bool:
    """Whether a job's condition holds; the only kind that stands in the files is a comparison."""
    if condition is None:
        return True
    left, right = (_value(side.strip(), context) for side in _EXPRESSION.sub(r"\1", condition).split("=="))
    return left == right


def run_job(
    workflow: dict[str, Any],
    job: str,
    *,
    context: Mapping[str, Any],
    environ: Mapping[str, str],
    folder: Path,
    remote: str,
    ref: str,
) -> Done:
    """Run one job in a new clone below ``folder``; ``context`` holds what expressions may name."""
    folder.mkdir(parents=True)
    workspace, files = folder / "workspace", {name: folder / name for name in ("env", "path", "output", "summary")}
    for file in files.values():
        file.touch()
    spec, done = workflow["jobs"][job], Done(0, "", "", workspace)
    given = {
        **environ,
        **{name: _text(value, context) for name, value in (spec.get("env") or {}).items()},
        **{f"GITHUB_{name.upper()}": str(file) for name, file in files.items() if name != "summary"},
        "GITHUB_STEP_SUMMARY": str(files["summary"]),
        "CI": "true",
    }
    for step in spec["steps"]:
        if "uses" in step:
            action = step["uses"].partition("@")[0]
            if action == "actions/checkout":
                _clone(remote, ref, workspace)
            elif not action.endswith(_ACTIONS):
                raise AssertionError(action)
            done.actions.append(action)
            continue
        if done.code:  # as a runner does, unless a step says otherwise, and none that runs something does
            continue
        path = os.pathsep.join([*reversed(files["path"].read_text().split()), given["PATH"]])
        own = {name: _text(value, context) for name, value in (step.get("env") or {}).items()}
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", _text(step["run"], context)],
            cwd=workspace,
            env={**given, **own, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        done.log += ended.stdout
        done.code = ended.returncode
        assert not files["env"].read_text(), "no step hands a credential to those after it"
    done.summary = files["summary"].read_text()
    return done


def _clone(remote: str, ref: str, workspace: Path) -> None:
    subprocess.run(["git", "init", "-q", str(workspace)], check=True)
    for arguments in (
        ["fetch", "-q", remote, ref],
        ["checkout", "-q", "FETCH_HEAD"],
        ["remote", "add", "origin", remote],
    ):
        subprocess.run(["git", "-C", str(workspace), *arguments], check=True)


def _text(value: object, context: Mapping[str, Any]) -> str:
    return _EXPRESSION.sub(lambda found: str(_value(found[1], context)), str(value))


def _value(path: str, context: Mapping[str, Any]) -> Any:
    found: Any = context
    for name in path.split("."):
        found = found[name]
    return found
