"""``kvsplice gui`` hands its files to the window."""

import sys
from types import ModuleType


def test_files_and_status_pass_through(kvsplice, monkeypatch):
    opened = []
    window = ModuleType("kvsplice_gui.app")
    window.main = lambda files: opened.append(files) or 3
    monkeypatch.setitem(sys.modules, "kvsplice_gui.app", window)
    assert kvsplice("gui", "a.npy", "smollm2-v").status == 3
    assert opened == [["a.npy", "smollm2-v"]]
