"""Which frames count as the app's own code."""

import pytest

from app.crashes import in_app
from app.crashes.in_app import is_in_app
from app.crashes.log import AppInfo, BinaryImage, CrashLog, Frame

BUNDLE = "/var/containers/Bundle/Application/0A1B/Shop.app"


def log(platform: str | None, *images: BinaryImage, app: str | None = None, process: str | None = None) -> CrashLog:
    return CrashLog("test", platform, images=images, app=AppInfo(identifier=app), process=process)


@pytest.mark.parametrize("said", [True, False])
def test_what_the_log_says_beats_every_rule(said):
    own = Frame(module="com.shop.Cart", in_app=said)
    system = Frame(module="java.util.HashMap", in_app=said)

    assert is_in_app(own, log("java")) is said
    assert is_in_app(system, log("java")) is said


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("com.shop.Cart", True),
        ("javax.inject.Provider", False),
        ("java.lang.Thread", False),
        ("javatime.Own", True),
        ("android.app.ActivityThread", False),
        ("androidx.fragment.app.Fragment", False),
        ("androidapp.Main", True),
        ("kotlinx.coroutines.DispatchedTask", False),
        ("com.android.internal.os.ZygoteInit", False),
        ("com.google.android.gms.tasks.zzj", False),
        ("com.google.shop.Cart", True),
        ("okhttp3.RealCall", False),
        ("$Proxy19", False),
        ("sun.reflect.GeneratedMethodAccessor5", False),
    ],
)
def test_java_packages_of_the_system_are_not_in_app(module, expected):
    assert is_in_app(Frame(function="run", module=module), log("java")) is expected


def test_the_apps_own_package_is_in_app_even_under_a_system_prefix():
    frame = Frame(function="run", module="com.android.launcher.Home")

    assert is_in_app(frame, log("java", app="com.android.launcher"))
    assert not is_in_app(frame, log("java", app="com.android.phone"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{BUNDLE}/Shop", True),
        (f"{BUNDLE}/Frameworks/Basket.framework/Basket", True),
        (f"{BUNDLE}/Frameworks/libswiftCore.dylib", False),
        (f"{BUNDLE}/Frameworks/KSCrash.framework/KSCrash", False),
        ("/System/Library/Frameworks/UIKit.framework/UIKit", False),
        ("/usr/lib/libfoo.dylib", False),
        ("/System/Applications/Notes.app/Contents/MacOS/Notes", False),
        ("/Applications/Shop.app/Contents/MacOS/Shop", True),
        ("/opt/shop/bin/shopd", True),
        ("/data/app/com.shop-1/lib/arm64/libshop.so", True),
        ("/apex/com.android.runtime/lib64/bionic/libfoo.so", False),
        ("/vendor/lib64/egl/driver.so", False),
        ("C:\\Windows\\System32\\thing.dll", False),
        ("C:\\Program Files\\Shop\\shop.exe", True),
    ],
)
def test_the_path_of_an_image_decides_whose_it_is(path, expected):
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    frame = Frame(function="f", image=name, image_address=4096)

    assert is_in_app(frame, log("apple", BinaryImage(name, path, address=4096))) is expected


def test_two_images_of_one_name_are_told_apart_by_address():
    images = (
        BinaryImage("Core", "/System/Library/Core", address=4096),
        BinaryImage("Core", f"{BUNDLE}/Frameworks/Core", address=8192),
    )

    assert not is_in_app(Frame(image="Core", image_address=4096), log("apple", *images))
    assert is_in_app(Frame(image="Core", image_address=8192), log("apple", *images))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("Shop", True),
        ("UIKitCore", False),
        ("CoreFoundation", False),
        ("libsystem_kernel.dylib", False),
        ("libc.so", False),
        ("libart.so", False),
        ("linker64", False),
        ("libshop.so", True),
        ("ntdll.dll", False),
    ],
)
def test_without_a_path_the_name_of_the_image_decides(image, expected):
    assert is_in_app(Frame(function="f", image=image), log("native")) is expected


def test_the_image_named_like_the_process_is_in_app_even_if_a_system_library_has_that_name():
    frame = Frame(function="f", image="Network")

    assert not is_in_app(frame, log("apple", process="Shop"))
    assert is_in_app(frame, log("apple", process="Network"))


