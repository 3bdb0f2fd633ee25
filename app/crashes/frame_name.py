"""The name of a frame as it stays from build to build: what compilers number, generate or hash is taken out."""

import re
from functools import lru_cache
from typing import NamedTuple

from app.crashes import kotlin_native
from app.crashes.log import Frame

NAMELESS = re.compile(
    r"<?(redacted|unknown|stripped[_ ]application[_ ]code|\?+|null|hidden)>?|\(null\)|_mh_\w+_header"
    r"|_+lldb_unnamed_\w+|(?:sub|FUN|fcn|unnamed)[_.](?:0x)?[0-9a-fA-F]+|0x[0-9a-fA-F]+|nil",
    re.IGNORECASE,
)
"""Function names that say that there is no name."""


STRIPPED = "stripped_application_code"
"""What Sentry calls a function of the app that it may not name."""

UNKNOWN_IMAGES = frozenset({"", "?", "??", "???", "unknown", "<unknown>"})
"""What tools call an image that they do not know."""

MAX_NAME = 1_000  # characters of a name that count: a hostile log may hold names of many kilobytes
# Java and Kotlin: javac (`lambda$f$0`, `access$000`, `Foo$1`), D8 and R8 (`$$ExternalSyntheticLambda2`,
# `$r8$lambda$hash`), retrolambda and the JVM (`-$$Lambda$…`, `$$Lambda$14/0x…`), Kotlin (`f$lambda$2`, `f$lambda-2`,
# `f$default`), Spring's CGLIB.
_LAMBDA_CLASS = re.compile(r"\$\$(?:(?:External|Internal)Synthetic|Lambda\b).*")
_PROXY_CLASS = re.compile(r"\$\$(?:EnhancerBy|FastClassBy|SpringCGLIB).*")
_OLD_LAMBDA_CLASS = re.compile(r"-\$\$Lambda\$([^$]+(?:\$[A-Za-z]\w{0,40})*?)\$[\w-]+$")
_NUMBERED_CLASS = re.compile(r"\$(?:\d+(?=\$|$)|lambda-\d+(?=\$|$)|inlined(?=\$|$)|sam\$\w*)")
_BRIDGE_METHOD = re.compile(r"access\$\d+|-(?:wrap|get|set)\d+|\$r8\$lambda\$.*|\$?r8\$\w+")
_JAVAC_LAMBDA = re.compile(r"lambda\$(.+?)\$\d+(?:\$.*)?|lambda\$(\d+)")
_KOTLIN_LAMBDA = re.compile(r"(?:\$lambda[$-]\d+|\$default|\$suspendImpl|\$\$inlined\$\w+|\$\$superforward|\$\d+)+$")
# JavaScript: bundlers put hashes into file names, minifiers make names of one or two letters.
_JS_ADDED = re.compile(r" ?\[as [^\]]*\]|/?<$|^(?:[\w. *]{1,200}\*)?(?:async )?(?:(?:new|get|set) )?|\[\w\]")
_JS_CALLED = re.compile(r"^(?:[\w. *]{1,200}\*)?(?:async )?")
_JS_ANONYMOUS = frozenset({"<anonymous>", "anonymous", "?", "", "code", "global"})  # "global code", "eval code"
_JS_FILLERS = frozenset({"Object", "null", "undefined", "Module", "exports", "prototype"})
_JS_HASH = re.compile(r"[-._~](?=[A-Za-z0-9_]*\d)[A-Za-z0-9_]{6,}(?=[.\-]|$)|(?<=^)\d+(?=\.)|\.chunk|\.min|\.bundle")
# What Swift's compiler puts between two functions; how much of it is left is the optimiser's choice.
_SWIFT_GLUE = re.compile(r"(?:implicit )?(?:reabstraction )?thunk (?:for|helper from) @|protocol witness for ")
_DART_CLOSURE = re.compile(r"(?:\.?<(?:anonymous closure|fn|asynchronous suspension)>)+|\.?\{closure[^}]*\}|^new ")
_GO_CLOSURE = re.compile(r"(?:\.func\d+|\.gowrap\d+|\.\d+|-fm|\(\.\.\.\))+$")
_OPERATOR = re.compile(r"operator(?:\(\)|<=>|<<=?|>>=?|->\*?|<=?|>=?)")


