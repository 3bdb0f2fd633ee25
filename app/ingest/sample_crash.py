"""A crash of no app, by which somebody sees what arrives: a Sentry event of a made-up shop, marked as a sample.

Environment, tag, user and message say that it is one. The user can be erased, and the crash with it.
"""

import json
import secrets
from datetime import datetime, timedelta
from typing import Any

MARK = "sample"
USER = "sample-user"
MESSAGE = "Sample crash: the cart is empty"

Event = dict[str, Any]


def sample_crash(platform: str, now: datetime, user: str = USER) -> tuple[str, bytes]:
    """The name of the log and its content; the same crash for a platform whenever it is made. Raises KeyError."""
    made_on, os, device, exceptions = _PLATFORMS[platform]
    event: Event = {
        "event_id": secrets.token_hex(16),
        "platform": made_on,
        "timestamp": now.isoformat(),
        "level": "error" if platform in _AT_SERVERS else "fatal",
        "release": "com.example.sample@1.0+1",
        "environment": MARK,
        "user": {"id": user},
        "tags": {MARK: "true", "plan": "gold"},
        "contexts": {"os": os, "device": device},
        "breadcrumbs": {"values": [_crumb(now, *crumb) for crumb in _CRUMBS]},
        "exception": {"values": exceptions},
    }
    return f"{MARK}-{platform}-{secrets.token_hex(4)}", json.dumps(event).encode()


def _crumb(now: datetime, before: float, category: str, message: str, data: Event) -> Event:
    at = now - timedelta(seconds=before)
    return {"timestamp": at.isoformat(), "category": category, "message": message, "data": data, "level": "info"}


def _fault(kind: str, *frames: Event, mechanism: str = "generic", message: str = MESSAGE) -> Event:
    """`frames` with the innermost first, as people read them."""
    return {
        "type": kind,
        "value": message,
        "mechanism": {"type": mechanism, "handled": False},
        "stacktrace": {"frames": list(reversed(frames))},
    }


def _frame(function: str, file: str, line: int, *, own: bool = True, **more: Any) -> Event:
    return {"function": function, "filename": file, "lineno": line, "in_app": own, **more}


_CRUMBS: tuple[tuple[float, str, str, Event], ...] = (
    (42.0, "app.lifecycle", "Started", {}),
    (12.4, "navigation", "Opened the cart", {"from": "/home", "to": "/cart"}),
    (1.3, "http", "Asked for the prices", {"method": "GET", "status_code": 200, "url": "https://example.com/prices"}),
    (0.2, "ui.click", "Tapped Pay", {}),
)
_AT_SERVERS = ("server", "web")
_PHONE: Event = {"manufacturer": "Example", "model": "Phone 1", "free_memory": 301_000_000, "battery_level": 83}
_IPHONE: Event = {"manufacturer": "Apple", "model": "iPhone16,1", "free_memory": 301_000_000, "battery_level": 83}
_PC: Event = {"model": "PC", "free_memory": 9_000_000_000}
_ANDROID, _IOS = {"name": "Android", "version": "15"}, {"name": "iOS", "version": "18.1"}
_WINDOWS, _LINUX = {"name": "Windows", "version": "11"}, {"name": "Linux", "version": "6.1"}
_SOURCE: Event = {
    "pre_context": ["function total(cart) {", "  if (cart.items.length === 0) {"],
    "context_line": "    throw new Error('the cart is empty');",
    "post_context": ["  }", "  return sum(cart.items);"],
}
_JAVA = (
    _frame("total", "Cart.kt", 42, module="com.example.sample.Cart"),
    _frame("onClick", "CartScreen.kt", 17, module="com.example.sample.CartScreen"),
    _frame("performClick", "View.java", 7659, own=False, module="android.view.View"),
    _frame("dispatchMessage", "Handler.java", 106, own=False, module="android.os.Handler"),
    _frame("main", "ActivityThread.java", 8177, own=False, module="android.app.ActivityThread"),
)
_PLATFORMS: dict[str, tuple[str, Event, Event, list[Event]]] = {  # id -> (platform of Sentry, system, device, exceptions)
    "android": ("java", _ANDROID, _PHONE, [_fault("java.lang.IllegalStateException", *_JAVA)]),
    "ios": ("cocoa", _IOS, _IPHONE, [_fault(
        "NSInvalidArgumentException",
        _frame("-[Cart total]", "Cart.m", 42, package="Sample"),
        _frame("-[CartScreen pay:]", "CartScreen.m", 17, package="Sample"),
        _frame("-[UIApplication sendAction:to:from:forEvent:]", "", 0, own=False, package="UIKitCore"),
        mechanism="nsexception",
    )]),
    "react-native": ("javascript", _ANDROID, _PHONE, [_fault(
        "Error", _frame("total", "src/cart.js", 3, **_SOURCE), _frame("onPress", "src/CartScreen.js", 17),
        _frame("onResponderRelease", "node_modules/react-native/Libraries/Pressability.js", 511, own=False),
    )]),
    "flutter": ("other", _ANDROID, _PHONE, [_fault(
        "StateError", _frame("Cart.total", "package:sample/cart.dart", 42, package="sample"),
        _frame("CartScreen.build.<fn>", "package:sample/cart_screen.dart", 17, package="sample"),
        _frame("_InkResponseState.handleTap", "package:flutter/src/material/ink_well.dart", 1170, own=False),
    )]),
    "web": ("javascript", _WINDOWS, _PC, [_fault(
        "Error", _frame("total", "https://example.com/static/cart.js", 3, colno=11, **_SOURCE),
        _frame("onclick", "https://example.com/static/page.js", 17, colno=5), mechanism="onerror",
    )]),
    "server": ("python", _LINUX, _PC, [_fault(
        "ValueError",
        _frame("total", "shop/cart.py", 42, module="shop.cart", vars={"items": [], "discount": 0.1},
               pre_context=["def total(items, discount):", "    if not items:"],
               context_line="        raise ValueError('the cart is empty')", post_context=["    return sum(items)"]),
        _frame("pay", "shop/views.py", 17, module="shop.views"),
        _frame("dispatch_request", "flask/app.py", 880, own=False, module="flask.app"),
    )]),
    "unity": ("csharp", _WINDOWS, _PC, [_fault(
        "System.InvalidOperationException", _frame("Total", "Assets/Cart.cs", 42, module="Sample.Cart"),
        _frame("OnPay", "Assets/CartScreen.cs", 17, module="Sample.CartScreen"),
        _frame("Invoke", "", 0, own=False, module="UnityEngine.Events.UnityEvent"),
    )]),
    "unreal": ("native", _WINDOWS, _PC, [_fault(
        "EXCEPTION_ACCESS_VIOLATION", _frame("ACart::Total", "Cart.cpp", 42, package="Sample.exe"),
        _frame("ACartScreen::OnPay", "CartScreen.cpp", 17, package="Sample.exe"),
        _frame("UWorld::Tick", "LevelTick.cpp", 1553, own=False, package="Sample.exe"),
    )]),
    "native": ("native", _LINUX, _PC, [_fault(
        "SIGABRT", _frame("Cart::total", "cart.cpp", 42, package="sample"),
        _frame("CartScreen::pay", "cart_screen.cpp", 17, package="sample"),
        _frame("__libc_start_main", "", 0, own=False, package="libc.so.6"), mechanism="signalhandler",
    )]),
}  # fmt: skip
PLATFORMS = tuple(_PLATFORMS)
