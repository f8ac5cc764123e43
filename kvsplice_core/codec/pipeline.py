"""What a pipeline is composed of, and the words for it; free of torch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from kvsplice_core.base.errors import SpecError
from kvsplice_core.codec.decoders.spec import DecoderSpec
from kvsplice_core.codec.grouping import Grouping, GroupingKind
from kvsplice_core.codec.kinds import Axes, Decoding, Method, Quantization
from kvsplice_core.codec.quantizers.spec import QuantizerSpec

HALF_BITS = 16
_HALF = QuantizerSpec(Quantization.FP16)
_FEATURES = 1_024  # more of them cost more bytes than they save at the tokens of a cache
_AXES_WORDS = {
    Axes.RAW: "raw",
    Axes.PCA: "pca-axes",
    Axes.WHITENED: "whitened",
    Axes.OUTPUT: "output",
}
_AXES_LABELS = {
    Axes.PCA: "PCA axes",
    Axes.WHITENED: "whitened axes",
    Axes.OUTPUT: "axes of W_O",
}


@dataclass(frozen=True)
class Pipeline:
    """A codec's parts; how many numbers or bits it keeps follows from a budget.

    Parameters
    ----------
    grouping : Grouping
        Which heads are coded together.
    axes : Axes
        The axes in front of the transform.
    method : Method
        The transform.
    decoder : DecoderSpec
        How vectors come back from the latent.
    quantizer : QuantizerSpec
        How the latent is stored: as k numbers of 16 bits, or as few bits of every component.
    greedy : bool
        Whether the k axes are those behind which the quadratic manifold leaves least, instead of
        the leading ones (Schwerdtner & Peherstorfer 2024); only for plain PCA at 16 bits.
    """

    grouping: Grouping = field(default_factory=Grouping)
    axes: Axes = Axes.RAW
    method: Method = Method.PCA
    decoder: DecoderSpec = field(default_factory=DecoderSpec)
    quantizer: QuantizerSpec = _HALF
    greedy: bool = False

    def __post_init__(self) -> None:
        chooses = self.decoder.kind.chooses_axes and self.method is Method.PCA
        if self.greedy and not (chooses and self.keeps_numbers):
            raise SpecError("greedy axes are for PCA with the quadratic decoder at 16 bits")
        _require_options(self.quantizer)
        if self.method is Method.PCA and self.axes in (Axes.PCA, Axes.WHITENED):
            raise SpecError(
                f"{_AXES_LABELS[self.axes]} change nothing for plain PCA; they need spline or flow"
            )

    @classmethod
    def of(cls, text: str) -> Pipeline:
        """Read words joined by +, in any order, such as ``joined+output+lloyd-max``.

        A word that is left out stands for each head, raw axes, PCA, a linear decoder, fp16. Of
        levels, ``no-gain`` codes latents with their norm, ``rotated`` turns them at random first,
        and ``shared-levels`` takes those of a normal density for all components; ``greedy``
        chooses the axes behind a quadratic decoder.

        Raises
        ------
        SpecError
            If a word is unknown, or two stand for one part.
        """
        words = [word.strip() for word in text.split("+")]
        flags = {name: value for word in words if word in _FLAGS for name, value in [_FLAGS[word]]}
        chosen: dict[str, Any] = {"greedy": _GREEDY in words}
        for word in words:
            if word in _FLAGS or word == _GREEDY:
                continue
            part, choice = _part(word)
            if part in chosen:
                raise SpecError(f"a pipeline has one {part}; got two in {text!r}")
            chosen[part] = choice
        chosen["quantizer"] = replace(chosen.get("quantizer", _HALF), **flags)
        return cls(**chosen)

    @property
    def key(self) -> str:
        """The shortest text that `of` reads as this pipeline."""
        return "+".join(_words(self)) or Method.PCA.key

    @property
    def label(self) -> str:
        """The words on screen, such as ``heads joined · axes of W_O · PCA · Lloyd–Max``."""
        parts = [] if self.grouping.kind is GroupingKind.EACH else [self.grouping.label]
        if not self.is_rounding:
            parts += [_AXES_LABELS[self.axes]] if self.axes in _AXES_LABELS else []
            parts.append(self.method.label)
        if self.decoder.kind is not Decoding.LINEAR:
            named = self.decoder.kind.label
            degree = f" of degree {self.decoder.degree}"
            parts.append(named + degree * self.decoder.kind.takes_degree)
        if self.quantizer.kind is Quantization.ROUNDING and self.is_rounding:
            parts.append(f"plain rounding, groups of {self.quantizer.group}")
        elif not self.keeps_numbers:
            parts.append(self.quantizer.kind.label)
        parts += [_GREEDY + " axes"] if self.greedy else []
        parts += [word.replace("-", " ") for word in _flag_words(self.quantizer)]
        return " · ".join(parts)

    @property
    def keeps_numbers(self) -> bool:
        """Whether it keeps k numbers of 16 bits; else few bits of every component."""
        return self.quantizer.kind.keeps_numbers

    @property
    def fills_budget(self) -> bool:
        """Whether it takes any number of bits, all but what whole bytes leave over."""
        return self.quantizer.kind.fills_budget

    @property
    def is_rounding(self) -> bool:
        """Whether the vectors themselves are rounded, without any basis (the field's baseline)."""
        plain = self.axes is Axes.RAW and self.method is Method.PCA
        return plain and self.quantizer.kind.is_rounding

    def k_for(self, bits: float, dim: int) -> int:
        """Return the k a budget of bits per value gives vectors of `dim` numbers, 0 … dim."""
        return min(dim, int(bits * dim / HALF_BITS + 1e-9)) if self.keeps_numbers else dim


_GREEDY = "greedy"
_FLAGS: dict[str, tuple[str, object]] = {
    "no-gain": ("gain", False),
    "rotated": ("rotate", True),
    "shared-levels": ("codebook", "gaussian"),
}
"""Words for options of quantizers: the field of `QuantizerSpec`, and its value."""


def _require_options(quantizer: QuantizerSpec) -> None:
    """Raise SpecError if a quantizer has options that its kind does not take."""
    odd = [word for word in _flag_words(quantizer) if word not in quantizer.kind.flags]
    if odd or (not quantizer.kind.flags and replace(quantizer, kind=_HALF.kind) != _HALF):
        words = odd or list(_FLAGS)
        takers = [one.key for one in Quantization if set(words) <= set(one.flags)]
        raise SpecError(
            f"{', '.join(words)} are for {' and '.join(takers)} alone; got {quantizer.kind.key}"
        )


def _flag_words(quantizer: QuantizerSpec) -> list[str]:
    return [word for word, (name, value) in _FLAGS.items() if getattr(quantizer, name) == value]


def _part(word: str) -> tuple[str, object]:
    """Return the field of `Pipeline` a word belongs to, and its value."""
    choices: dict[str, tuple[str, object]] = {
        **{name: ("axes", axes) for axes, name in _AXES_WORDS.items()},
        **{one.key: ("decoder", _decoder(one)) for one in Decoding},
        **{one.key: ("quantizer", QuantizerSpec(one)) for one in Quantization},
        **{one.key: ("method", one) for one in Method},
    }
    if word in choices:
        return choices[word]
    degrees = {one.key: one for one in Decoding if one.takes_degree}
    if (match := re.fullmatch(r"(.+):(\d{1,2})", word)) and match[1] in degrees:
        decoder = _decoder(degrees[match[1]])
        return "decoder", replace(decoder, degree=int(match[2]))
    try:
        return "grouping", Grouping.of(word)
    except SpecError as error:
        graded = (f"{key}:DEGREE" for key in degrees)
        extra = ("each", "pooled", "joined", "blocks:N", *graded, _GREEDY, *_FLAGS)
        known = ", ".join((*extra, *choices))
        raise SpecError(f"a part of a pipeline must be one of {known}; got {word!r}") from error


def _decoder(kind: Decoding) -> DecoderSpec:
    return DecoderSpec() if kind is Decoding.LINEAR else DecoderSpec(kind, features=_FEATURES)


def _decoder_word(decoder: DecoderSpec) -> str:
    if not decoder.kind.takes_degree or decoder.degree == DecoderSpec().degree:
        return decoder.kind.key
    return f"{decoder.kind.key}:{decoder.degree}"


def _words(pipeline: Pipeline) -> list[str]:
    words = [] if pipeline.grouping == Grouping() else [pipeline.grouping.key]
    words += [] if pipeline.axes is Axes.RAW else [_AXES_WORDS[pipeline.axes]]
    words += [] if pipeline.method is Method.PCA else [pipeline.method.key]
    words += [] if pipeline.decoder.kind is Decoding.LINEAR else [_decoder_word(pipeline.decoder)]
    words += [] if pipeline.keeps_numbers else [pipeline.quantizer.kind.key]
    return [*words, *([_GREEDY] if pipeline.greedy else []), *_flag_words(pipeline.quantizer)]


DEFAULT_PIPELINES = tuple(
    Pipeline.of(text)
    for text in (
        "pca",
        "spline",
        "flow",
        "quadratic",
        "joined",
        "joined+output",
        "joined+quadratic",
        "rounding",
        "joined+lloyd-max",
        "joined+output+lloyd-max",
        "joined+companded",
    )
)
"""What a frontier shows unless others are named: the origin's, plain rounding, and ours."""
