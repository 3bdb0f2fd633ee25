"""`crashq regroup --figures`: counts the figures of crashes anew."""

import time

import click

from app.background import figures
from app.db.models.app import App
from app.services import Services

LOOK_EVERY = 0.5  # seconds between looks while a service counts


def recount_figures(services: Services, app: App, *, is_alone: bool, waits: bool) -> None:
    """Let no figures of the app answer until they are counted; count them here when no service does, or wait for it."""
    crashes = figures.distrust(services, app.id)
    figures.begin_recount_of(services, app.id)
    if not waits:
        click.echo(f"{app.identifier}: begun")
        return
    while figures.count_missing(services, app.id):
        if not (is_alone and figures.recount(services, app.id)):
            time.sleep(LOOK_EVERY)
    click.echo(f"{app.identifier}: figures of {crashes} {'crash' if crashes == 1 else 'crashes'} counted")
