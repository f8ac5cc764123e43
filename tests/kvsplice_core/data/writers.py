"""Writes small tensor files of every kind for the tests, broken ones too."""

import json
import struct

import numpy as np
import torch
from safetensors.torch import save_file


def write(path, tensor):
    """Write one tensor, named ``v`` where the format has names, in the format of the suffix."""
    if path.suffix == ".safetensors":
        save_file({"v": tensor.contiguous()}, path)
    elif path.suffix in (".pt", ".pth"):
        torch.save(tensor, path)
    elif path.suffix == ".npy":
        np.save(path, tensor.numpy())
    else:
        np.savez(path, v=tensor.numpy())
    return path


def write_sparse_safetensors(path, shape):
    """Write a float16 tensor of zeros that takes no room on the disk."""
    size = 2 * int(np.prod(shape))
    entry = {"dtype": "F16", "shape": list(shape), "data_offsets": [0, size]}
    header = json.dumps({"v": entry}).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header)
        stream.truncate(8 + len(header) + size)
    return path


def write_sparse_npy(path, shape):
    """Write a float16 array of zeros that takes no room on the disk."""
    with path.open("wb") as stream:
        head = {"descr": "<f2", "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(stream, head)
        stream.truncate(stream.tell() + 2 * int(np.prod(shape)))
    return path


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))
