"""What the README says can be run."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
SHORTER = {
    "32_768": "2_048",
    'mode="strict"': "tokens=2_048, tensor_tokens=512",
    "method=Method.FLOW, k=16": "k=16, epochs=1",
}


@pytest.mark.slow
@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_its_python_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for long, short in SHORTER.items():
        block = block.replace(long, short)
    exec(compile(block, "README.md", "exec"), {})
