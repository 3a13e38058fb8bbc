"""Settings are read out of every form of file, with the blocks around them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcentral_plugin.secret_scan.brackets import DEEPEST, read_brackets
from meshcentral_plugin.secret_scan.documents import document_of, parse
from meshcentral_plugin.secret_scan.lines import read_lines

WORDS = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
TREES = st.recursive(
    WORDS, lambda inner: st.dictionaries(WORDS, inner, min_size=1, max_size=4), max_leaves=12
)


def leaves(tree: object, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(tree, dict):
        return [leaf for key, value in tree.items() for leaf in leaves(value, (*path, key))]
    return [(path, str(tree))]


@given(st.dictionaries(WORDS, TREES, min_size=1, max_size=4), st.sampled_from([None, 2]))
def test_json_property(tree: dict[str, object], indent: int | None) -> None:
    found = read_brackets(json.dumps(tree, indent=indent))
    assert [((*item.path, item.key), item.value) for item in found] == leaves(tree)


@given(st.dictionaries(WORDS, TREES, min_size=1, max_size=4))
def test_yaml_property(tree: dict[str, object]) -> None:
    def written(tree: object, depth: int) -> str:
        if not isinstance(tree, dict):
            return f" '{tree}'\n"
        start = "\n" if depth else ""
        inside = (
            f"{'  ' * depth}k{key}:{written(value, depth + 1)}" for key, value in tree.items()
        )
        return start + "".join(inside)

    found = read_lines(written(tree, 0))
    expected = [(tuple(f"k{name}" for name in path), value) for path, value in leaves(tree)]
    assert [((*item.path, item.key), item.value) for item in found if item.value] == expected


@given(st.text(st.sampled_from("ab_\"'`{}[]()=:,;#-$\\ \n\t.")), st.sampled_from("jtyep"))
def test_nothing_is_too_broken_property(text: str, form: str) -> None:
    suffix = {"j": "a.json", "t": "a.toml", "y": "a.yaml", "e": ".env", "p": "a.py"}[form]
    lines = text.count("\n") + 1
    assert all(1 <= line <= lines for line in parse(suffix, text).settings)


@pytest.mark.parametrize(
    ("name", "text", "owner", "key", "value"),
    [
        ("a.toml", '[gateways.office]\nkey = "v" # c', "a gateways office key", "key", "v"),
        ("a.toml", "[a]\nb = '''\nx = 1", "a a b", "b", ""),
        ("a.yaml", "a:\n- provider: p\n  k: v\n- k: w", "a a k p", "k", "v"),
        ("a.yaml", "a: &x\n  k: v", "a a k", "k", "v"),
        ("a.yaml", "a: {k: v}", "a a k", "k", "v"),
        ("a.yaml", "a: {k: v", "a a k", "k", "v"),
        ("a.toml", 'a = [\n { k = "v" },\n]', "a a k", "k", "v"),
        ("Dockerfile", "ENV K=v", "dockerfile k", "K", "v"),
        ("a.py", "K: str | None = 'v'", "a k", "K", "v"),
        ("a.py", "x = Secret(K=Wrapped('v'))", "a x secret k wrapped k", "K", "v"),
        ("a.py", "environ['K'] = r'v'", "a k", "K", "v"),
        ("a.py", "setenv('A_B', 'v')", "a setenv a_b", "A_B", "v"),
        ("a.js", "const k = {`a`: `v`}", "a k a", "a", "v"),
        ("run.sh", "docker run -e A_B=v x", "run a_b", "A_B", "v"),
        ("a.yaml", "- [x]\n- {k: v}", "a k", "k", "v"),
        ("config", '{"k": "v"}', "config k", "k", "v"),
    ],
)
def test_settings(name: str, text: str, owner: str, key: str, value: str) -> None:
    found = [item for items in parse(name, text).settings.values() for item in items]
    assert (owner, key, value) in [(item.owner, item.key, item.value) for item in found]


@pytest.mark.parametrize(
    "text",
    ["x == 'v'", "f(x, 'v')", "x = f'{v}'", "x\n'v'", "x = 'a' 'v'", "if x != 'v': pass", "} = {"],
)
def test_what_is_no_assignment(text: str) -> None:
    found = [item for items in parse("a.py", text).settings.values() for item in items]
    assert "v" not in [item.value for item in found]


def test_tables_of_one_name_are_apart() -> None:
    sub = "[gateway.sub]\nk = "
    text = f'[[gateway]]\nprovider = "p"\n{sub}1\n[[gateway]]\nk = 2\n{sub}3'
    found = [item for items in parse("a.toml", text).settings.values() for item in items]
    owners = {item.value: item.owner for item in found if item.key == "k"}
    assert [owners[value].split()[-1] for value in "123"] == ["p", "k", "k"]


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    assert document_of(str(tmp_path / "none.json")).settings == {}
    assert document_of(str(tmp_path)).settings == {}


@pytest.mark.parametrize("text", ["(" * 20_000, "[a]\n" * 9_000, '{"a":' * 9_000, "[ " * 20_000])
def test_hostile_texts_are_read_to_the_end(text: str) -> None:
    for name in ("a.txt", "a.json", "a.toml", "a.py"):
        found = parse(name, text + '\n\n{"key": "value"}').settings
        assert all(len(item.path) <= DEEPEST for items in found.values() for item in items)
