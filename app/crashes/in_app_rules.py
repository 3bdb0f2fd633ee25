"""Which code belongs to the system or to a library everyone ships: prefixes and names as data, by language."""

FAMILIES = {
    "apple": "image", "cocoa": "image", "objc": "image", "swift": "image", "native": "image", "c": "image",
    "cpp": "image", "rust": "image", "minidump": "image", "java": "java", "android": "java", "kotlin": "java",
    "javascript": "javascript", "node": "javascript", "react-native": "javascript", "python": "python",
    "csharp": "csharp", "dotnet": "csharp", "unity": "csharp", "dart": "dart", "flutter": "dart", "go": "go",
}  # fmt: skip
"""CrashLog.platform -> the language family whose rules decide."""

JAVA_SYSTEM = (
    "java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.", "android.", "androidx.", "com.android.", "dalvik.",
    "kotlin.", "kotlinx.", "libcore.", "scala.", "groovy.", "org.codehaus.groovy.", "org.json.", "org.w3c.",
    "org.xml.", "org.xmlpull.", "org.ccil.", "org.chromium.", "com.google.android.gms.",
    "com.google.android.material.", "com.google.firebase.", "com.google.common.", "com.google.gson.",
    "com.google.protobuf.", "com.google.crypto.", "okhttp3.", "okio.", "retrofit2.", "com.squareup.", "io.reactivex.",
    "rx.", "dagger.", "butterknife.", "com.bumptech.glide.", "com.facebook.react.", "com.facebook.jni.",
    "com.facebook.soloader.", "io.flutter.", "com.unity3d.player.", "io.sentry.android.", "io.sentry.transport.",
    "com.bugsnag.", "org.acra.", "org.apache.", "org.springframework.", "org.hibernate.", "org.eclipse.jetty.",
    "org.mortbay.", "io.netty.", "io.micronaut.", "io.quarkus.", "reactor.", "org.junit.", "junit.", "org.mockito.",
    "org.hsqldb.", "com.mchange.", "com.zaxxer.hikari.", "ch.qos.logback.", "org.slf4j.", "de.robv.android.xposed.",
    "com.miui.", "com.samsung.android.", "com.huawei.android.",
)  # fmt: skip
JAVA_GENERATED = ("$Proxy", "com.sun.proxy.", "jdk.proxy", "GeneratedMethodAccessor", "GeneratedConstructorAccessor")

JAVA_IMAGES = (
    ".apk",
    ".dex",
    ".jar",
    ".oat",
    ".odex",
    ".vdex",
    "dalvik-jit-code-cache]",
    "jit-cache",
    "jit-cache (deleted)",
)
"""How names end of what holds Java code: on a native stack its frames are judged by their class."""

SYSTEM_FOLDERS = (
    "/System/", "/usr/lib/", "/usr/libexec/", "/lib/", "/lib64/", "/Developer/",
    "/Library/Developer/CoreSimulator/Profiles/", "/private/preboot/Cryptexes/", "/apex/", "/system/", "/system_ext/",
    "/vendor/", "/product/", "/odm/",
)  # fmt: skip
SYSTEM_FOLDERS_ANYWHERE = (
    "/RuntimeRoot/", "/System/Library/", "/usr/lib/system/", ":\\Windows\\", ":\\windows\\", ":\\WINDOWS\\",
    "/Xcode.app/Contents/", "/DeviceSupport/",
)  # fmt: skip
BUNDLE_FOLDERS = (".app/", ".appex/", ".xctest/", "/data/app/", "/data/data/")
"""Folders that only hold what the app's makers put there."""

RUNTIME_IMAGE_PREFIXES = (
    "libswift", "libc++", "libstdc++", "libsystem_", "libsystem.", "libSystem.", "libdispatch", "libobjc", "libdyld",
    "libclang_rt", "libgcc", "libpthread", "ld-linux", "ld-musl", "ld-2.", "libxpc", "libBacktraceRecording",
    "libMainThreadChecker", "libGPUSupport", "linker", "boot-", "boot.", "app_process", "libc.", "libm.", "libdl.",
    "librt.", "libart.", "libart-", "libdvm.", "libandroid", "libutils.", "libbinder", "libhwui.", "libgui.",
    "liblog.", "libEGL", "libGL.", "libGLU.", "libGLImage", "libGLES", "libwebviewchromium", "libnativehelper",
    "libjavacore", "libopenjdk", "libbase.", "libcutils.", "libunwind", "msvc", "vcruntime", "ucrtbase", "api-ms-win-",
    "KERNELBASE", "kernelbase", "KERNEL32", "kernel32", "Kernel32", "ntdll", "user32", "USER32", "combase", "winhttp",
    "WINHTTP", "webio", "wininet", "WININET", "mswsock", "AcLayers", "coreclr", "clr.dll", "mscor", "AMDRadeon",
    "AppleIntel", "AppleMetal", "GeForce", "nvoglv", "nvwgf", "nvd3d", "atio6", "atig6", "ig4", "ig7", "ig8", "ig9",
    "igd", "igc", "igxe",
)  # fmt: skip
"""File names that are runtime or system code wherever they lie, also inside the app's bundle."""

