"""Functions as Kotlin/Native names them in symbols, such as `kfun:com.example.Cart#pay(kotlin.Int){}kotlin.Boolean`.

Source: Kotlin 2.0, the backend's `BinaryInterface.kt` and ObjCExport (`objc2kotlin_`, `kotlin2objc_`); 1.3, which wrote
a dot for `#`. Frames of logs keep the symbol; titles and fingerprints take the name in it.
"""

import re

_SYMBOL = re.compile(r"(?P<bridge>(?:objc2kotlin|kotlin2objc)_)?kfun:(?P<name>[^({@]+)")
_STEP = re.compile(r"\.?\$(?P<name>\w{1,200}?)COROUTINE\$\d{1,9}(?:\.(?:invokeSuspend|create|<init>))?")
_NUMBER = re.compile(r"(?<=[$-])\d{1,9}\b")


def is_symbol(function: str) -> bool:
    """True for the symbol of a Kotlin function, or of its bridge to Objective-C."""
    return "kfun:" in function and _SYMBOL.match(function) is not None


def is_bridge(function: str) -> bool:
    """True for code that the compiler made to call Kotlin from Objective-C, or back."""
    found = _SYMBOL.match(function)
    return found is not None and found["bridge"] is not None


def readable(function: str) -> str:
    """The function without parameters, `com.example.Cart.pay`; other text as it is."""
    found = _SYMBOL.match(function)
    if not found:
        return function
    return _STEP.sub(r".\g<name>", found["name"].partition("#internal")[0].replace("#", "."))


def host(function: str) -> str:
    """The class or package that holds the function."""
    return readable(function).rpartition(".")[0]


def stable(function: str) -> str:
    """The readable name without the numbers of lambdas, which change from build to build."""
    return _NUMBER.sub("", readable(function))