def test_native_frames_in_a_java_log_are_judged_by_image():
    assert not is_in_app(Frame(function="abort", image="libc.so"), log("java"))
    assert is_in_app(Frame(function="shop_pay", image="libshop.so"), log("java"))


@pytest.mark.parametrize(
    ("platform", "frame", "expected"),
    [
        ("javascript", Frame(file="app/cart.js"), True),
        ("javascript", Frame(file="app/node_modules/react/index.js"), False),
        ("javascript", Frame(file="node:internal/timers"), False),
        ("node", Frame(file="events.js"), False),
        ("node", Frame(file="src/events.js"), True),
        ("javascript", Frame(file="chrome-extension://abc/inject.js"), False),
        ("javascript", Frame(file="/app/.yarn/cache/react-npm-18.zip/index.js"), False),
        ("javascript", Frame(file="https://deno.land/std@0.200.0/http/server.ts"), False),
        ("javascript", Frame(file="src/vendors.js"), True),
        ("python", Frame(file="vendor/six.py"), False),
        ("python", Frame(file="shop/cart.py"), True),
        ("python", Frame(file="/srv/venv/lib/python3.11/site-packages/flask/app.py"), False),
        ("python", Frame(file="/usr/lib/python3.11/json/decoder.py"), False),
        ("csharp", Frame(module="Shop.Cart", function="Pay"), True),
        ("csharp", Frame(module="System.Linq.Enumerable", function="First"), False),
        ("csharp", Frame(function="Microsoft.AspNetCore.Host.Run"), False),
        ("csharp", Frame(module="Systematic.Cart", function="Pay"), True),
        ("dart", Frame(file="package:shop/cart.dart"), True),
        ("dart", Frame(file="package:flutter/src/widgets/framework.dart"), False),
        ("go", Frame(module="main", function="pay"), True),
        ("go", Frame(module="net/http", function="serve"), False),
        ("go", Frame(module="github.com/shop/cart", function="Pay"), True),
        (
            "go",
            Frame(module="github.com/gin/gin", function="f", file="/go/pkg/mod/github.com/gin/gin@v1.9.1/c.go"),
            False,
        ),
        ("go", Frame(module="shop/cart", function="Pay"), True),
        ("go", Frame(function="main.pay"), True),
        ("go", Frame(function="runtime.goexit"), False),
        ("go", Frame(function="panic"), False),
        ("rust", Frame(function="shop::pay"), True),
        ("rust", Frame(function="mainframe::pay"), True),
        ("rust", Frame(function="tokio::runtime::task::raw::poll"), False),
        ("rust", Frame(function="<futures_util::future::Map<Fut,F> as core::future::future::Future>::poll"), False),
        ("rust", Frame(function="<F as core::ops::function::FnOnce<()>>::call_once"), False),
        ("rust", Frame(function="<&mut shop::Cart as core::fmt::Debug>::fmt"), True),
        ("rust", Frame(function="shop::pay", file="/home/u/.cargo/registry/src/index/shop-1.0/src/lib.rs"), False),
    ],
)
def test_every_language_has_its_own_rules(platform, frame, expected):
    assert is_in_app(frame, log(platform)) is expected


def test_a_frame_that_nothing_speaks_against_is_in_app():
    assert is_in_app(Frame(function="f"), log(None))


def test_libraries_of_apple_without_a_path_are_the_systems():
    assert not is_in_app(Frame(image="libcache.dylib"), log("apple"))
    assert is_in_app(Frame(image="libshop.dylib"), log("apple", process="libshop.dylib"))
    assert is_in_app(
        Frame(image="libgame.dylib"), log("apple", BinaryImage("libgame.dylib", f"{BUNDLE}/libgame.dylib"))
    )
    assert is_in_app(Frame(image="Shop"), log("apple"))


def test_a_function_is_compared_with_those_of_reporters_once_however_many_frames_call_it(monkeypatch):
    looked_at = []
    plain_name = in_app.plain_name
    monkeypatch.setattr(in_app, "plain_name", lambda name: looked_at.append(name) or plain_name(name))
    is_own = in_app.InApp(log("apple"))

    decided = {is_own(Frame(function="Cart.pay()", image="Shop", address=number)) for number in range(9)}

    assert (decided, looked_at) == ({True}, ["Cart.pay()"])
