"""``python -m kvsplice_gui``."""

from kvsplice_gui.app import main

if __name__ == "__main__":
    raise SystemExit(main())
