"""The package as one meets it: its modules by name, loaded when asked for."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import skweak


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_modules_are_loaded_when_asked_for():
    assert run("import sys, skweak; print('torch' in sys.modules, 'skweak.noisy' in sys.modules)") == "False False"
    code = "import skweak; print(skweak.noisy.ELRClassifier.__name__, skweak.plots.__name__, 'noisy' in dir(skweak))"
    assert run(code) == "ELRClassifier skweak.plots True"


def test_dir_shows_what_is_public():
    names = dir(skweak)
    assert {"load", "save", "export_onnx", "noisy", "partial", "active", "__version__"} <= set(names)
    assert not {"storage", "fit", "importlib"} & set(names)
    assert all(hasattr(skweak, name) for name in names)


def test_dir_shows_every_module_of_the_reference():
    described = runpy.run_path(Path(__file__).parents[1] / "doc" / "api_list.py")["API"]
    modules = {name.split(".")[1] for name in described if "." in name}
    assert {"noisy", "semi", "audit"} <= modules <= set(dir(skweak))


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'nosy'"):
        _ = skweak.nosy
