"""The crate that a function of Rust is of, as its name says."""

import re

from app.crashes import rules

_TYPE = re.compile(r"(?:&|mut |dyn |\*const |\*mut |[\[(<])*(?P<name>\w*)(?P<path>::)?")


def crate(function: str) -> str:
    """`shop` for `shop::pay` and `<shop::Cart as core::fmt::Debug>::fmt`; of a type that is any, the trait's."""
    if not function.startswith("<"):
        return function.partition("::")[0] if "::" in function else ""
    found = _TYPE.match(function)
    if found and found["path"]:
        return found["name"]
    trait = function.partition(" as ")[2]
    return trait.partition("::")[0] if "::" in trait else ""


def is_library(function: str) -> bool:
    """True for functions of the standard library and of what runs an app's futures and requests."""
    return crate(function) in rules.RUST_SYSTEM
