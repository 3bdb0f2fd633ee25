"""What to put into an app so that it sends here, one snippet for each way, made from a real key."""

from typing import NamedTuple

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
