"""The splits of an app, out of the text of its settings."""

import json
from functools import lru_cache

from app.crashes.splitting import Split, read_splits

SPLITS = "splits"  # in an app's settings


@lru_cache(maxsize=256)
def splits_in(settings: str | None) -> tuple[Split, ...]:
    """What members have set, checked when they set it."""
    return read_splits(json.loads(settings).get(SPLITS)) if settings and SPLITS in settings else ()
