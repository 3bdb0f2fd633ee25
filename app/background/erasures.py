"""Erasures of users."""

from app.privacy.erasing import WORK as WORK
