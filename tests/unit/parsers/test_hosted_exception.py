"""Errors of JavaScript and C# that reach Java as exceptions: they are what crashed, whatever brought them to Java."""

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.in_app import InApp
from app.crashes.log import CrashLog
from app.parsers import parse

JAVASCRIPT = """\
FATAL EXCEPTION: mqt_native_modules
Process: com.example.notes, PID: 5000
com.facebook.react.common.JavascriptException: TypeError: undefined is not a function, stack:
{name}@1:2345
onPress@index.android.bundle:1:9876

\tat com.facebook.react.modules.core.ExceptionsManagerModule.reportException(ExceptionsManagerModule.java:71)
\tat java.lang.reflect.Method.invoke(Native Method)
"""
XAMARIN = """\
FATAL EXCEPTION: main
Process: com.example.notes, PID: 5000
android.runtime.JavaProxyThrowable: System.AggregateException: several ---> System.NullReferenceException: no note
  at Notes.Store.{name} (System.Int32 number) [0x00010] in <0123456789abcdef0123456789abcdef>:0\x20
   --- End of inner exception stack trace ---
  at Notes.Editor+<Save>d__3.MoveNext () [0x00010] in <0123456789abcdef0123456789abcdef>:0\x20
\tat crc64abc.MainActivity.n_onCreate(Native Method)
\tat crc64abc.MainActivity.onCreate(MainActivity.java:30)
"""
MAUI = """\
FATAL EXCEPTION: main
Process: com.example.notes, PID: 5000
android.runtime.JavaProxyThrowable: [System.NullReferenceException]: no note
\tat Notes.Store.{name}(Unknown Source:0)
\tat System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(Unknown Source:0)
\tat Android.App.SyncContext+<>c__DisplayClass2_0.<Post>b__0(Unknown Source:0)
\tat mono.java.lang.RunnableImplementor.n_run(Native Method)
\tat mono.java.lang.RunnableImplementor.run(RunnableImplementor.java:29)
"""


def read(text: str) -> CrashLog:
    (report,) = parse(text.encode())
    return report


def test_the_javascript_error_is_the_crash_and_its_stack_leaves_the_message():
    report = read(JAVASCRIPT.format(name="save"))

    (fault,) = report.faults
    assert (report.platform, fault.type, fault.message, fault.handled) == (
        "javascript",
        "TypeError",
        "undefined is not a function",
        False,
    )
    assert [(each.function, each.file, each.line, each.column) for each in fault.frames] == [
        ("save", None, 1, 2345),
        ("onPress", "index.android.bundle", 1, 9876),
    ]


def test_java_s_stack_is_that_of_the_thread_and_not_the_app_s():
    report = read(JAVASCRIPT.format(name="save"))

    (thread,) = report.threads
    assert (thread.name, thread.is_crashed) == ("mqt_native_modules", True)
    assert [each.function for each in thread.frames] == ["reportException", "invoke"]
    assert not any(map(InApp(report), thread.frames))
    assert report.notes == ("Thrown to Java as com.facebook.react.common.JavascriptException",)


@pytest.mark.parametrize("text", [JAVASCRIPT, XAMARIN, MAUI], ids=["React Native", "Xamarin", "MAUI"])
def test_errors_of_different_functions_are_different_crashes(text):
    one, other = (fingerprint(read(text.format(name=name))) for name in ("Read", "Erase"))

    assert one.value != other.value
    assert any("Read" in part for part in one.parts)


def test_the_components_of_react_leave_the_message():
    text = JAVASCRIPT.format(name="save").replace(
        ", stack:", "\n\nThis error is located at:\n    in NoteList\n    in App, js engine: hermes, stack:"
    )

    report = read(text)

    assert report.faults[0].message == "undefined is not a function"
    assert report.notes[-1] == "React components: in NoteList, in App"


def test_inner_exceptions_of_c_sharp_are_causes():
    report = read(XAMARIN.format(name="Read"))

    assert [(each.type, each.message, each.relation, each.parent) for each in report.faults] == [
        ("System.AggregateException", "several", None, None),
        ("System.NullReferenceException", "no note", "cause", 0),
    ]
    assert [[frame.function for frame in each.frames] for each in report.faults] == [["MoveNext"], ["Read"]]
    assert [each.function for each in report.threads[0].frames] == ["n_onCreate", "onCreate"]


def test_of_maui_only_the_app_s_namespace_is_the_app_s():
    report = read(MAUI.format(name="Read"))
    in_app = InApp(report)

    own = [frame.module for frame in (*report.crash_frames, *report.threads[0].frames) if in_app(frame)]
    assert (report.platform, report.faults[0].type, report.faults[0].message) == (
        "csharp",
        "System.NullReferenceException",
        "no note",
    )
    assert own == ["Notes.Store"]


