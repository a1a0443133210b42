"""The Job of a migration and the CronJob of a cron job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app_of_apps.manifest.base import seconds
from app_of_apps.objects.model import KubernetesObject
from app_of_apps.objects.pod import pod_template
from app_of_apps.release.digest import digest

if TYPE_CHECKING:
    from app_of_apps.manifest.child import CronJobChild, JobChild, MigrationChild
    from app_of_apps.objects.metadata import Metadata
    from app_of_apps.release.model import ResolvedChild

_HASH_DIGITS = 10

# A Job that failed stays failed; the next run puts a new one of the same name in its place.
_REPLACE_FAILED = {"pulumi.com/replaceUnready": "true"}


def migration_job(child: ResolvedChild, spec: MigrationChild, metadata: Metadata) -> KubernetesObject:
    """Return the Job of a migration, named ``<child>-<hash over what it runs>``.

    A Job's template cannot change, so whatever is in it is hashed: image, command, arguments, configuration, secret
    references, resources. The parent's and the child's own labels stay out of the template, so that a new label does
    not run every migration again.
    """
    template = pod_template(child, spec, metadata, labels=metadata.standard_labels, restart_policy="Never")
    fixed = {"template": template, "completions": spec.completions}
    name = f"{spec.name}-{digest(fixed).removeprefix('sha256:')[:_HASH_DIGITS]}"
    body = {**_job_spec(spec), "template": template}
    return KubernetesObject(
        name="job",
        group="workload",
        manifest=metadata.object("batch/v1", "Job", name, annotations=_REPLACE_FAILED, spec=body),
        wait=True,
        deadline=seconds(spec.deadline or "5m"),
    )


def cron_job(child: ResolvedChild, spec: CronJobChild, metadata: Metadata) -> KubernetesObject:
    """Return the CronJob of a child. There is nothing to wait for until its time comes."""
    template = pod_template(child, spec, metadata, labels=metadata.labels, restart_policy="Never")
    body = {
        "schedule": spec.schedule,
        "timeZone": spec.time_zone,
        "concurrencyPolicy": spec.concurrency_policy,
        "startingDeadlineSeconds": seconds(spec.starting_deadline),
        "suspend": spec.suspend,
        "successfulJobsHistoryLimit": spec.successful_jobs_history_limit,
        "failedJobsHistoryLimit": spec.failed_jobs_history_limit,
        "jobTemplate": {
            "metadata": {"labels": dict(metadata.labels), "annotations": {"app-of-apps/team": spec.team}},
            "spec": {**_job_spec(spec), "template": template},
        },
    }
    return KubernetesObject(
        name="cron-job",
        group="workload",
        manifest=metadata.object("batch/v1", "CronJob", spec.name, spec=body),
        deadline=seconds(spec.deadline or "5m"),
    )


def _job_spec(spec: JobChild) -> dict[str, Any]:
    return {
        "backoffLimit": spec.backoff_limit,
        "completions": spec.completions,
        "parallelism": spec.parallelism,
        "activeDeadlineSeconds": seconds(spec.deadline or "5m"),
    }
