"""Files of symbols are looked into."""

from app.symbolication.making import WORK as WORK
