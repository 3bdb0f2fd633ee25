"""Platforms that somebody picks to connect a first app: each with the snippets that fit it."""

from typing import NamedTuple

from app.web.console.snippets import Snippet


class Platform(NamedTuple):
    """One choice. `id` is also that of its sample crash in `app.ingest.sample_crash`."""

    id: str
    label: str
    snippets: tuple[str, ...]  # ids, the usual way first
    first: str  # how a crash is made to try it


_RESTART = "Most SDKs send a crash when the app starts the next time: let it crash, then start it again."
_AT_ONCE = "The SDK sends an error as soon as it happens."
PLATFORMS = (
    Platform("android", "Android", ("sentry-android", "acra"), _RESTART),
    Platform("ios", "iOS and macOS", ("sentry-ios", "kscrash"), _RESTART),
    Platform("react-native", "React Native", ("sentry-react-native",), _RESTART),
    Platform("flutter", "Flutter", ("sentry-flutter",), _RESTART),
    Platform("web", "Web", ("sentry-javascript", "bugsnag"), _AT_ONCE),
    Platform("server", "Servers", ("sentry-python", "otlp"), _AT_ONCE),
    Platform("unity", "Unity", ("sentry-unity",), _RESTART),
    Platform("unreal", "Unreal Engine", ("unreal",), "The crash reporter sends as soon as it has shown itself."),
    Platform("native", "C and C++", ("crashpad", "breakpad"), "The handler sends right after the crash."),
)


def platform_of(name: str) -> Platform:
    """The one of this id, else the first."""
    return next((one for one in PLATFORMS if one.id == name), PLATFORMS[0])


def snippets_of(platform: Platform, known: list[Snippet]) -> list[Snippet]:
    """Those of the platform in its order, then curl, which fits all."""
    by_id = {snippet.id: snippet for snippet in known}
    return [by_id[name] for name in (*platform.snippets, "curl")]
