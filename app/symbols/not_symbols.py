"""The error of a file that holds no symbols."""

from app.errors import AppError


class NotSymbols(AppError):
    """The file is of no known kind, or breaks its grammar."""

    code, status = "not_symbols", 422
