import pickle
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from kvsplice_core.base.errors import DataError
from kvsplice_core.data.axes import AxesOrigin
from kvsplice_core.data.readers import open_tensors
from kvsplice_core.data.vectors import load_values

from .writers import Bomb, write

SUFFIXES = (".safetensors", ".pt", ".pth", ".npy", ".npz")
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
CASES = [
    (suffix, dtype)
    for suffix in SUFFIXES
    for dtype in DTYPES
    if not (suffix.startswith(".np") and dtype is torch.bfloat16)
]


def as_tensor(array):
    return array if isinstance(array, torch.Tensor) else torch.from_numpy(np.array(array))


def names(file):
    return [info.name for info in file.tensors]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(case=st.sampled_from(CASES), shape=st.lists(st.integers(1, 4), min_size=2, max_size=5))
def test_every_format_brings_back_shape_dtype_and_numbers(tmp_path, case, shape):
    suffix, dtype = case
    tensor = torch.arange(np.prod(shape)).reshape(shape).to(dtype)
    file = open_tensors(write(tmp_path / f"x{suffix}", tensor))
    (info,) = file.tensors
    assert info.shape == tuple(shape)
    assert f"torch.{info.dtype}" == str(dtype)
    assert info.dim == shape[-1]
    back = as_tensor(file.read(info.name))
    assert back.dtype == dtype
    assert torch.equal(back, tensor)


def test_a_fortran_ordered_npy_is_read_right(tmp_path):
    x = np.arange(12.0).reshape(4, 3)
    np.save(tmp_path / "x.npy", np.asfortranarray(x))
    np.testing.assert_array_equal(open_tensors(tmp_path / "x.npy").read("array"), x)


def test_npy_is_mapped(tmp_path):
    file = open_tensors(write(tmp_path / "x.npy", torch.zeros(20, 4)))
    assert isinstance(file.read("array"), np.memmap)


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "x.npy", torch.zeros(20, 4))
    assert open_tensors("~/x.npy").source == "~/x.npy"


def test_the_suffix_may_be_in_capitals(tmp_path):
    write(tmp_path / "x.npy", torch.zeros(20, 4)).rename(tmp_path / "X.NPY")
    assert names(open_tensors(tmp_path / "X.NPY")) == ["array"]


def test_safetensors_metadata_give_axes_and_provenance(tmp_path):
    metadata = {"axes": "token head dim", "model": "tiny", "text": "a book"}
    tensors = {"layer2.v": torch.zeros(3, 5, 4), "layer2.mean": torch.zeros(3, 4)}
    save_file(tensors, tmp_path / "x.safetensors", metadata)
    file = open_tensors(tmp_path / "x.safetensors")
    assert file.provenance == "tiny; a book"
    by_name = {info.name: info for info in file.tensors}
    assert by_name["layer2.v"].axes.names == ("token", "head", "dim")
    assert by_name["layer2.v"].axes.origin is AxesOrigin.METADATA
    assert by_name["layer2.v"].heads == 5
    assert by_name["layer2.mean"].axes.origin is AxesOrigin.INFERRED


def test_safetensors_with_axes_that_make_no_sense(tmp_path):
    save_file({"v": torch.zeros(3, 5, 4)}, tmp_path / "x.safetensors", {"axes": "dim head token"})
    with pytest.raises(DataError, match=r"metadata axes .* got dim head token"):
        open_tensors(tmp_path / "x.safetensors")


