"""The groups of the identity provider in Vault: what each may do, and by which claim a login becomes a member."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pulumi

from components import type_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from app_of_apps.objects.access import VaultGroup

_GET_GROUP: Final = "vault:identity/getGroup:getGroup"
_NO_GROUP: Final = "no Identity Group found"


@dataclass(frozen=True, slots=True)
class AccessArgs:
    """Groups of one environment and the accessor of the auth method whose logins carry them."""

    groups: tuple[VaultGroup, ...]
    accessor: str
    updates: bool = True
    """Whether groups are brought up; what is removed or only read may be gone already."""
    failed: Callable[[str], None] = lambda _: None
    """Told why nothing can be brought up, before the program ends with it."""


class Access(pulumi.ComponentResource):
    """External identity groups, each with an alias on the people's auth method and a policy of exact paths.

    Groups are written by their name and not by their ID: a path with a name is something that the program's own policy
    can be held to, so that the credential of one environment cannot alter the groups of another.
    """

    resources: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions) -> None:
        """Register the policies first, then the groups that have them, then the aliases that lead to the groups."""
        super().__init__(type_tokens.ACCESS, name, None, opts)
        declared: list[pulumi.Resource] = []
        for group in args.groups:
            policy = pulumi.CustomResource(
                "vault:index/policy:Policy",
                f"{group.name}-policy",
                {"name": group.policy.name, "policy": group.policy.policy},
                pulumi.ResourceOptions(parent=self),
            )
            made = _endpoint(
                f"{group.name}-group",
                f"identity/group/name/{group.name}",
                json.dumps({"type": "external", "policies": [group.policy.name]}, sort_keys=True),
                pulumi.ResourceOptions(parent=self, depends_on=[policy]),
            )
            alias = _endpoint(
                f"{group.name}-alias",
                "identity/group-alias",
                pulumi.Output.json_dumps(
                    {
                        "name": group.alias,
                        "mount_accessor": args.accessor,
                        "canonical_id": made.id.apply(partial(_group_id, args, self)),
                    },
                    sort_keys=True,
                ),
                # An alias can be read and deleted by its ID alone. It goes with its group.
                pulumi.ResourceOptions(parent=self, depends_on=[made]),
                write_only=True,
            )
            declared += [policy, made, alias]
        self.resources = tuple(declared)
        self.register_outputs({})


def _endpoint(
    name: str, path: str, data: pulumi.Input[str], opts: pulumi.ResourceOptions, *, write_only: bool = False
) -> pulumi.CustomResource:
    inputs: dict[str, Any] = {
        "path": path,
        "dataJson": data,
        # Vault adds IDs and times to what was written.
        "ignoreAbsentFields": True,
        "disableRead": write_only,
        "disableDelete": write_only,
    }
    return pulumi.CustomResource("vault:generic/endpoint:Endpoint", name, inputs, opts)


async def _group_id(args: AccessArgs, parent: pulumi.Resource, path: str) -> str:
    """Return a group's ID, looked up once the group is there: Vault says it only when it makes a group.

    Raises RunError when the state knows of a group that Vault does not have.
    """
    name = path.rpartition("/")[2]
    try:
        answer = await pulumi.runtime.invoke_async(_GET_GROUP, {"groupName": name}, pulumi.InvokeOptions(parent=parent))
    except Exception as error:
        if _NO_GROUP not in str(error):
            raise
        if not args.updates:
            return ""
        msg = (
            f"Unavailable: the group {name} was made by an earlier run and is gone from Vault; the engine does not "
            f"notice by itself. `aoa drift {pulumi.get_stack()} --fix` brings it back"
        )
        args.failed(msg)
        raise pulumi.RunError(msg) from error
    return str(answer["groupId"])
