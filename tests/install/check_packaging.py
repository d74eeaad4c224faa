"""Reads what other people's tools read, as far as that goes without them: syntax, and that lists are complete.

    check_packaging.py SOURCE_DIR
"""

import json
import pathlib
import plistlib
import re
import sys
import xml.etree.ElementTree as xml


def check(condition, text):
    if not condition:
        sys.exit(text)


def main(root):
    platform = pathlib.Path(root) / "platform"
    version = re.search(r'kVersion\[\] = "([^"]+)"', (pathlib.Path(root) / "include/upswing/version.hpp").read_text())
    version = version.group(1)

    port = json.loads((platform / "vcpkg/vcpkg.json").read_text())
    check(port["name"] == "upswing" and port["version"] == version, "vcpkg.json: another name or version")
    recipe = (platform / "conan/conanfile.py").read_text()
    compile(recipe, "conanfile.py", "exec")
    check(f'version = "{version}"' in recipe, "conanfile.py: another version")

    manifest = plistlib.loads((platform / "apple/unverified/PrivacyInfo.xcprivacy").read_bytes())
    check(manifest["NSPrivacyTracking"] is False, "PrivacyInfo: tracking")
    check(manifest["NSPrivacyCollectedDataTypes"] and manifest["NSPrivacyAccessedAPITypes"], "PrivacyInfo: empty")
    xml.parse(platform / "android/src/main/AndroidManifest.xml")

    # Every class that the native library looks up by name is kept by the shrinker.
    rules = (platform / "android/consumer-rules.pro").read_text()
    native = "".join(file.read_text() for file in (platform / "android/src/main/cpp").glob("*.cpp"))
    names = set(re.findall(r'"L?com/upswing/(\w+)', native))
    check(len(names) > 5, "no classes in the JNI layer")
    for name in names:
        check(f"com.upswing.{name} " in rules, f"consumer-rules.pro: {name} is looked up by name, and not kept")
    gradle = (platform / "android/build.gradle").read_text()
    for name in ("arm64-v8a", "armeabi-v7a", "x86_64", "minSdk 24", "prefab", "consumer-rules.pro"):
        check(name in gradle, f"build.gradle: {name} is missing")

    # Every header is in the umbrella, and every source in the module.
    apple = platform / "apple/Sources/Upswing/include/Upswing"
    umbrella = (apple / "Upswing.h").read_text()
    for header in apple.glob("UPS*.h"):
        check(header.name == "UPSMacros.h" or f'"{header.name}"' in umbrella, f"Upswing.h: {header.name} is missing")
    print("packaging: complete")


if __name__ == "__main__":
    main(sys.argv[1])
