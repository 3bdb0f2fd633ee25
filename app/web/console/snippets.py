"""How an app is made to send here: the platforms to pick from, address and key, and a snippet for each way."""

from typing import NamedTuple

from app.db.models.app import App
from app.identity import keys
from app.identity.accounts import sender_address
from app.identity.keys import ShownKey
from app.web.auth import services
from app.web.console.page import server_address

_ACRA = """class NotesApp : Application() {{
    override fun attachBaseContext(base: Context) {{
        super.attachBaseContext(base)
        initAcra {{
            reportFormat = StringFormat.JSON
            httpSender {{
                uri = "{base}/api/{project}/acra"
                basicAuthLogin = "crashq"
                basicAuthPassword = "{key}"
                httpMethod = HttpSender.Method.POST
            }}
        }}
    }}
}}"""
_ANDROID = """<!-- AndroidManifest.xml, inside <application> -->
<meta-data android:name="io.sentry.dsn" android:value="{dsn}" />"""
_IOS = """import Sentry

SentrySDK.start {{ options in
    options.dsn = "{dsn}"
}}"""
_JAVASCRIPT = """import * as Sentry from "@sentry/browser";

Sentry.init({{ dsn: "{dsn}" }});"""
_FLUTTER = """await SentryFlutter.init(
  (options) => options.dsn = '{dsn}',
  appRunner: () => runApp(const MyApp()),
);"""
_REACT_NATIVE = """import * as Sentry from "@sentry/react-native";

Sentry.init({{ dsn: "{dsn}" }});"""
_UNITY = """Tools > Sentry > DSN: {dsn}"""
_PYTHON = """import sentry_sdk

sentry_sdk.init(dsn="{dsn}")"""
_CRASHPAD = """client.StartHandler(handler, database, metrics,
                    "{base}/api/{project}/minidump/?sentry_key={key}",
                    {{{{"product", "Notes"}}, {{"version", "1.2"}}}},
                    {{"--no-rate-limit"}}, true, true);"""
_BREAKPAD = """curl -F upload_file_minidump=@crash.dmp -F ver=1.2 \\
  "{base}/api/{project}/minidump/?sentry_key={key}\""""
_BUGSNAG = """import Bugsnag from "@bugsnag/js";

Bugsnag.start({{
  apiKey: "{key}",
  endpoints: {{
    notify: "{base}/api/{project}/bugsnag",
    sessions: "{base}/api/{project}/bugsnag/sessions",
  }},
}});"""
_KSCRASH = """let url = URL(string: "{base}/api/{project}/kscrash/?sentry_key={key}")!
let installation = CrashInstallationStandard.shared
installation.url = url
try installation.install(with: KSCrashConfiguration())
installation.sendAllReports()"""
_OTLP = """OTEL_EXPORTER_OTLP_ENDPOINT="{base}/api/{project}"
OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20{key}"
OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=none"""
_UNREAL = """; Config/DefaultEngine.ini
[CrashReportClient]
DataRouterUrl="{base}/api/{project}/unreal/{key}/\""""
_CURL = """curl -H "Authorization: Token {key}" --data-binary @crash.ips \\
  "{base}/api/apps/{app}/logs\""""


_UPLOAD = """export SENTRY_URL="{base}" SENTRY_ORG=any SENTRY_PROJECT={app}
export SENTRY_AUTH_TOKEN={key}
sentry-cli debug-files upload App.dSYM      # also ELF, PDB, source bundles
sentry-cli upload-proguard mapping.txt      # with --uuid, where the build has one
sentry-cli sourcemaps upload dist/"""

PLACEHOLDER = "KEY"


class Snippet(NamedTuple):
    """One way to send."""

    id: str
    title: str
    note: str
    code: str


_ALL = (
    Snippet("curl", "curl", "One log of any format that is read; the body is the file.", _CURL),
    Snippet("acra", "Android, ACRA", "ACRA 5 with the modules acra-core and acra-http.", _ACRA),
    Snippet("sentry-android", "Android, Sentry SDK", "Or Sentry.init with the same DSN.", _ANDROID),
    Snippet("sentry-ios", "iOS and macOS, Sentry SDK", "As early as the app starts.", _IOS),
    Snippet("sentry-javascript", "JavaScript, Sentry SDK", "Any of Sentry's JavaScript packages.", _JAVASCRIPT),
    Snippet("sentry-flutter", "Flutter, Sentry SDK", "Around runApp in main.", _FLUTTER),
    Snippet("sentry-react-native", "React Native, Sentry SDK", "As early as the app starts.", _REACT_NATIVE),
    Snippet("sentry-unity", "Unity, Sentry's package", "A setting of the editor.", _UNITY),
    Snippet("sentry-python", "Python, Sentry SDK", "SDKs for other languages take the same DSN.", _PYTHON),
    Snippet(
        "bugsnag", "Bugsnag's notifiers", "Here JavaScript's; Android's and Cocoa's take the same three.", _BUGSNAG
    ),
    Snippet("kscrash", "iOS and macOS, KSCrash", "KSCrash 2 with its standard installation.", _KSCRASH),
    Snippet("otlp", "OpenTelemetry", "The log records of an SDK, over OTLP/HTTP.", _OTLP),
    Snippet("unreal", "Unreal Engine", "For the crash reporter that a packaged game includes.", _UNREAL),
    Snippet("crashpad", "Crashpad", "The handler uploads minidumps by itself.", _CRASHPAD),
    Snippet("breakpad", "Breakpad, or any minidump", "A form with the dump; its other fields are kept.", _BREAKPAD),
)


def upload_snippet(base: str, app: str, key: str) -> str:
    """What a build sends its symbols with; `key` is an upload key."""
    return _UPLOAD.format(base=base, app=app, key=key)


def snippets(base: str, app: str, project: int, key: str, dsn: str) -> list[Snippet]:
    """Every snippet with its placeholders filled; `base` is how clients reach us, without a slash at its end."""
    values = {"base": base, "app": app, "project": project, "key": key, "dsn": dsn}
    return [snippet._replace(code=snippet.code.format(**values)) for snippet in _ALL]


class Connection(NamedTuple):
    """An app's ingest keys and what they are put into."""

    rows: list[ShownKey]
    chosen: ShownKey | None  # whose text is known; None: PLACEHOLDER stands in its place
    dsn: str
    snippets: list[Snippet]


def connection_of(app: App, wanted: str = "", *, is_hidden: bool = False) -> Connection:
    """With the key of this identifier, else the first whose text is known; `is_hidden`: with none."""
    base = server_address()
    rows = [] if is_hidden else keys.ingest_keys(services(), app, base)
    known = [row for row in rows if row.key]
    chosen = next((row for row in known if row.identifier == wanted), known[0] if known else None)
    key = chosen.key if chosen and chosen.key else PLACEHOLDER
    dsn = chosen.dsn if chosen and chosen.dsn else sender_address(services().config, app.id, PLACEHOLDER, base)
    return Connection(rows, chosen, dsn, snippets(base, app.identifier, app.id, key, dsn))


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
