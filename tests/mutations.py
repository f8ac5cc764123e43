"""Break the code in ten places, one at a time, and expect the quick tests to notice.

``python -m tests.mutations`` copies the tree, applies each patch there and runs those tests of
`make test` that are named with it, until the first fails. It ends with status 1 and names every
mutant that survives. ``python -m tests.mutations 3 7`` tries the third and the seventh alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COPIED = ("kvsplice_core", "kvsplice_gui", "resources", "tests", "pyproject.toml")
FAILED = 1
"""Pytest's status of tests that failed; 0 is success, and all others a mistake of ours."""


@dataclass(frozen=True)
class Mutation:
    """One thing done wrong.

    Parameters
    ----------
    wrong : str
        What goes wrong, in a few words.
    file : str
        Path from the root of the repository.
    old, new : str
        The text that stands there exactly once, and what takes its place.
    tests : tuple of str
        Paths of the tests that must notice, from the root of the repository.
    """

    wrong: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def applied_to(self, text: str) -> str:
        """Return the text of the file with the mistake in it.

        Raises
        ------
        ValueError
            If `old` does not stand in it exactly once.
        """
        if (found := text.count(self.old)) != 1:
            raise ValueError(
                f"{self.wrong}: {self.file} must hold this text once; got it {found} times:\n"
                f"{self.old}"
            )
        return text.replace(self.old, self.new)


MUTATIONS = (
    Mutation(
        "a sign in the spline's inverse",
        "kvsplice_core/codec/transforms/spline.py",
        "return self._apply(z, self.knots_out, 1.0 / self.slopes, widths, self.knots_in[1])",
        "return self._apply(z, self.knots_out, -1.0 / self.slopes, widths, self.knots_in[1])",
        ("tests/kvsplice_core/codec/transforms",),
    ),
    Mutation(
        "a swapped layer in the cache",
        "kvsplice_core/cache/compressed.py",
        "CompressedLayer(placed(card.keys.get(i)), placed(card.values.get(i)), raw, pads)",
        "CompressedLayer(placed(card.keys.get(i)), placed(card.values.get(i ^ 1)), raw, pads)",
        ("tests/kvsplice_core/cache/test_compressed.py", "tests/kvsplice_core/proof"),
    ),
    Mutation(
        "an off-by-one in crop",
        "kvsplice_core/cache/raw_tokens.py",
        "count = max(0, self.newest.shape[2] - removed)",
        "count = max(0, self.newest.shape[2] - removed - 1)",
        ("tests/kvsplice_core/cache",),
    ),
    Mutation(
        "a dropped bit count",
        "kvsplice_core/fit/budget.py",
        "return self.vector_bits + self.side_bits",
        "return self.vector_bits",
        ("tests/kvsplice_core/fit",),
    ),
    Mutation(
        "a judge that always says gain",
        "kvsplice_core/base/estimates.py",
        "return Verdict.GAIN if self.high < 0 else Verdict.LOSS",
        "return Verdict.GAIN",
        ("tests/kvsplice_core/base", "tests/kvsplice_core/fit", "tests/kvsplice_core/tasks"),
    ),
    Mutation(
        "a stale flag never set",
        "kvsplice_gui/readouts/frontier.py",
        "return found.shown is not None and found.shown_key != key_of(wishes, findings)",
        "return False",
        ("tests/kvsplice_gui/readouts", "tests/kvsplice_gui/desks/test_frontier.py"),
    ),
    Mutation(
        "an unescaped path in a copied command",
        "kvsplice_core/report/commands.py",
        "return shlex.join([*argv(task), *more])",
        'return " ".join([*argv(task), *more])',
        ("tests/kvsplice_core/report",),
    ),
    Mutation(
        "a loader that transposes",
        "kvsplice_core/data/picking.py",
        'for name in ("batch", "token", "head", "dim") if name in names]',
        'for name in ("batch", "dim", "head", "token") if name in names]',
        ("tests/kvsplice_core/data",),
    ),
    Mutation(
        "a tie called gain",
        "kvsplice_core/base/estimates.py",
        "return Verdict.TIE",
        "return Verdict.GAIN",
        ("tests/kvsplice_core/base", "tests/kvsplice_core/fit", "tests/kvsplice_core/tasks"),
    ),
    Mutation(
        "an audit that skips one control",
        "kvsplice_core/proof/audit.py",
        "    found.append(controls.random_basis(random, kl, kl_one))\n",
        "",
        ("tests/kvsplice_core/proof/test_audit.py",),
    ),
)


def survives(mutation: Mutation) -> bool:
    """Say whether the quick tests pass with the mistake in a copy of the tree."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, copy / name)
        file = copy / mutation.file
        file.write_text(mutation.applied_to(file.read_text(encoding="utf-8")), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-m", "not slow", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *mutation.tests], cwd=copy, capture_output=True, text=True, check=False
        )
    if done.returncode not in (0, FAILED):
        raise RuntimeError(f"{mutation.wrong}: the tests could not run\n{done.stdout[-2000:]}")
    return done.returncode == 0


def main(numbers: list[str]) -> int:
    """Try the mutations of these numbers, or all; return 1 if one survives, else 0."""
    chosen = [MUTATIONS[int(number) - 1] for number in numbers] or list(MUTATIONS)
    survivors = []
    for mutation in chosen:
        alive = survives(mutation)
        survivors += [mutation.wrong] * alive
        print("SURVIVES" if alive else "caught  ", mutation.wrong, flush=True)  # noqa: T201
    return int(bool(survivors))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
