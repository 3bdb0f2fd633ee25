"""From addresses and obfuscated names to what the source says; pure: reads files of symbols by path, knows no database."""

from app.errors import AppError


class NotSymbols(AppError):
    """The file is of no known kind, or breaks its grammar."""

    code, status = "not_symbols", 422
