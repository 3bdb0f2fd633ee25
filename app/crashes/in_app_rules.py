"""Which code belongs to the system or to a library everyone ships, by language: the words in rules/*.toml."""

from app.crashes.rules import words_of

_java, _images, _javascript = words_of("java"), words_of("images"), words_of("javascript")

FAMILIES: dict[str, str] = words_of("families")["families"]
"""CrashLog.platform -> the language family whose rules decide."""

JAVA_SYSTEM: tuple[str, ...] = tuple(_java["system"])
JAVA_GENERATED: tuple[str, ...] = tuple(_java["generated"])
JAVA_IMAGES: tuple[str, ...] = tuple(_java["images"])

SYSTEM_FOLDERS: tuple[str, ...] = tuple(_images["system_folders"])
SYSTEM_FOLDERS_ANYWHERE: tuple[str, ...] = tuple(_images["system_folders_anywhere"])
BUNDLE_FOLDERS: tuple[str, ...] = tuple(_images["bundle_folders"])
RUNTIME_IMAGE_PREFIXES: tuple[str, ...] = tuple(_images["runtime_prefixes"])
SYSTEM_IMAGES: frozenset[str] = frozenset(_images["system"])
REPORTER_IMAGES: frozenset[str] = frozenset(_images["reporters"])

JAVASCRIPT_SYSTEM: tuple[str, ...] = tuple(_javascript["system"])
JAVASCRIPT_LIBRARY_FOLDERS: tuple[str, ...] = tuple(_javascript["library_folders"])
NODE_CORE: frozenset[str] = frozenset(_javascript["node_core"])

PYTHON_LIBRARY_FOLDERS: tuple[str, ...] = tuple(words_of("python")["library_folders"])
CSHARP_SYSTEM: tuple[str, ...] = tuple(words_of("csharp")["system"])
DART_SYSTEM: tuple[str, ...] = tuple(words_of("dart")["system"])
