"""conan create platform/conan. Not verified (README of platform/)."""

import os

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy
from conan.tools.gnu import PkgConfigDeps


class Upswing(ConanFile):
    name = "upswing"
    version = "0.1.0"
    description = "Embedded A/B experimentation: client SDK"
    settings = "os", "compiler", "build_type", "arch"
    requires = "abseil/20240116.2", "flatbuffers/24.3.25", "libcurl/8.9.1", "xxhash/0.8.2", "zstd/1.5.6"
    tool_requires = "flatbuffers/24.3.25"

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        for pattern in ("CMakeLists.txt", "LICENSE", "include/*", "platform/*", "sdk/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        PkgConfigDeps(self).generate()
        toolchain = CMakeToolchain(self)
        for option in ("UPSWING_SERVER", "UPSWING_TESTS", "UPSWING_JNI"):
            toolchain.cache_variables[option] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        # The package's own upswing-config.cmake has the targets upswing::upswing and upswing::shared.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/upswing"]
