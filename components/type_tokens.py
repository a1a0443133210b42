"""The type tokens of all components. A token is part of every URN below it: changing one replaces what it holds."""

from __future__ import annotations

from typing import Final

PARENT_APP: Final = "app-of-apps:index:ParentApp"
SERVICE_APP: Final = "app-of-apps:index:ServiceApp"
WORKER_APP: Final = "app-of-apps:index:WorkerApp"
MIGRATION_APP: Final = "app-of-apps:index:MigrationApp"
CRONJOB_APP: Final = "app-of-apps:index:CronJobApp"
CHART_APP: Final = "app-of-apps:index:ChartApp"
MANIFESTS_APP: Final = "app-of-apps:index:ManifestsApp"
IDENTITY: Final = "app-of-apps:index:Identity"
SHARED_CONFIG: Final = "app-of-apps:index:SharedConfig"
ACCESS: Final = "app-of-apps:index:Access"
VAULT_ACCESS: Final = "app-of-apps:index:VaultAccess"
RELEASE_RECORD: Final = "app-of-apps:index:ReleaseRecord"
COMPONENT: Final = "aoa:index:ParentApp"
"""What programs in other languages name, see `components.plugin`."""
