"""Uploaded files of symbols, and the images and mappings that they name."""

import enum
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.base import Base, value_enum
from app.db.work import BigId, Leased, Leasing

MAX_NAME, MAX_VERSION, MAX_REASON = 200, 100, 300  # characters
CANDIDATES = 100  # mappings of one version that are looked at, the newest first


class SymbolState(enum.StrEnum):
    """received -> ready | rejected."""

    RECEIVED = "received"
    READY = "ready"
    REJECTED = "rejected"


WAITING = text("state = 'received'")
NATIVE, MAPPING, SOURCE_MAP = "native", "mapping", "source_map"
"""Kinds of what a file holds. The kind of a file is its format: elf, macho, pe, breakpad, proguard, archive, …"""

SHOWN = 1_000  # images listed of one file


IN_CHUNKS = "sha1-"
"""How `sha256` begins of a file that is not put together yet."""

RELEASE = "release:"
"""How a debug_id begins that is none, but made of the version and build that a file was given for."""
UNWIND = "unwind:"
"""How the debug id of an image's call frame information begins here; it stands behind the image's names, if there are any."""

SOURCES = "sources:"
"""How the debug id of files of source begins, before the one of the image or the source map that they belong to."""


class SymbolFile(Leased, Base):
    """One uploaded file. Its bytes lie in the storage before the row is committed."""

    __tablename__ = "symbols"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    identifier: Mapped[str] = mapped_column(String(24), unique=True)  # random lower-case hex
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    sha256: Mapped[str] = mapped_column(String(64))  # IN_CHUNKS and its SHA-1 until a worker has put it together
    version: Mapped[str] = mapped_column(String(MAX_VERSION))  # of the app, as the sender tells; "": any
    build: Mapped[str] = mapped_column(String(MAX_VERSION))  # the same
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    kind: Mapped[str | None] = mapped_column(String(16))  # None: not looked into yet
    state: Mapped[SymbolState] = mapped_column(value_enum(SymbolState))
    reason: Mapped[str | None] = mapped_column(String(MAX_REASON))  # why it is rejected
    received_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    storage_key: Mapped[str] = mapped_column(String(255))
    checksum: Mapped[str | None] = mapped_column(String(40))  # SHA-1 that a build tool names it by, lower-case hex
    __table_args__ = (
        UniqueConstraint("app_id", "sha256", "version", "build"),
        Index("ix_symbols_app_id_checksum", "app_id", "checksum"),
        Index("ix_symbols_waiting", "enqueue_after", postgresql_where=WAITING, sqlite_where=WAITING),
    )


class SymbolImage(Base):
    """One image, or the mapping, that an uploaded file describes."""

    __tablename__ = "symbol_images"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id", ondelete="CASCADE"), index=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"))
    debug_id: Mapped[str] = mapped_column(String(64))  # lower case; of a mapping its uuid, and RELEASE…
    arch: Mapped[str | None] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(16), server_default=NATIVE)
    name: Mapped[str | None] = mapped_column(String(MAX_NAME))  # of the file that it was in
    cache_key: Mapped[str] = mapped_column(String(255))  # of the cache that answers for it
    __table_args__ = (Index("ix_symbol_images_app_id_debug_id", "app_id", "debug_id"),)


def find_same(session: Session, app_id: int, sha256: str, version: str, build: str) -> SymbolFile | None:
    """The file of these bytes, for this version."""
    same = (SymbolFile.sha256 == sha256, SymbolFile.version == version, SymbolFile.build == build)
    return session.scalar(select(SymbolFile).where(SymbolFile.app_id == app_id, *same))


def by_checksum(session: Session, app_id: int, checksums: list[str], version: str, build: str) -> dict[str, SymbolFile]:
    """SHA-1 -> the file that a build tool has named by it, for this version."""
    same = (SymbolFile.app_id == app_id, SymbolFile.version == version, SymbolFile.build == build)
    found = session.scalars(select(SymbolFile).where(*same, SymbolFile.checksum.in_(checksums)).order_by(SymbolFile.id))
    return {str(one.checksum): one for one in found}


def lock_symbols(session: Session, row_id: int) -> SymbolFile | None:
    """A file as it stands, that nobody else changes until the transaction ends."""
    return session.get(SymbolFile, row_id, with_for_update=True, populate_existing=True)


def find_symbols(session: Session, app_id: int, identifier: str) -> SymbolFile | None:
    """A file of the app."""
    statement = select(SymbolFile).where(SymbolFile.app_id == app_id, SymbolFile.identifier == identifier)
    return session.scalar(statement)


