"""The parts of crashq that exist only for speed. Each is added by one line; without it clients see the same.

| part | what it saves | in | added by |
|---|---|---|---|
| `brief-wait` | polls that come a little too early | `app/web/api/brief_wait.py` | `app/web/api`: `_ask` |
| `response-cache` | looks for the same poll, many times at once | `app/web/api/repeats.py` | `app/web/api`: `_ask` |
| `debouncing` | task messages, and waits for Redis | `app/queueing/debounced_broker.py` | `open_services` |
| `async-commits` | waits for PostgreSQL's disk | `app/db/async_commit.py` | `open_database` |
| `lists-at-claim` | round trips of a short list's job | `app/jobs/lists_at_claim.py` | `running._begin_next` |
| `batch-text` | Python objects for the rows of a batch | `app/jobs/batch_text.py` | `PartMaker._rows` |

All are on in production. A developer leaves some out by the environment variable CRASHQ_WITHOUT, such as
`CRASHQ_WITHOUT=brief-wait,debouncing`, of the service or of pytest.
"""

from dataclasses import dataclass, fields

from app.errors import ConfigError


@dataclass(frozen=True)
class Speed:
    """Which parts are on."""

    brief_wait: bool = True
    response_cache: bool = True
    debouncing: bool = True
    async_commits: bool = True
    lists_at_claim: bool = True
    batch_text: bool = True

    @classmethod
    def without(cls, names: str) -> "Speed":
        """All parts but those with these names, which commas separate. Raises ConfigError for an unknown name."""
        left_out = {name.strip() for name in names.split(",")} - {""}
        if unknown := left_out - set(PARTS):
            raise ConfigError(f"CRASHQ_WITHOUT names {', '.join(sorted(unknown))}, which is none of {', '.join(PARTS)}")
        return cls(**{PARTS[name]: False for name in left_out})

    def has(self, name: str) -> bool:
        """True if the part with this name is on."""
        return bool(getattr(self, PARTS[name]))


PARTS = {field.name.replace("_", "-"): field.name for field in fields(Speed)}
"""Name of each part -> field of Speed."""

ALL = Speed()