def test_an_error_of_another_runtime_below_a_java_exception_is_its_cause():
    report = read(
        "java.lang.RuntimeException: Unable to resume\n"
        "\tat android.app.ActivityThread.resume(ActivityThread.java:71)\n"
        "Caused by: com.facebook.react.common.JavascriptException: Error: boom, stack:\n"
        "save@1:2345\n\n"
        "\tat com.facebook.react.modules.core.ExceptionsManagerModule.reportException(ExceptionsManagerModule.java:71)\n"
        "Caused by: java.io.IOException: disk\n"
        "\tat com.example.notes.Store.read(Store.java:3)\n"
    )

    assert [(each.type, each.relation, each.parent) for each in report.faults] == [
        ("java.lang.RuntimeException", None, None),
        ("Error", "cause", 0),
        ("java.io.IOException", "cause", 1),
    ]
    assert report.faults[1].frames[0].function == "save"


def test_c_sharp_frames_without_arguments_are_not_java_s():
    report = read(
        "FATAL EXCEPTION: main\nandroid.runtime.JavaProxyThrowable: System.NullReferenceException: no note\n"
        "   at Notes.Store.Read()\n   at Notes.Editor.Save(String name)\n   at Notes.App.Tap()\n"
        "\tat crc64abc.MainActivity.n_onCreate(Native Method)\n"
    )

    assert report.faults[0].type == "System.NullReferenceException"
    assert [each.function for each in report.crash_frames] == ["Read", "Save", "Tap"]


def test_the_stack_of_native_script_is_javascript_s():
    report = read(
        "FATAL EXCEPTION: main\ncom.tns.NativeScriptException: Calling js method onClick failed\nError: boom\nStackTrace:\n"
        "\tsave(file: app/notes.js:10:5)\n\tat onTap(file:///data/app/main.js:3:2)\n\n"
        "\tat com.tns.Runtime.callJSMethodNative(Native Method)\n"
    )

    assert (report.platform, report.faults[0].type, report.faults[0].message) == ("javascript", "Error", "boom")
    assert [(each.function, each.file, each.line) for each in report.crash_frames] == [
        ("save", "app/notes.js", 10),
        ("onTap", "file:///data/app/main.js", 3),
    ]


def test_a_flutter_error_that_crashlytics_prints_as_java_s_is_dart_s():
    report = read(
        "Fatal Exception: io.flutter.plugins.firebase.crashlytics.FlutterError: Bad state: no note\n"
        "       at NoteList.save(notes.dart:7)\n       at _InkResponseState.handleTap(ink_well.dart:1170)\n"
    )

    assert (report.platform, report.faults[0].type) == ("dart", "StateError")
    assert [(each.function, each.file) for each in report.crash_frames] == [
        ("NoteList.save", "notes.dart"),
        ("_InkResponseState.handleTap", "ink_well.dart"),
    ]


def test_the_text_of_a_c_sharp_cause_in_a_message_of_android_is_told_by_the_cause():
    stack = "  at Notes.Store.Read () [0x00000] in <abc>:0 \n  at Notes.App.Tap () [0x00001] in <abc>:0 \n"
    text = f"android.runtime.JavaProxyThrowable: System.NullReferenceException: no note\n{stack}"

    report = read(
        f"FATAL EXCEPTION: main\njava.lang.RuntimeException: Unable to start activity ComponentInfo{{a/b.C}}: {text}"
        "\tat android.app.ActivityThread.performLaunchActivity(ActivityThread.java:3000)\n"
        f"Caused by: {text}\tat crc64abc.MainActivity.n_onCreate(Native Method)\n"
    )

    assert [(each.type, each.relation) for each in report.faults] == [
        ("java.lang.RuntimeException", None),
        ("System.NullReferenceException", "cause"),
    ]
    assert [frame.function for frame in report.faults[1].frames[:2]] == ["Read", "Tap"]


def test_an_address_of_a_user_in_a_message_is_no_stack():
    report = read(
        "java.lang.IllegalStateException: no mail to\na@example.com:25\n\tat com.example.Mail.send(Mail.java:7)\n"
    )

    assert (report.platform, report.faults[0].type) == ("java", "java.lang.IllegalStateException")


def test_a_frame_of_dotnet_for_android_has_no_offset_in_its_name():
    report = read(
        "FATAL EXCEPTION: main\nandroid.runtime.JavaProxyThrowable: [System.NullReferenceException]: no note\n"
        "\tat Notes.Store.Read + 0x44(Unknown Source:0)\n\tat crc64abc.MainActivity.n_onCreate(Native Method)\n"
    )

    assert [(frame.module, frame.function) for frame in report.faults[0].frames[:1]] == [("Notes.Store", "Read")]