SYSTEM_IMAGES = frozenset({
    "[vdso]", "[vectors]", "<unknown>", "<anonymous>",
    "dyld", "dyld_sim", "CoreFoundation", "Foundation", "UIKit", "UIKitCore", "AppKit",
    "GraphicsServices", "QuartzCore", "CoreGraphics", "CoreText", "CoreData", "CoreAnimation", "CoreImage",
    "CoreMedia", "CoreVideo", "CoreAudio", "CoreServices", "CoreLocation", "CoreMotion", "CoreBluetooth",
    "CoreTelephony", "CoreAutoLayout", "CFNetwork", "Security", "SystemConfiguration", "AVFoundation", "AVFAudio",
    "AudioToolbox", "MediaToolbox", "VideoToolbox", "MediaPlayer", "Metal", "MetalKit", "MetalPerformanceShaders",
    "OpenGL", "OpenGLES", "GLKit", "GLEngine", "SpriteKit", "SceneKit", "GameKit", "GameController", "SwiftUI",
    "SwiftUICore", "Combine", "AttributeGraph", "WebKit", "WebKitLegacy", "WebCore", "JavaScriptCore", "MapKit",
    "VectorKit", "StoreKit", "PassKit", "Photos", "PhotosUI", "Accelerate", "vImage", "vecLib", "ImageIO", "IOKit",
    "IOSurface", "IOAccelerator", "IOGPU", "ExternalAccessory", "UserNotifications", "FrontBoardServices",
    "BackBoardServices", "BaseBoard", "RunningBoardServices", "UIFoundation", "TextInput", "HIToolbox", "HIServices",
    "SkyLight", "AppleJPEG", "AE", "LaunchServices", "Network", "NetworkExtension", "MobileCoreServices",
    "AddressBook", "Contacts", "EventKit", "MessageUI", "QuickLook", "CloudKit", "HealthKit", "HomeKit", "WatchKit",
    "WatchConnectivity", "Intents", "Speech", "Vision", "CoreML", "ARKit", "RealityKit", "DocumentManager",
    "ShareSheet", "FileProvider", "PrintKit", "PencilKit", "PDFKit", "AXRuntime", "UIAccessibility",
    "AccessibilityUtilities", "libsqlite3.dylib", "libxml2.2.dylib", "libz.1.dylib", "XCTest", "XCTestCore",
    "XCUIAutomation", "XCTAutomationSupport", "libunity.so", "libicucore.A.dylib", "opengl32.dll", "gdi32.dll",
    "gdi32full.dll", "win32u.dll", "ole32.dll", "shell32.dll", "dxgi.dll", "ws2_32.dll", "d3d11.dll", "d3d9.dll",
    "d3d12.dll", "SHCore.dll", "wow64.dll", "sechost.dll", "rpcrt4.dll", "advapi32.dll", "comctl32.dll",
})  # fmt: skip
"""System libraries by file name, for logs that give no path."""

REPORTER_IMAGES = frozenset({
    "KSCrash", "KSCrashRecording", "Sentry", "FirebaseCrashlytics", "Crashlytics", "CrashReporter", "Bugsnag",
    "libsentry.so", "libbugsnag-ndk.so", "libcrashlytics.so", "libxcrash.so", "libbreakpad.so", "crashpad_handler",
})  # fmt: skip
"""What catches crashes; it stands on top of stacks that it did not cause."""

JAVASCRIPT_SYSTEM = (
    "node:",
    "internal/",
    "webpack/bootstrap",
    "webpack/runtime",
    "<anonymous>",
    "native ",
    "[native code]",
)
JAVASCRIPT_LIBRARY_FOLDERS = (
    "node_modules/",
    "node_modules\\",
    "/bower_components/",
    "-extension://",
    "webpack/bootstrap",
)
NODE_CORE = frozenset({
    "assert.js", "async_hooks.js", "buffer.js", "child_process.js", "crypto.js", "dgram.js", "dns.js", "domain.js",
    "events.js", "fs.js", "http.js", "https.js", "module.js", "net.js", "timers.js", "tls.js", "tty.js", "url.js",
    "util.js", "vm.js", "zlib.js", "_http_client.js", "_http_server.js", "_stream_readable.js", "_stream_writable.js",
    "_tls_wrap.js", "bootstrap_node.js",
})  # fmt: skip
PYTHON_LIBRARY_FOLDERS = (
    "site-packages", "dist-packages", "/lib/python", "\\lib\\python", "\\Lib\\", "<frozen ", "<string>",
    "importlib/_bootstrap",
)  # fmt: skip
CSHARP_SYSTEM = (
    "System.", "Microsoft.", "Mono.", "MS.", "Windows.", "Internal.", "Interop.", "Interop+", "UnityEngine.",
    "UnityEditor.", "Unity.", "Xamarin.", "Android.", "AndroidX.", "Java.", "UIKit.", "Foundation.", "ObjCRuntime.",
    "Newtonsoft.",
)  # fmt: skip
DART_SYSTEM = (
    "dart:", "org-dartlang-sdk:", "package:flutter/", "package:flutter_test/", "package:stack_trace/",
    "package:async/",
)  # fmt: skip