# What compilers add to the name of a part of a function, and tools to a name: `.cold`, `[clone .isra.0]`, an offset.
_PARTS = re.compile(
    r"(?:\.(?:cold(?:\.\d{1,20})?|(?:part|isra|constprop|llvm|lto_priv|resume|destroy|cleanup)\.\d{1,20})){1,8}$"
    r"|(?<=\w)\.\d{1,20}$|(?: ?[\[(](?:clone )?\.(?:cold|part|isra|constprop|llvm|lto_priv)\b[^\])]{0,40}[\])]){1,8}$"
)
_LOADED_AT = re.compile(r"0x[0-9a-fA-F]{1,16} ?\+ ?(?:0x)?[0-9a-fA-F]{1,16}\s{0,8}//\s{0,8}")
_OFFSET = re.compile(r" ?\+ ?(?:0x[0-9a-fA-F]{1,16}|\d{1,19})(?=$| \()")
_RUST_HASH = "::h"
_RUST_HASHED = re.compile(r"::h[0-9a-f]{16}$")
_TRAP = re.compile(r"\S.{0,500}:\d{1,9}: (?:libc\+\+ Hardening )?assertion .{1,500} failed")


class StableName(NamedTuple):
    """What a frame adds to a fingerprint."""

    text: str  # the name, else the image, else "?"; empty: this frame is none of a function
    is_named: bool  # False: the function is not known, only its image
    host: str = ""  # the class or namespace that holds the function
    is_bridge: bool = False  # code that a compiler made to reach other code of `host`


def is_nameless(frame: Frame) -> bool:
    """True where the function is not known."""
    function = (frame.function or "")[:MAX_NAME].strip()
    return not frame.module and (not function or NAMELESS.fullmatch(function) is not None or is_trap(function))


def script_function(function: str) -> str:
    """The function of JavaScript without what called it or awaits it: `pay` for `async*pay` and `async pay`."""
    return _JS_CALLED.sub("", function)


def is_trap(function: str) -> bool:
    """True for a reason why library code trapped, which clang writes where a function inlined there has its name."""
    return ": assertion " in function and _TRAP.match(function) is not None


def shown_name(function: str) -> str:
    """The name for people: whole, but without what compilers and tools add to it."""
    name = function[:MAX_NAME].strip()
    if name.startswith("0x"):
        name = _LOADED_AT.sub("", name, count=1)
    if "+" in name:
        name = _OFFSET.sub("", name)
    if _RUST_HASH in name:
        name = _RUST_HASHED.sub("", name)
    return without_parts(name)


def without_parts(name: str) -> str:
    """The name of the function that a compiler has cut in parts or copied: `pay` for `pay.cold` and `pay.llvm.7`."""
    return _PARTS.sub("", name) if "." in name else name


def plain_name(function: str) -> str:
    """The name without parameters, as rule files have it."""
    return _plain_name(function[:MAX_NAME].strip())


@lru_cache(4_096)
def _plain_name(name: str) -> str:
    if name[:2] in ("-[", "+["):
        return name
    if name.startswith("0x") or " + " in name or "." in name:
        name = shown_name(name)
    head, _, more = name.partition("(")
    if head and ("::" in head or "." in head or more in ("", ")")):
        name = head  # a C function shows no parameters: `kill(Target&)` is somebody else's
    return name.replace("std::__1::", "std::") if "std::__1::" in name else name


