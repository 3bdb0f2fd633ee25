"""Webhooks: tells other programs of events, signed, at least once."""
