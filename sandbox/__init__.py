"""Two clusters, a Vault and a secrets operator per cluster on this machine, for people and for tests.

    from sandbox import Sandbox
    box = Sandbox(folder)                      # default: .sandbox in the checkout
    box.up()                                   # idempotent, repairs
    subprocess.run([...], env=box.environment("staging"))
    box.down()                                 # data stays; reset() removes it

It never reads or writes the user's ``~/.kube``, ``~/.pulumi``, ``~/.vault-token``, ``KUBECONFIG``, ``VAULT_*`` or
``PULUMI_*``, and it imports nothing of the other rooms but the toolchain.
"""

from sandbox.errors import LockedError, MissingToolError, PartFailedError, SandboxError, SeedError
from sandbox.layout import ENVIRONMENTS, Layout
from sandbox.sandbox import PartStatus, Sandbox, UpReport

__all__ = [
    "ENVIRONMENTS",
    "Layout",
    "LockedError",
    "MissingToolError",
    "PartFailedError",
    "PartStatus",
    "Sandbox",
    "SandboxError",
    "SeedError",
    "UpReport",
]