def stable_name(frame: Frame, family: str | None) -> StableName:
    """The frame's name without what changes from build to build; `family` is that of app.crashes.in_app."""
    function = (frame.function or "")[:MAX_NAME].strip()
    module = (frame.module or "")[:MAX_NAME]
    if is_trap(function):
        return StableName("", False)
    if not function or NAMELESS.fullmatch(function):
        if family == "javascript":
            return _javascript(frame, "")
        if module:
            return StableName(_java_class(module), True, module)
        place = frame.image if frame.image not in UNKNOWN_IMAGES else None
        place = place or _file_name(frame.file)
        return StableName(stable_image(place) if place else "?", False)
    if family == "java" and not (frame.image and not frame.module):
        return _java(module, function)
    if family == "javascript":
        return _javascript(frame, function)
    if family == "csharp":
        return StableName(_csharp(f"{module}.{function}" if module else function), True, _csharp(module))
    if family == "python":
        return _joined(module or _file_name(frame.file), function)
    if family == "dart":
        return _joined(module or _file_name(frame.file), _DART_CLOSURE.sub("", function))
    if family == "go":
        return _joined(module, _GO_CLOSURE.sub("", re.sub(r"\[[^]]*\]", "", function)))
    if _SWIFT_GLUE.match(function):
        return StableName("", False)
    if kotlin_native.is_symbol(function):
        is_bridge = kotlin_native.is_bridge(function)
        return StableName(f"kfun:{kotlin_native.stable(function)}", True, kotlin_native.host(function), is_bridge)
    return _joined(module, _native(shown_name(function)))


def stable_image(name: str) -> str:
    """The file name of an image without folder and without what an installer or a packer adds to it."""
    name = (re.split(r"[/\\!]", name)[-1] or name)[-MAX_NAME:]
    return re.sub(r"[-.](?=[0-9a-f]*\d)[0-9a-f]{8,}(?=\.|$)", "", name)


def _joined(owner: str, name: str) -> StableName:
    already = not owner or name.startswith((f"{owner}.", f"{owner}::"))
    return StableName(name if already else f"{owner}.{name}", True, owner)


def _file_name(file: str | None) -> str:
    return re.split(r"[/\\]", file.split("?")[0])[-1][-MAX_NAME:] if file else ""


def _java(module: str, function: str) -> StableName:
    if not module:
        module, _, function = function.rpartition(".")
    host = _java_class(module)
    if _LAMBDA_CLASS.search(module) or _OLD_LAMBDA_CLASS.search(module) or _BRIDGE_METHOD.fullmatch(function):
        return StableName(f"{host}.<generated>", True, host, is_bridge=True)
    lambda_ = _JAVAC_LAMBDA.fullmatch(function)
    if lambda_:
        function = lambda_[1] or "<lambda>"
        function = "<init>" if function == "new" else "<clinit>" if function == "static" else function
    return StableName(f"{host}.{_KOTLIN_LAMBDA.sub('', function) or function}", True, host)


def _java_class(name: str) -> str:
    old = _OLD_LAMBDA_CLASS.search(name)
    if old:
        name = f"{name[: old.start()]}{old[1]}"
    name = _PROXY_CLASS.sub("", _LAMBDA_CLASS.sub("", name))
    return _NUMBERED_CLASS.sub("", name) or name


def _javascript(frame: Frame, function: str) -> StableName:
    place = (frame.module or _file_name(frame.file))[-MAX_NAME:]
    place = _JS_HASH.sub("", place).lstrip(".") or place
    name = re.split(r"[./\s]+", _JS_ADDED.sub("", function))[-1]  # which object it is of, one engine tells, another not
    if len(name) <= 2 or name in _JS_FILLERS or name in _JS_ANONYMOUS:
        name = ""
    # An engine may or may not show a function without a name next to one that has one in the same file.
    if name and not place:
        return StableName(name, True)
    return StableName(f"{place}:{name}" if name else place or "?", bool(name), place, is_bridge=not name)


_CSHARP = (
    (re.compile(r" ?\+ ?0x[0-9a-fA-F]+$"), ""),  # the offset that native code of .NET tells
    (re.compile(r"\+?<<([\w.]+)>[bg]__\w+(?:\|\w+)?>d(?:__\w+)?(?:\.MoveNext)?"), r".\1"),  # asynchronous lambdas
    (re.compile(r"`\d+|\[(?:[^][]|\[[^][]*\])*\]"), ""),  # generic arity and arguments
    (re.compile(r"\+?<>c(?:__DisplayClass\w*)?(?:\.|\+)?"), "."),  # classes made for closures
    (re.compile(r"\+?<([\w.]+)>(?:[bd]__|c__Iterator)\w*(?:\.MoveNext)?"), r".\1"),  # lambdas; state machines
    (re.compile(r"<([\w.]+)>g__(\w+)\|\w+"), r"\1.\2"),  # local functions
    (re.compile(r"\(.*$"), ""),  # parameters
    (re.compile(r"(?<=\w)@(?:\d+(?:-\d+)*)?(?=[.+]|$)"), ""),  # F#'s closures tell their line
    (re.compile(r"lambda_method\d+"), "lambda_method"),
    (re.compile(r"\.{2,}(?!ctor|cctor)"), "."),
)


