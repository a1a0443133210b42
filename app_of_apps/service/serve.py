"""Puts a service together and runs it until it is told to end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import uvicorn

from app_of_apps.service import telemetry
from app_of_apps.service.app import create
from app_of_apps.service.database import Database
from app_of_apps.service.desk import Desk
from app_of_apps.service.door import Door
from app_of_apps.service.front import Front
from app_of_apps.service.ledger import Ledger
from app_of_apps.service.metrics import Metrics
from app_of_apps.service.notify import Notifier
from app_of_apps.service.operation import Asked, Who
from app_of_apps.service.pulse import Pulse
from app_of_apps.service.queue import Queue
from app_of_apps.service.settings import database_url
from app_of_apps.service.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

    from app_of_apps.service.operation import Operation
    from app_of_apps.service.settings import Settings

ITSELF = Who(kind="person", name="the service", subject="app-of-apps")
"""Who asks for what the service does by its settings."""


class Service:
    """One service in this process."""

    def __init__(self, settings: Settings, project: Path) -> None:
        """Put it together; raises InvalidInput where the project is not valid, Unavailable without the database."""
        self.settings = settings
        self.database = Database(database_url(settings, project))
        self.database.create()
        self.ledger = Ledger(self.database)
        self.pulse = Pulse(self.ledger)
        self.world = World(project, every=settings.refresh, changed=self.pulse.bump)
        self._key = self.database.claim(self.world.files.project.manifest.parent.name)
        self.notifier = Notifier(settings, self.ledger)
        self.metrics = Metrics(self.ledger, self.world)
        self.queue = Queue(
            self.database,
            self.ledger,
            project,
            workers=settings.workers,
            lease=settings.lease,
            release=self.world.release,
            told=self._told,
        )
        door = Door(self.world, Desk(self.database), settings.requests_per_minute)
        self.front = Front(door, self.ledger, self.queue, self.notifier.tell)
        self._stop = threading.Event()
        self._chores = threading.Thread(target=self._do_chores, name="chores", daemon=True)

    @property
    def app(self) -> FastAPI:
        """The application, which starts and ends the rest with itself."""
        app = create(self.settings, self.front, self.metrics, key=self._key, begin=self._begin, end=self._end)
        app.state.pulse = self.pulse
        return app

    def _begin(self) -> None:
        self.queue.start()
        self.world.start()
        self.pulse.start()
        self._chores.start()

    def _end(self) -> None:
        self._stop.set()
        self.world.stop()
        self.pulse.stop()
        self.queue.stop(grace=float(os.environ.get("AOA_SERVICE_GRACE", "30")))
        self.database.close()

    def _told(self, operation: Operation) -> None:
        """Hear of an operation that has begun or ended, wherever it was asked for."""
        self.metrics.told(operation)
        if operation.ended is not None:  # what it does meanwhile is seen soon enough, and it needs the machine
            self.world.soon()
        self.pulse.bump()
        try:
            self.notifier.operation(operation)
        except Exception as error:  # noqa: BLE001 - an operation does not fail because nobody hears of it
            sys.stderr.write(f"notifications: {type(error).__name__}\n")

    def _do_chores(self) -> None:
        """Look for drift as often as the settings say, and forget what is old."""
        drift, forget = time.monotonic(), 0.0
        while not self._stop.wait(1.0):
            now = time.monotonic()
            try:
                if now >= forget:
                    self.ledger.forget(self.settings.keep)
                    forget = now + 3600
                if self.settings.drift_every and now >= drift + self.settings.drift_every:
                    drift = now
                    self._look_for_drift()
            except Exception as error:  # noqa: BLE001 - the database may come back
                sys.stderr.write(f"chores: {type(error).__name__}\n")

    def _look_for_drift(self) -> None:
        window = int(time.time() // self.settings.drift_every)
        for env in self.world.files.rights.environments:
            asked = Asked(operation="drift", reason="the service's settings (driftEvery)")
            # Of several workers one asks: the others' key is the same.
            operation, new = self.ledger.add(env, asked, ITSELF, release=None, key=f"drift {env} {window}")
            if new:
                self.queue.add(operation)


def serve(settings: Settings, project: Path) -> None:
    """Serve until SIGINT or SIGTERM."""
    provider = telemetry.start()
    service = Service(settings, project)
    config = uvicorn.Config(
        service.app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        limit_concurrency=2000,
        h11_max_incomplete_event_size=64 * 1024,
    )
    # Uvicorn hands the signal on that has ended it; all that there was to do is done by then.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        uvicorn.Server(config).run()
    finally:
        telemetry.stop(provider)
