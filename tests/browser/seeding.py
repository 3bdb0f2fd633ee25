"""A crash with so many occurrences that what is made of them takes a while: put into the database at once."""

from sqlalchemy import select, text

from app.db.models.app import find_app
from app.db.models.log import Log
from app.services import Services
from tests.factories import NOON, kscrash, make_crash

OCCURRENCES = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)
INSERT INTO occurrences (crash_id, log_row, log_id, number, occurred_at, described, app_version, os_name, os_version,
                         device_model, user_id)
SELECT :crash, log_row, log_id, i + 1, strftime('%Y-%m-%d %H:%M:%S.000000', '2018-09-13 12:00:00', -i || ' seconds'), 1,
       '1.' || i % 9, 'iOS', '1' || i % 7, 'iPhone' || i % 11 || ',1', 'u' || i % 5000
FROM n, (SELECT log_row, log_id FROM occurrences WHERE crash_id = :crash)
"""


def sow(services: Services, app: str, number: int) -> str:
    """Occurrences up to NOON, one each second, all in one log, which holds the newest; returns the crash's identifier."""
    with services.db.read() as session:
        found = find_app(session, app)
    assert found
    crash = make_crash(services, found, occurrences=1, newest=NOON)
    with services.db.read() as session:
        [log] = session.scalars(select(Log).where(Log.app_id == found.id))
    content = kscrash()
    services.storage.put_bytes(log.storage_key, content)
    with services.db.write() as session:
        session.get_one(Log, log.id).size = len(content)
        session.execute(text(OCCURRENCES), {"crash": crash.id, "number": number - 1})
        counted = "UPDATE crashes SET occurrences_count = :number, revision = revision + 1 WHERE id = :crash"
        session.execute(text(counted), {"crash": crash.id, "number": number})
    return str(crash.identifier)
