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
_CRASHPAD = """client.StartHandler(handler, database, metrics,
                    "{base}/api/{project}/minidump/?sentry_key={key}",
                    {{{{"product", "Notes"}}, {{"version", "1.2"}}}},
                    {{"--no-rate-limit"}}, true, true);"""
_BREAKPAD = """curl -F upload_file_minidump=@crash.dmp -F ver=1.2 \\
  "{base}/api/{project}/minidump/?sentry_key={key}\""""
_CURL = """curl -H "Authorization: Token {key}" --data-binary @crash.ips \\
  "{base}/api/apps/{app}/logs\""""


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
    Snippet("crashpad", "Crashpad", "The handler uploads minidumps by itself.", _CRASHPAD),
    Snippet("breakpad", "Breakpad, or any minidump", "A form with the dump; its other fields are kept.", _BREAKPAD),
)


def snippets(base: str, app: str, project: int, key: str, dsn: str) -> list[Snippet]:
    """Every snippet with its placeholders filled; `base` is how clients reach us, without a slash at its end."""
    values = {"base": base, "app": app, "project": project, "key": key, "dsn": dsn}
    return [snippet._replace(code=snippet.code.format(**values)) for snippet in _ALL]
