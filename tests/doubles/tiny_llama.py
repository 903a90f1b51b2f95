"""A real llama.cpp server over a model of random weights: it speaks all three dialects and says nothing sensible.

Run as a program with a folder (or `LLAMA_GGUF` as the file of a real model); prints its address and serves until its
standard input is closed. Needs the packages of requirements-llama.txt.
"""

import os
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import xllamacpp

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 64, 1, 2, 128, 8192
BYTES_FROM = 3


def main(folder: Path) -> None:
    model = Path(os.environ.get("LLAMA_GGUF") or folder / "random.gguf")
    if not model.exists():
        write(model)
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_ctx, params.n_parallel, params.n_gpu_layers = CONTEXT, 1, 0
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.use_jinja = True
    params.cpuparams.n_threads = 1
    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}", flush=True)
    sys.stdin.read()


def write(path: Path) -> None:
    """Write a llama of random weights whose tokens are single bytes."""
    draw = np.random.default_rng(1)
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [
        gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL,
        *([gguf.TokenType.BYTE] * 256),
    ]  # fmt: skip
    out: Any = gguf.GGUFWriter(str(path), "llama")
    out.add_context_length(CONTEXT)
    out.add_embedding_length(WIDTH)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(INNER)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_dimension_count(WIDTH // HEADS)
    out.add_vocab_size(len(names))
    out.add_tokenizer_model("llama")
    out.add_token_list(names)
    out.add_token_scores([0.0] * len(names))
    out.add_token_types(kinds)
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_unk_token_id(0)
    out.add_chat_template(
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    )

    def add(name: str, *shape: int) -> None:
        out.add_tensor(name, (draw.standard_normal(shape) * 0.2).astype(np.float32))

    add("token_embd.weight", len(names), WIDTH)
    add("output.weight", len(names), WIDTH)
    out.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for layer in range(LAYERS):
        out.add_tensor(f"blk.{layer}.attn_norm.weight", np.ones(WIDTH, np.float32))
        out.add_tensor(f"blk.{layer}.ffn_norm.weight", np.ones(WIDTH, np.float32))
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{part}.weight", WIDTH, WIDTH)
        add(f"blk.{layer}.ffn_gate.weight", INNER, WIDTH)
        add(f"blk.{layer}.ffn_up.weight", INNER, WIDTH)
        add(f"blk.{layer}.ffn_down.weight", WIDTH, INNER)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