def _csharp(name: str) -> str:
    for pattern, replacement in _CSHARP:
        name = pattern.sub(replacement, name)
    return name.strip(".+") if not name.startswith((".ctor", ".cctor")) else name


# C, C++, Objective-C, Swift, Rust
_NATIVE = (
    (re.compile(r"^_+\d*([-+]\[.+\])_block_invoke.*$"), r"\1"),  # a block of a method
    (re.compile(r" \[inlined[^]]*\]"), ""),
    (re.compile(r"_block_invoke(?:[_.]\d+)*$"), ""),
    (re.compile(r"\$VARIANT\$\w+(?:\.\d+)*"), ""),
    (re.compile(r"OUTLINED_FUNCTION_\d+"), "OUTLINED_FUNCTION"),
    (re.compile(r"_helper_block_\w*|_helper\.\d+$"), "_helper"),
    (re.compile(
        r"^(?:\(\d+\) ?(?:await|suspend) resume partial function for |implicit |partial apply (?:forwarder )?for "
        r"|closure #\d+(?: \([^)]*\))? (?:@\w+ )?(?:[^ ]* )??in |@objc |@nonobjc |specialized |merged |static "
        r"|(?:generic|function signature) specialization <.*?> of |reabstraction thunk helper (?:<.*?> )?from )+"
    ), ""),
    (re.compile(r"closure #\d+.{0,200}? in "), ""),  # a closure whose type is spelled out
    (re.compile(r"33_[0-9A-F]{32}"), ""),  # Swift's file hash in mangled private names
    (re.compile(r"(?<=[a-zF])U\d*_"), "U_"),  # the number of a closure in mangled Swift
    (re.compile(r" in _[0-9A-F]{32}\)?"), ")"),
    (re.compile(r"^(_?\$[sS]\w+?|_T\w+?)(?:T[oAmR]|T[fF]\d[a-z_]*|T[gG]q?\d)+$"), r"\1"),  # thunks, specialisations
    (re.compile(r"(?:::|17)h[0-9a-f]{16}(?=E?$)"), ""),  # Rust's crate hash
    (re.compile(r"\(anonymous namespace\)::|`anonymous[ -]namespace'::|_INTERNAL[0-9a-f]{8,}::|\?A0x[0-9a-f]+::?"), ""),
    (re.compile(
        r"<lambda_\w+>|<lambda\(.{0,200}?\)>|\{lambda\(.{0,200}?\)#\d+\}|'lambda\d*'(?:\(.{0,200}?\))?|\$_\d+|lambda\(.{0,200}?\)#\d+|<lambda>"
    ), "lambda"),
    (re.compile(r"\[abi:\w+\]|(?:::)?\{+closure[^}]*\}+|(?<=std::)__(?:1|ndk1|cxx11|2)::"), ""),
)  # fmt: skip


def _native(name: str) -> str:
    for pattern, replacement in _NATIVE:
        name = pattern.sub(replacement, name)
    if name.startswith(("-[", "+[")):
        return name
    return _without_arguments(name) or name


def _without_arguments(name: str) -> str:
    """The name without template arguments, parameter lists and what follows them; operators keep their signs."""
    operators: list[str] = []

    def keep(match: re.Match[str]) -> str:
        operators.append(match[0])
        return "\0"

    name = _OPERATOR.sub(keep, name).split(" -> ")[0]
    kept, depth = [], 0
    for position, char in enumerate(name):
        if char in "<(" and (position > 0 or char == "("):
            depth += 1
        elif char in ">)" and depth > 0:
            depth -= 1
        elif depth == 0:
            kept.append(char)
    text = re.sub(r"(?<!\s)\s+(?:const|volatile|noexcept|&&?|throws|async)\b", "", "".join(kept))
    text = re.sub(r":{3,}", "::", text).strip(" :")
    for operator in operators:
        text = text.replace("\0", operator, 1)
    return text.replace("\0", "").strip()
