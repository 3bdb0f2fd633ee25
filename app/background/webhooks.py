"""Receivers of webhooks are told what is due for them."""

from app.push.deliveries import WORK as WORK
