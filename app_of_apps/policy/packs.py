"""Makes policy packs ready for the engine: a virtual environment, a form that it can start, a file of configuration.

A pack in Python is wrapped, because not every language host can run one (see `analyzer`), and because pulumi-policy
wants other versions of some packages than the program. The virtual environment is kept in the user's cache folder
under a name made of what is installed in it; a pack in another language is given to the engine as it is.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from app_of_apps.environment.settings import PolicyPack
from app_of_apps.errors import InvalidInput, Position, Problem, Unavailable
from app_of_apps.policy.analyzer import RUNTIME
from app_of_apps.policy.config import environment_config, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from app_of_apps.environment.settings import Environment
    from app_of_apps.release.model import Release

CACHE_VARIABLE: Final = "AOA_POLICY_CACHE"
_FILE: Final = "PulumiPolicy.yaml"
_REQUIREMENTS: Final = "requirements.txt"
_OURS: Final = "app_of_apps_policy"
_DIGITS: Final = 16
_LONGEST_OUTPUT: Final = 2000


@dataclass(frozen=True, slots=True)
class Ready:
    """A pack that the engine can start."""

    pack: Path
    config: Path


def chosen(settings: Environment, more: Sequence[Path] = ()) -> tuple[PolicyPack, ...]:
    """Return the packs of an environment and those that were asked for beside them, each once."""
    known = {one.path for one in settings.policy.packs}
    return (*settings.policy.packs, *(PolicyPack(path=str(one)) for one in more if str(one) not in known))


def run_with(
    settings: Environment,
    release: Release,
    more: Sequence[Path] = (),
    *,
    project: Path,
    say: Callable[[str], None],
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the engine's options and variables that run an environment's packs; both empty where it has none."""
    packs = chosen(settings, more)
    if not packs:
        return {}, {}
    ready = prepare(packs, release, settings, project=project, say=say)
    return dict(options(ready)), {"PATH": search_path()}


def prepare(
    packs: Sequence[PolicyPack],
    release: Release,
    settings: Environment,
    *,
    project: Path,
    say: Callable[[str], None],
    environ: Mapping[str, str] = os.environ,
) -> tuple[Ready, ...]:
    """Return packs in the form in which the engine takes them; the first time this installs packages.

    Raises InvalidInput where a pack is none, Unavailable where its packages cannot be installed.
    """
    found = []
    for one in packs:
        folder, cache = folder_of(one, project), _cache(environ)
        config = json.dumps(config_of(one, release, settings, folder), indent=2, sort_keys=True)
        written = _written(cache / "configs" / f"{_key(config)}.json", config)
        found.append(Ready(_startable(folder, cache, say), written))
    return tuple(found)


def options(ready: Sequence[Ready]) -> dict[str, list[str]]:
    """Return the engine's options (of the Automation API) that run the packs."""
    if not ready:
        return {}
    return {"policy_packs": [str(one.pack) for one in ready], "policy_pack_configs": [str(one.config) for one in ready]}


def search_path(environ: Mapping[str, str] = os.environ) -> str:
    """Return a PATH on which the engine finds the program that starts packs: it stands beside this interpreter."""
    return os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)])


def config_of(pack: PolicyPack, release: Release, settings: Environment, folder: Path) -> dict[str, Any]:
    """Return a pack's configuration: filled in for the one of this repository, for others what the stack file says."""
    known = environment_config(release, settings) if (folder / _OURS).is_dir() else {}
    return merged(known, dict(pack.config))


def folder_of(pack: PolicyPack, project: Path) -> Path:
    """Return a pack's folder; InvalidInput where it is none."""
    folder = (project / pack.path).resolve()
    if not (folder / _FILE).is_file():
        what = f"{pack.path} is no policy pack: there is no {folder / _FILE}"
        raise InvalidInput([Problem(Position(str(project)), "policy.packs", what, "name a folder with that file")])
    return folder


def _startable(folder: Path, cache: Path, say: Callable[[str], None]) -> Path:
    """Return the folder that the engine is given for a pack: its own, or one that stands for it."""
    about = _about(folder)
    runtime = about["runtime"]
    if (runtime.get("name") if isinstance(runtime, dict) else runtime) != "python":
        return folder
    return _wrapped(folder, about, _python(folder, runtime, cache, say), cache)


def _about(folder: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load((folder / _FILE).read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InvalidInput([Problem(Position(str(folder / _FILE)), "", f"cannot be read: {error}")]) from error
    if not isinstance(found, dict) or "runtime" not in found:
        raise InvalidInput([Problem(Position(str(folder / _FILE)), "runtime", "the pack does not say its runtime")])
    return found


def _wrapped(folder: Path, about: Mapping[str, Any], python: Path, cache: Path) -> Path:
    """Return a folder that stands for a pack and names a runtime without language host."""
    runtime = {"name": RUNTIME, "options": {"folder": str(folder), "python": str(python)}}
    text = json.dumps({**about, "runtime": runtime}, indent=2)  # which is YAML as well
    wrapper = cache / "packs" / f"{folder.name}-{_key(text)}"
    _written(wrapper / _FILE, text)
    return wrapper


def _python(folder: Path, runtime: Any, cache: Path, say: Callable[[str], None]) -> Path:  # noqa: ANN401 - YAML
    """Return the interpreter of a pack: of the virtual environment beside it, else of one in the cache."""
    given = runtime.get("options") if isinstance(runtime, dict) else None
    own = folder / str((given or {}).get("virtualenv") or "venv") / "bin" / "python"
    if own.exists():
        return own
    wanted = folder / _REQUIREMENTS
    try:
        text = wanted.read_text()
    except OSError as error:
        raise InvalidInput([Problem(Position(str(wanted)), "", f"cannot be read: {error.strerror}")]) from error
    made = cache / f"venv-{_key(sys.version + text)}"
    python, complete = made / "bin" / "python", made / ".complete"
    if complete.exists() and python.exists():
        return python
    with _locked(cache / "lock"):
        if not complete.exists():
            say(f"Installing the packages of the policy pack {folder.name} into {made}; once for this machine")
            shutil.rmtree(made, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(made)])
            _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)])
            complete.touch()
    return python


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-_LONGEST_OUTPUT:]
        msg = f"the packages of the policy pack cannot be installed; nothing was touched: {said}"
        raise Unavailable(msg)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _cache(environ: Mapping[str, str]) -> Path:
    if given := environ.get(CACHE_VARIABLE):
        return Path(given).expanduser().absolute()
    base = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "app-of-apps" / "policy"


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _written(file: Path, text: str) -> Path:
    """Write a file whose name tells its content, at once or not at all."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.{os.getpid()}")
        part.write_text(text + "\n")
        part.replace(file)
    return file
