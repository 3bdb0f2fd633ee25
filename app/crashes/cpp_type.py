"""Types of C++ as runtimes tell them: mangled, as `std::type_info::name` has them."""

import re

from multi_demangle import DemangleOptions, demangle_symbol

MAX_MANGLED = 500  # characters; longer names stay as they are

_MANGLED = re.compile(r"P?K?(?:\d{1,3}[A-Za-z_]|N(?:K?S[at]?\w|\d{1,3}[A-Za-z_])|St\d)[\w$.]*|PK?[cw]")
_FOR = "typeinfo for "


def readable_type(name: str) -> str:
    """`kaboom_exception*` for `P16kaboom_exception`, `shop::Error` for `N4shop5ErrorE`; any other name as it is."""
    if len(name) > MAX_MANGLED or not _MANGLED.fullmatch(name):
        return name
    try:
        told = demangle_symbol(f"_ZTI{name}", DemangleOptions(return_type=False, parameters=True)) or ""
    except Exception:
        return name
    return told.removeprefix(_FOR).replace("std::__1::", "std::") if told.startswith(_FOR) else name
