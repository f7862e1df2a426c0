"""The documents: they lead where they say, and what they tell people to type exists and is read as they show it."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from cds_service import clients
from cds_service.app import create_app
from cds_service.cli import command_line, main
from cds_service.hooks.patient_view import SERVICE
from cds_service.sandbox import stories
from cds_service.sandbox.fhir_server import ResourceStore, create_fhir_server
from cds_service.sandbox.running import running
from cds_service.settings import SETTINGS, read_settings
from tests.store.server import free_port

ROOT = Path(__file__).parent.parent
READER = MarkdownIt("commonmark").enable("table")
OWN_TRIAL = ROOT / "fhir_fixtures" / "own_trial"
APART = {"build", "dist", "mutants", "node_modules", "target"}
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not any(part in APART or part[0] == "." for part in path.relative_to(ROOT).parts)
)
SETTING_NAMES = {name for setting in SETTINGS for name in (setting.name, setting.in_file) if name}
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


class Block(NamedTuple):
    """A fenced block: what its fence says, its text, and where it begins."""

    kind: str
    text: str
    place: str


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tokens(page: Path) -> Iterator[Token]:
    for token in READER.parse(page.read_text(encoding="utf-8")):
        yield token
        yield from token.children or ()


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the repository's host makes them."""
    inline = READER.parse(page.read_text(encoding="utf-8"))
    titles = [
        "".join(part.content for part in following.children or ())
        for opening, following in pairwise(inline)
        if opening.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def blocks(page: Path) -> Iterator[Block]:
    for token in READER.parse(page.read_text(encoding="utf-8")):
        if token.type == "fence" and token.map:
            yield Block(token.info.strip(), token.content, f"{name_of(page)}:{token.map[0] + 1}")


ALL_BLOCKS = [block for page in PAGES for block in blocks(page)]
EXAMPLES = [block for block in ALL_BLOCKS if block.kind == "yaml" and block.place.startswith("docs/")]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every call of cds-service in a console block: where it stands, and its arguments."""
    for block in ALL_BLOCKS:
        if block.kind != "console":
            continue
        typed = block.text.replace("\\\n", " ")
        for line in re.findall(r"^\$ (.*)$", typed, re.MULTILINE):
            for command in re.split(r"&&|\||;", line):
                words = shlex.split(re.sub(r"[<>].*", "", command), comments=True)
                while words and re.fullmatch(r"\w+=.*", words[0]):
                    words.pop(0)
                if words and words[0].endswith("cds-service"):
                    yield block.place, words[1:]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_an_anchor_that_there_are(page: Path) -> None:
    for token in tokens(page):
        address = str(token.attrs.get("href" if token.type == "link_open" else "src", ""))
        path, _, anchor = address.partition("#")
        if not address or re.match(r"\w+:", address):
            continue
        target = (page.parent / unquote(path)).resolve() if path else page
        assert target.exists(), f"{address} is not there"
        assert target.is_relative_to(ROOT), f"{address} leads out of the repository"
        if anchor:
            assert anchor in anchors(target), f"{address}: no heading there has this anchor"


def test_a_link_that_leads_nowhere_would_be_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("## What `it` is, then\n\n[x](#what-it-is-then) `[y](no.md)`\n", encoding="utf-8")
    assert anchors(page) == {"what-it-is-then"}
    assert [token.attrs["href"] for token in tokens(page) if token.type == "link_open"] == ["#what-it-is-then"]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name_of)  # it tells old names too
def test_every_setting_target_and_command_that_is_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"\bCDS_[A-Z][A-Z_]*[A-Z]\b", text)) <= SETTING_NAMES
    assert set(re.findall(r"(?:`|\$ )make ([a-z]+)", text)) <= TARGETS
    named = set(re.findall(r"(?:`|\$ |bin/)cds-service ([a-z]+)", text))
    known = next(action.choices for action in command_line()._subparsers._group_actions if action.choices)  # type: ignore[union-attr]
    assert named <= set(known)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_and_test_that_is_named_exists(page: Path) -> None:
    codes = [token.content for token in tokens(page) if token.type == "code_inline"]
    paths = [code.rstrip("/").replace("…", "*") for code in codes if re.fullmatch(r"[\w.*…-]+(/[\w.*…-]+)+/?", code)]
    bases = (ROOT, ROOT / "cds_service", page.parent)  # also told as from the package, or from where the page stands
    ours = [path for path in paths if any((base / path.partition("/")[0]).is_dir() for base in bases)]
    made = (".venv/", "build/")
    assert [path for path in ours if not path.startswith(made) and not any(any(base.glob(path)) for base in bases)] == []
    for module, test in (code.split(".") for code in codes if re.fullmatch(r"test_\w+\.test_\w+", code)):
        files = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob(f"{module}.py")]
        assert any(f"def {test}(" in text for text in files), f"{module}.{test}"


@pytest.mark.parametrize(("place", "arguments"), list(commands()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_to_type_has_options_that_exist(place: str, arguments: list[str]) -> None:
    try:
        command_line().parse_args(arguments)
    except SystemExit as refused:
        pytest.fail(f"{place}: cds-service {shlex.join(arguments)} is refused ({refused.code})")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.place)
def test_every_file_shown_is_read_by_the_program(example: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if example.text.startswith("clients:\n"):
        read = clients.load(client_file(example.text, tmp_path), development="localhost" in example.text)
        assert len(read) == example.text.count("- iss:")
        return
    assert example.text == (OWN_TRIAL / "NCT00000000.yaml").read_text(encoding="utf-8"), "say here how such a file is read"
    monkeypatch.setenv("CDS_TRIALS", str(OWN_TRIAL))
    assert main(["check"]) == 0


def client_file(text: str, folder: Path) -> Path:
    """The file of clients, with the key sets that it names beside it."""
    for name in re.findall(r"jwks: ([\w.-]+\.json)", text):
        (folder / name).write_text('{"keys": []}', encoding="utf-8")
    (folder / "clients.yaml").write_text(text, encoding="utf-8")
    return folder / "clients.yaml"


def test_the_patient_of_the_walk_is_answered_as_it_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDS_TRIALS", str(OWN_TRIAL))
    patient = ROOT / "fhir_fixtures" / "patients" / "relapsed-cd123-positive.json"
    assert main(["explain", "--format", "json", "--as-of", "2026-11-22", "--trial", "NCT00000000", str(patient)]) == 0
    (trial,) = json.loads(capsys.readouterr().out)["trials"]
    answers = {row["id"]: row["answer"] + (", confirm" if row["confirm"] else "") for row in trial["criteria"]}
    page = (ROOT / "docs" / "add-a-trial.md").read_text(encoding="utf-8")
    shown = re.findall(r"^([IX]\d) +\S.*?  +(met|not met|unknown)(, confirm)? ", page, re.MULTILINE)
    assert {row: answer.replace(" ", "_") + confirm for row, answer, confirm in shown} == answers


def test_analysts_are_told_every_prefetch_key_with_its_query() -> None:
    page = (ROOT / "docs" / "connect.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| `(\w+[/?][^`]+)` \|$", page, re.MULTILINE))
    assert told == dict(SERVICE.entry.prefetch)


def test_every_reason_to_refuse_a_token_is_explained() -> None:
    code = (ROOT / "cds_service" / "web" / "security.py").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "connect.md").read_text(encoding="utf-8")
    reasons = set(re.findall(r'(?:Unauthorized|_require)\((?:.*, )?"([a-z-]+)"\)', code))
    assert "token-replayed" in reasons
    assert {reason for reason in reasons if not re.search(rf"^\| [^|]*`{reason}`", page, re.MULTILINE)} == set()


def test_the_signed_call_of_the_documents_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("sign_a_call", ROOT / "docs" / "sign_a_call.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(script := importlib.util.module_from_spec(spec))
    service = f"http://127.0.0.1:{(port := free_port())}"
    settings = {
        "CDS_CLIENTS": str(tmp_path / "clients.yaml"),
        "CDS_PUBLIC_URL": service,
        "CDS_DATABASE_URL": f"sqlite:///{tmp_path}/store.sqlite",
    }
    resources = (resource for story in stories.load().values() for resource in story)
    with running(create_fhir_server(ResourceStore(resources))) as fhir_server:
        monkeypatch.setattr(script, "FHIR_SERVER", f"{fhir_server}/fhir")
        assert script.main(["keys", str(tmp_path)]) == 0
        with running(create_app(read_settings(settings)), port):
            assert script.main(["call", str(tmp_path), service, "relapsed-cd117-positive"]) == 0
    status, *summaries = capsys.readouterr().out.splitlines()
    assert status == "200"
    assert summaries


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    options = [
        "--fail-on-warning",
        "--keep-going",
        "--quiet",
        "--conf-dir",
        "docs",
        "--doctree-dir",
        str(tmp_path / "doctrees"),
    ]
    command = [sys.executable, "-m", "sphinx", *options, "--builder", "html", ".", str(tmp_path / "site")]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    fetched = {
        address
        for page in (tmp_path / "site").rglob("*.html")
        for address in re.findall(
            r"<(?:script|link|img)\b[^>]*?(?:src|href)=\"(https?:[^\"]+)", page.read_text(encoding="utf-8")
        )
    }
    assert fetched == set(), "a page of the site fetches from elsewhere"


def test_every_document_is_in_the_contents_of_the_site() -> None:
    contents = " ".join(block.text for block in blocks(ROOT / "docs" / "index.md") if block.kind == "{toctree}")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.stem == "index" or re.search(rf"^{re.escape(page.stem)}$", contents, re.MULTILINE), name_of(page)
