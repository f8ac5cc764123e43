"""Reading captured V vectors: files, arrays and bundled samples."""
