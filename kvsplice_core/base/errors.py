"""Errors a person can act on: one sentence saying what was required and what came."""


class KVSpliceError(Exception):
    """Base of every error KVSplice raises on purpose.

    Parameters
    ----------
    message : str
        One sentence: what was required, and what came.
    details : str, optional
        Anything longer (a library's own words, a list of choices); the GUI shows it folded.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class DataError(KVSpliceError):
    """A file or an array does not hold usable vectors."""


class SpecError(KVSpliceError, ValueError):
    """An option lies outside what it allows."""


class CodecFileError(KVSpliceError):
    """A codec file is damaged, foreign, or of another schema."""


class ModelShapeError(KVSpliceError):
    """A model preset or ``config.json`` does not describe a KV cache."""


class LanguageModelError(KVSpliceError):
    """A language model is not at hand, damaged, or does not fit what is asked of it."""
