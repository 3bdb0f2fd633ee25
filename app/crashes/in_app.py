"""Whether a frame is the app's own code: what the log says, else the rules of its language in rules/*.toml."""

from collections.abc import Callable

from app.crashes import kotlin_native, rust_name
from app.crashes import rules as rules
from app.crashes.frame_name import STRIPPED, UNKNOWN_IMAGES, is_nameless, plain_name, stable_image
from app.crashes.log import CrashLog, Frame


def is_in_app(frame: Frame, log: CrashLog) -> bool:
    """True when the frame of this log is the app's own code, False for the system and common libraries.

    For many frames of one log take `InApp(log)` once: it remembers what it decided.
    """
    return InApp(log)(frame)


class InApp:
    """The result of `is_in_app` for all frames of one log."""

    def __init__(self, log: CrashLog) -> None:
        self._paths_by_address = {i.address: i.path for i in reversed(log.images) if i.address is not None and i.path}
        self._paths_by_name = {i.name: i.path for i in reversed(log.images) if i.name and i.path}
        self._own_names = {name for name in (log.process, log.app.name) if name}
        self._own_package = f"{log.app.identifier}." if log.app.identifier else None
        self._is_apple = log.platform == "apple"
        self._is_rust = log.platform == "rust"
        family = language_family(log)
        languages: dict[str, Callable[[Frame], bool]] = {
            "java": self._is_own_java,
            "javascript": _is_own_javascript,
            "python": _is_own_python,
            "csharp": _is_own_csharp,
            "dart": _is_own_dart,
            "go": _is_own_go,
        }
        self._is_own_source = languages.get(family or "")
        self._known: dict[tuple[object, ...], bool] = {}
        self._reporters: dict[str, bool] = {}  # by function: threads repeat theirs

    def __call__(self, frame: Frame) -> bool:
        """True when the frame is the app's own code."""
        if frame.in_app is not None:
            return frame.in_app and not self._reports(frame) and not self._is_kotlin_library(frame)
        is_placed = frame.module or frame.file or (frame.image or "") not in UNKNOWN_IMAGES
        if not is_placed and is_nameless(frame):
            return frame.function == STRIPPED  # of a frame that nothing is known of, nothing says whose it is
        if self._is_rust and (rust_name.is_library(frame.function or "") or is_in_library(frame.file or "")):
            return False
        if self._is_own_source is None:
            key: tuple[object, ...] = (frame.image, frame.image_address, frame.module)
        else:
            key = (frame.module, frame.file, frame.image, None if frame.module else frame.function)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._decide(frame)
        return known and not self._reports(frame) and not self._is_kotlin_library(frame)

    def _reports(self, frame: Frame) -> bool:
        if not frame.function or frame.module:
            return False
        known = self._reporters.get(frame.function)
        if known is None:
            known = self._reporters[frame.function] = reports(frame)
        return known

    def _decide(self, frame: Frame) -> bool:
        if self._is_own_source and not (frame.image and not frame.module):
            return self._is_own_source(frame)
        if frame.module and frame.image and frame.image.endswith(rules.JAVA_IMAGES):
            return self._is_own_java(frame)
        if not frame.image:
            return True  # nothing speaks against it
        return self._is_own_image(frame.image, self._path(frame))

    def _path(self, frame: Frame) -> str | None:
        if frame.image_address is not None and frame.image_address in self._paths_by_address:
            return self._paths_by_address[frame.image_address]
        return self._paths_by_name.get(frame.image or "")

    def _is_own_image(self, name: str, path: str | None) -> bool:
        if name.startswith(rules.RUNTIME_IMAGE_PREFIXES) or name in rules.REPORTER_IMAGES:
            return False
        if path and "/" + name != path and ("/" in path or "\\" in path):
            return self._is_own_path(name, path)
        if self._is_apple and name.startswith("lib") and name.endswith(".dylib"):
            return name in self._own_names  # apps bring frameworks; bare libraries are the system's
        return name in self._own_names or name not in rules.SYSTEM_IMAGES

    def _is_own_path(self, name: str, path: str) -> bool:
        if any(folder in path for folder in rules.SYSTEM_FOLDERS_ANYWHERE):
            return False
        if any(folder in path for folder in rules.BUNDLE_FOLDERS):
            return not path.startswith(rules.SYSTEM_FOLDERS)
        return name in self._own_names or not path.startswith((*rules.SYSTEM_FOLDERS, "/Library/"))

    def _is_kotlin_library(self, frame: Frame) -> bool:
        """True for code of a library that Kotlin/Native has compiled into the app."""
        if frame.module or "kfun:" not in (frame.function or ""):
            return False
        return not self._is_own_class(kotlin_native.readable(frame.function or ""))

    def _is_own_java(self, frame: Frame) -> bool:
        return self._is_own_class(frame.module or frame.function or "")

    def _is_own_class(self, name: str) -> bool:
        if any(part in name for part in rules.JAVA_GENERATED):
            return False
        if self._own_package and name.startswith(self._own_package):
            return True
        return not name.startswith(rules.JAVA_SYSTEM)


def reports(frame: Frame) -> bool:
    """True for code that catches and reports crashes."""
    if not frame.function or frame.module:
        return False
    name = plain_name(frame.function)
    return name in rules.REPORTERS or ("." in name and name.rpartition(".")[2] in rules.REPORTERS)


def is_reporters(frame: Frame) -> bool:
    """True for code without a name in the image of a reporter of crashes."""
    return frame.image is not None and stable_image(frame.image) in rules.REPORTER_IMAGES and is_nameless(frame)


def language_family(log: CrashLog) -> str | None:
    """The family of rules for the log's platform, such as "image", "java" or "javascript"; None when it is unknown."""
    return rules.FAMILIES.get((log.platform or "").lower())


def is_of_library(frame: Frame) -> bool:
    """True for source that lies where package managers keep the code of others."""
    return frame.is_library is True or any(is_in_library(place) for place in (frame.file, frame.module) if place)


def is_in_library(place: str) -> bool:
    """True for a path through a folder of a package manager."""
    path = "/" + place.replace("\\", "/")
    return any(folder in path for folder in rules.LIBRARY_FOLDERS)


def _is_own_javascript(frame: Frame) -> bool:
    place = frame.file or frame.module or ""
    if is_in_library(place):
        return False
    if place.startswith(rules.JAVASCRIPT_SYSTEM) or place in rules.NODE_CORE:
        return False
    return not any(folder in place for folder in rules.JAVASCRIPT_LIBRARY_FOLDERS)


def _is_own_python(frame: Frame) -> bool:
    place = frame.file or ""
    return not is_in_library(place) and not any(folder in place for folder in rules.PYTHON_LIBRARY_FOLDERS)


def _is_own_csharp(frame: Frame) -> bool:
    return not (frame.module or frame.function or "").startswith(rules.CSHARP_SYSTEM)


def _is_own_dart(frame: Frame) -> bool:
    return not (frame.file or frame.module or "").startswith(rules.DART_SYSTEM)


def _is_own_go(frame: Frame) -> bool:
    if is_in_library(frame.file or ""):
        return False
    package = frame.module or _go_package(frame.function or "")
    return bool(package) and package.partition("/")[0].partition(".")[0] not in rules.GO_SYSTEM


def _go_package(function: str) -> str:
    """`example.com/shop/cart` for `example.com/shop/cart.(*Cart).Pay`; empty for what the language has built in."""
    folder, slash, name = function.partition("(")[0].rpartition("/")
    package, dot, _ = name.partition(".")
    return f"{folder}{slash}{package}" if dot else ""
