"""What a report lacks to name its frames."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MissingSymbols:
    """A file of symbols that would name frames of this report, and that the app has not been given."""

    kind: str  # "native": of a binary image; "mapping": of R8 or ProGuard; "source_map"
    debug_id: str  # by which the file is found, in lower case
    name: str | None = None  # of the image or script
