"""Builds the module with CMake in the checkout that this lies in, whose data files it goes on using."""

import pathlib
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).resolve().parent.parent


class CMakeBuild(build_ext):
    def build_extension(self, extension):
        target = pathlib.Path(self.get_ext_fullpath(extension.name)).resolve()
        build = ROOT / "build" / "python"
        subprocess.run(["cmake", "--preset", "python", f"-DPYTHON_EXECUTABLE={sys.executable}"], cwd=ROOT, check=True)
        subprocess.run(["cmake", "--build", str(build), "--target", "spillway_python"], cwd=ROOT, check=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        module = next((build / "python" / "spillway").glob("_spillway*.so"))
        target.write_bytes(module.read_bytes())


setup(ext_modules=[Extension("spillway._spillway", sources=[])], cmdclass={"build_ext": CMakeBuild})
