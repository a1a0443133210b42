"""One stack stays in one environment: its cluster, its namespaces, its part of Vault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app_of_apps_policy.kubernetes import PROVIDER, is_of_cluster, kind_of, metadata_of, objects
from app_of_apps_policy.model import UNKNOWN, Rule, names, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps_policy.model import Config, Seen

GROUP: Final = "environment scope"
MARK: Final = "app-of-apps/environment"
_VAULT_PROVIDER: Final = "pulumi:providers:vault"
_ENVIRONMENT = text("The environment; the stack's name if missing.")
_LOSES_TRUTH: Final = {
    "deleteUnreachable": "forgets what it cannot reach, and nobody deletes it any more",
    "skipUpdateUnreachable": "says that an update was done which was not",
    "renderYamlToDirectory": "writes files, secrets in plain text among them, and reaches no cluster",
}
# Where a resource says which mount, path or name in Vault it is about.
_NAMED: Final = {
    "vault:index/policy:Policy": "name",
    "vault:jwt/authBackendRole:AuthBackendRole": "roleName",
    "vault:kubernetes/authBackendRole:AuthBackendRole": "roleName",
    "vault:appRole/authBackendRole:AuthBackendRole": "roleName",
    "vault:identity/group:Group": "name",
}
_MOUNTED: Final = ("backend", "mount")
_GROUP_PATH: Final = "identity/group/name/"
_ENDPOINT: Final = "vault:generic/endpoint:Endpoint"


def environment_of(seen: Seen, config: Config) -> str:
    """Return the environment that a resource has to be in."""
    return str(config.get("environment") or seen.stack)


def _cluster(seen: Seen, config: Config) -> Iterator[str]:
    if seen.type != PROVIDER:
        return
    given, wanted = seen.props.get("context"), config.get("context")
    if given is None and seen.props.get("kubeconfig") is None:
        yield "no context is given, so everything goes to whichever one is selected at the moment"
    elif wanted is not None and given is None:
        yield f"a kubeconfig without a context is given, and the environment's is {wanted}"
    elif wanted is not None and given is not UNKNOWN and given != wanted:
        yield f"the context is {given}, and the environment's is {wanted}"


def _provider(seen: Seen, _: Config) -> Iterator[str]:
    if seen.type != PROVIDER:
        return
    for option, what in _LOSES_TRUTH.items():
        if seen.props.get(option) not in {None, False, "", "false"}:
            yield f"{option}: {what}"


def _hidden(seen: Seen, _: Config) -> Iterator[str]:
    if seen.type == "kubernetes:helm.sh/v3:Release":
        yield "the objects of a Release are made by the provider and seen by nobody, this policy pack included"


def _namespace(seen: Seen, config: Config) -> Iterator[str]:
    prefix, others = str(config.get("prefix") or ""), config.get("others") or ()
    for found in objects(seen):
        kind, metadata = kind_of(found), metadata_of(found)
        if is_of_cluster(found) and kind != "Namespace":
            continue
        name: Any = metadata.get("name" if kind == "Namespace" else "namespace")
        if name is None and kind != "Namespace" and seen.provider is not None:
            name = seen.provider.get("namespace")
        if name is UNKNOWN or name in others:
            continue
        if name is None:
            if kind != "Namespace":
                yield f"this {kind} names no namespace, so it goes to whichever one is selected at the moment"
        elif name == "default" or str(name).startswith("kube-"):
            yield f"the namespace {name} belongs to the cluster"
        elif not str(name).startswith(prefix):
            yield f"the namespace {name} is not one of {prefix}*"


def _mark(seen: Seen, config: Config) -> Iterator[str]:
    environment = environment_of(seen, config)
    for found in objects(seen):
        annotations = metadata_of(found).get("annotations")
        given = annotations.get(MARK) if isinstance(annotations, dict) else None
        if given not in {None, environment} and given is not UNKNOWN:
            yield f"the annotation {MARK} says {given}, and this is {environment}"


def _vault(seen: Seen, config: Config) -> Iterator[str]:
    environment = environment_of(seen, config)
    if seen.type == _VAULT_PROVIDER:
        address, wanted = seen.props.get("address"), config.get("address")
        if wanted is not None and address not in {None, UNKNOWN} and str(address).rstrip("/") != wanted.rstrip("/"):
            yield "the address is that of another Vault than the environment's"
        return
    if not seen.type.startswith("vault:"):
        return
    key = _NAMED.get(seen.type)
    name = seen.props.get(key) if key is not None else None
    if seen.type == _ENDPOINT and str(seen.props.get("path", "")).startswith(_GROUP_PATH):
        key, name = "path", str(seen.props["path"]).removeprefix(_GROUP_PATH)
    if isinstance(name, str) and not name.startswith(f"{environment}_"):
        yield f"{key}: {name} is not one of {environment}_*"
    mounts = config.get("mounts")
    for field in _MOUNTED if mounts is not None else ():
        mount = seen.props.get(field)
        if isinstance(mount, str) and mount.strip("/") not in (mounts or ()):
            yield f"{field}: the mount {mount} does not belong to {environment}"


RULES: Final = (
    Rule(
        id="environment-cluster",
        group=GROUP,
        says="The Kubernetes provider names the context of the stack's environment.",
        why="A kubeconfig knows many clusters, and the one that is selected is whichever was used last.",
        mend="Give the provider the `context` of the environment.",
        severity="critical",
        check=_cluster,
        settings={"context": text("The context of the environment's cluster; any named one if missing.")},
    ),
    Rule(
        id="environment-namespace",
        group=GROUP,
        says="Every object names a namespace of its own program, never one of the cluster's.",
        why="An object in a namespace of others changes what they run, and is deleted with this stack.",
        mend="Set metadata.namespace to a namespace of the program, or add it to `others`.",
        severity="high",
        check=_namespace,
        settings={
            "prefix": text("How the names of the program's namespaces begin; anything if missing."),
            "others": names("Namespaces that may be used beside them."),
        },
    ),
    Rule(
        id="environment-mark",
        group=GROUP,
        says="No object says that it belongs to another environment.",
        why="An object with the mark of another environment was composed from that one's settings.",
        mend=f"Compose the objects for this environment: the annotation {MARK} follows by itself.",
        severity="high",
        check=_mark,
        settings={"environment": _ENVIRONMENT},
    ),
    Rule(
        id="environment-vault",
        group=GROUP,
        says="Policies, roles and groups in Vault are named `<environment>_…`, on mounts of the environment.",
        why="Environments share a Vault: a name or a mount of another one changes who may read its secrets.",
        mend="Begin the name with the environment and an underscore, and use the environment's mounts.",
        severity="critical",
        check=_vault,
        settings={
            "environment": _ENVIRONMENT,
            "mounts": names("The environment's mounts; any if missing."),
            "address": text("The address of the environment's Vault; any if missing."),
        },
    ),
    Rule(
        id="provider-options",
        group=GROUP,
        says="The Kubernetes provider keeps to the truth about the cluster.",
        why="With some of its options the state says what is not so, and the next update builds on it.",
        mend="Remove the option.",
        severity="high",
        check=_provider,
    ),
    Rule(
        id="visible-objects",
        group=GROUP,
        says="Every object of a chart is a resource of the program.",
        why="What is installed behind the engine's back passes no preview, no rule and no drift detection.",
        mend="Use kubernetes:helm.sh/v4:Chart, which renders the chart into resources.",
        severity="high",
        check=_hidden,
    ),
)
