"""Sends the deliveries of webhooks that are due."""

from app.push.deliveries import WORK as WORK
