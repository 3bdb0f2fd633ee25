"""Sends the deliveries of webhooks that are due."""

from app.webhooks.deliveries import WORK as WORK
