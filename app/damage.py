"""What Python's own readers raise over an archive that is damaged or made to do harm: more than they document."""

import lzma
import tarfile
import zipfile
import zlib

DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError, OverflowError,
    LookupError,  # a file without a name, a link to nowhere
    RuntimeError,  # a password, a compression that is not there, links in a circle
)  # fmt: skip
"""OSError is not among them, for a failing disk raises it too: code that reads from memory adds it."""