def legacy_cache(layers=2):
    shape = (1, 2, 20, 4)
    return tuple((torch.full(shape, 1.0), torch.full(shape, 2.0 + i)) for i in range(layers))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (torch.zeros(20, 4), ["array"]),
        (torch.nn.Parameter(torch.zeros(20, 4)), ["array"]),
        ({"v": torch.zeros(20, 4), "step": 3}, ["v"]),
        ([torch.zeros(20, 4), torch.zeros(20, 4)], ["0", "1"]),
        ({"a": {"b": [torch.zeros(20, 4)]}}, ["a.b.0"]),
        ({5: torch.zeros(20, 4)}, ["5"]),
        (legacy_cache(), ["layer0.k", "layer0.v", "layer1.k", "layer1.v"]),
        ({"past": [list(pair) for pair in legacy_cache(1)]}, ["past.layer0.k", "past.layer0.v"]),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_torch_containers(tmp_path, content, expected, zipped):
    torch.save(content, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    assert names(open_tensors(tmp_path / "x.pt")) == expected


def test_the_second_of_a_pair_is_v(tmp_path):
    torch.save(legacy_cache(), tmp_path / "x.pt")
    file = open_tensors(tmp_path / "x.pt")
    found = {(i.layer, i.kind): float(file.read(i.name).max()) for i in file.tensors}
    assert found == {(0, "k"): 1.0, (0, "v"): 2.0, (1, "k"): 1.0, (1, "v"): 3.0}


def test_a_list_within_itself_is_refused(tmp_path):
    loop = []
    loop.append(loop)
    torch.save(loop, tmp_path / "x.pt")
    with pytest.raises(DataError, match="nested 8 deep"):
        open_tensors(tmp_path / "x.pt")


def test_what_cannot_hold_vectors_is_passed_over(tmp_path):
    np.savez(
        tmp_path / "x.npz",
        ids=np.zeros((20, 4), np.int64),
        mean=np.zeros(4),
        empty=np.zeros((0, 4)),
        v=np.zeros((20, 4)),
    )
    assert names(open_tensors(tmp_path / "x.npz")) == ["v"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("tensor", [torch.zeros(20, 4, dtype=torch.int64), torch.zeros(4)])
def test_nothing_usable_says_what_there_was(tmp_path, suffix, tensor):
    path = write(tmp_path / f"x{suffix}", tensor)
    with pytest.raises(DataError, match=r"2 to 5 axes; got \w+ (int64|I64|float32) \(") as caught:
        open_tensors(path)
    assert str(tuple(tensor.shape)) in caught.value.details


def test_sparse_tensors_are_not_vectors(tmp_path):
    torch.save({"v": torch.eye(20).to_sparse()}, tmp_path / "x.pt")
    with pytest.raises(DataError, match="sparse_coo float32"):
        open_tensors(tmp_path / "x.pt")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"not tensors at all", b"PK\x03\x04 broken", b"\x93NUMPY\x01"])
def test_damaged_files(tmp_path, suffix, content):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\..* must be") as caught:
        open_tensors(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_cut_short(tmp_path, suffix):
    path = write(tmp_path / f"x{suffix}", torch.rand(500, 8))
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(DataError, match=r"must be (an undamaged|written by torch\.save)"):
        load_values(path)


def test_an_npz_member_that_fails_its_checksum(tmp_path):
    path = write(tmp_path / "x.npz", torch.ones(500, 8))
    content = bytearray(path.read_bytes())
    content[8000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"undamaged \.npz"):
        open_tensors(path).read("v")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_empty_and_missing_files(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    with pytest.raises(DataError, match="there is no such file"):
        open_tensors(path)
    path.touch()
    with pytest.raises(DataError, match="the file is empty"):
        open_tensors(path)


def test_folders_and_wrong_suffixes(tmp_path):
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(DataError, match="it is a folder"):
        open_tensors(tmp_path / "folder.npy")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"\.safetensors, \.pt, .* got notes\.txt"):
        open_tensors(tmp_path / "notes.txt")


@pytest.mark.parametrize("path", ["x\0.npy", "~nobody-of-that-name/x.npy", "x" * 5000 + ".npy"])
def test_paths_that_cannot_be(path):
    with pytest.raises(DataError, match="must be a"):
        open_tensors(path)


def test_nothing_is_ever_unpickled(tmp_path):
    fired = tmp_path / "fired"
    bomb = Bomb(fired)
    torch.save({"v": bomb}, tmp_path / "zip.pt")
    torch.save({"v": bomb}, tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(bomb))
    (tmp_path / "bare.npy").write_bytes(pickle.dumps(bomb))
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(bomb))
    np.save(tmp_path / "object.npy", np.array([[bomb]], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "object.npz", v=np.array([[bomb]], dtype=object))
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert len(files) == 7
    for path in files:
        with pytest.raises(DataError):
            open_tensors(path)
    assert not fired.exists()
    pickle.loads((tmp_path / "bare.pt").read_bytes()).close()
    assert fired.exists(), "the bomb itself must work"


def test_object_arrays_beside_good_ones_are_left_alone(tmp_path):
    fired = tmp_path / "fired"
    np.savez(tmp_path / "x.npz", v=np.ones((20, 4)), o=np.array([[Bomb(fired)]], dtype=object))
    file = open_tensors(tmp_path / "x.npz")
    assert names(file) == ["v"]
    np.testing.assert_array_equal(file.read("v"), 1.0)
    assert not fired.exists()


def test_foreign_members_of_a_zip_are_passed_over(tmp_path):
    path = write(tmp_path / "x.npz", torch.zeros(20, 4))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("readme.txt", "hello")
    assert names(open_tensors(path)) == ["v"]
