"""Whose turn it is: when a tenant's job was last begun."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class Turn(Base):
    """One tenant (an app) that has had a job done. Tenants take turns, however long their lines."""

    __tablename__ = "turns"
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)
    served_at: Mapped[datetime]