def symbols_of(session: Session, app_id: int, limit: int, offset: int) -> list[SymbolFile]:
    """The files of an app, newest first."""
    statement = select(SymbolFile).where(SymbolFile.app_id == app_id).order_by(SymbolFile.id.desc())
    return list(session.scalars(statement.limit(limit).offset(offset)))


def images_of(session: Session, symbol_ids: list[int]) -> dict[int, list[SymbolImage]]:
    """Row of a file -> what it holds, in order, the first thousand; each once, by its debug id if it has one."""
    statement = select(SymbolImage).where(SymbolImage.symbol_id.in_(symbol_ids)).order_by(SymbolImage.id)
    found: dict[int, list[SymbolImage]] = {}
    shown: set[str] = set()
    for image in session.scalars(statement):
        mine = found.setdefault(image.symbol_id, [])
        is_other_key = image.debug_id.startswith(RELEASE) and image.cache_key in shown
        is_other_key |= bool(mine) and image.debug_id == UNWIND + mine[-1].debug_id
        is_other_key |= image.debug_id.startswith(SOURCES)
        if len(mine) < SHOWN and not is_other_key:
            mine.append(image)
            shown.add(image.cache_key)
    return found


def source_keys(session: Session, symbol_id: int) -> list[str]:
    """Storage keys of the files of source that a file holds."""
    mine = (SymbolImage.symbol_id == symbol_id, SymbolImage.debug_id.startswith(SOURCES))
    return list(session.scalars(select(SymbolImage.cache_key).where(*mine).distinct().limit(SHOWN)))


def cache_keys(session: Session, app_id: int, wanted: list[str], kind: str) -> dict[str, str]:
    """Debug id -> storage key of its cache, or of the mapping; of several the newest."""
    mine = (SymbolImage.app_id == app_id, SymbolImage.debug_id.in_(wanted), SymbolImage.kind == kind)
    statement = select(SymbolImage.debug_id, SymbolImage.cache_key).where(*mine).order_by(SymbolImage.id)
    return {row[0]: row[1] for row in session.execute(statement)}


class ImageKey(NamedTuple):
    """Where the cache of an image lies, or a mapping."""

    kind: str
    debug_id: str
    cache_key: str


def all_keys(session: Session, app_id: int, limit: int) -> list[ImageKey]:
    """What an app has symbols of, the oldest first: of several with one id the last one counts."""
    columns = (SymbolImage.kind, SymbolImage.debug_id, SymbolImage.cache_key)
    statement = select(*columns).where(SymbolImage.app_id == app_id).order_by(SymbolImage.id).limit(limit)
    return [ImageKey(*row) for row in session.execute(statement)]


def has_symbols(session: Session, app_id: int) -> bool:
    """True when a file of the app is ready."""
    ready = select(SymbolFile.id).where(SymbolFile.app_id == app_id, SymbolFile.state == SymbolState.READY)
    return session.scalar(ready.limit(1)) is not None


def came_since(session: Session, app_id: int, then: datetime) -> bool:
    """True when a file of the app has become ready since then."""
    ready = select(SymbolFile.id).where(SymbolFile.app_id == app_id, SymbolFile.ready_at > then)
    return session.scalar(ready.limit(1)) is not None


def mapping_key(session: Session, app_id: int, version: str, build: str) -> str | None:
    """Storage key of the mapping that was given for this version and build, or for one of them; the newest that fits best."""
    statement = select(SymbolFile.version, SymbolFile.build, SymbolImage.cache_key).where(
        SymbolImage.symbol_id == SymbolFile.id,
        SymbolFile.app_id == app_id,
        SymbolImage.kind == MAPPING,
        SymbolFile.state == SymbolState.READY,
        SymbolFile.version.in_(("", version)),
        SymbolFile.build.in_(("", build)),
    )
    rows = session.execute(statement.order_by(SymbolFile.id.desc()).limit(CANDIDATES)).all()
    fitting = [(bool(row[0]) + bool(row[1]), row[2]) for row in rows if row[0] or row[1]]
    return str(max(fitting, key=lambda one: one[0])[1]) if fitting else None


LEASING = Leasing(
    SymbolFile,
    waiting=(SymbolFile.state == SymbolState.RECEIVED,),
    working=(SymbolFile.state == SymbolState.RECEIVED,),
    order=(SymbolFile.id,),
)
