"""A site's own trial files, beside those that are shipped."""

from pathlib import Path

import pytest

from cds_service.cli import main
from cds_service.criteria import load
from cds_service.criteria.knowledge import Knowledge, load_knowledge
from cds_service.errors import KnowledgeErrors

OWN = "NCT99999999"
TEXT = (load.TRIALS / "NCT05943314.yaml").read_text(encoding="utf-8").replace("id: NCT05943314", f"id: {OWN}")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site's directory with one trial of its own."""
    (tmp_path / f"{OWN}.yaml").write_text(TEXT, encoding="utf-8")
    return tmp_path


def test_a_sites_trial_is_evaluated_beside_those_shipped(site: Path, knowledge: Knowledge) -> None:
    with_own = load_knowledge(site_trials=site)
    assert [trial.id for trial in with_own.trials] == [*(trial.id for trial in knowledge.trials), OWN]
    assert with_own.digest != knowledge.digest


def test_trials_come_by_number_whoever_wrote_them(site: Path) -> None:
    (site / f"{OWN}.yaml").rename(site / "NCT00000001.yaml")
    (site / "NCT00000001.yaml").write_text(TEXT.replace(OWN, "NCT00000001"), encoding="utf-8")
    assert load_knowledge(site_trials=site).trials[0].id == "NCT00000001"


@pytest.mark.parametrize("name", ["NCT07144020.yaml", "nct07144020.yaml"])
def test_a_trial_that_is_shipped_already_stops_the_start(site: Path, name: str) -> None:
    (site / f"{OWN}.yaml").rename(site / name)
    with pytest.raises(KnowledgeErrors, match=rf"{name}: stands in the directory of CDS_TRIALS.*shipped already; remove it"):
        load_knowledge(site_trials=site)


def test_a_directory_without_a_trial_is_told(tmp_path: Path) -> None:
    """A volume that was not mounted must not take the site's trials away in silence."""
    with pytest.raises(KnowledgeErrors, match="CDS_TRIALS: names a directory without a trial file"):
        load_knowledge(site_trials=tmp_path)


def test_faults_of_a_sites_trial_are_told_like_those_of_ours(site: Path) -> None:
    (site / f"{OWN}.yaml").write_text(TEXT.replace("at_most: 18", "at_most: eighteen"), encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match=rf"{OWN}\.yaml:\d+: .*is not a whole number"):
        load_knowledge(site_trials=site)


def test_check_runs_the_examples_of_a_sites_trial(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDS_TRIALS", str(site))
    assert main(["check"]) == 0
    assert "6 trials" in capsys.readouterr().out
    (site / f"{OWN}.yaml").write_text(TEXT.replace("    met: [AGE]\n", "    not_met: [AGE]\n", 1), encoding="utf-8")
    assert main(["check"]) == 1
    assert f"{OWN}.yaml:" in (said := capsys.readouterr().err)
    assert "AGE is expected not_met and is met" in said


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("NCT88888888.yml", "rename it to NCT88888888.yaml, or move it elsewhere"),
        ("NCT88888888.YAML", "rename it to NCT88888888.yaml, or move it elsewhere"),
        ("NCT88888888.yaml.txt", "rename it to NCT88888888.yaml, or move it elsewhere"),
        ("NCT88888888.yaml~", "move it elsewhere"),
        ("NCT88888888", "move it elsewhere"),
    ],
)
def test_a_file_that_is_not_read_stops_the_start_with_the_fix(site: Path, name: str, fix: str) -> None:
    (site / name).write_text(TEXT, encoding="utf-8")
    with pytest.raises(KnowledgeErrors, match=rf"CDS_TRIALS: {name}: is not read: its name does not end in \.yaml; .*{fix}"):
        load_knowledge(site_trials=site)


def test_trials_in_a_directory_below_are_not_missing_in_silence(site: Path) -> None:
    (site / "leukaemia").mkdir()
    (site / "leukaemia" / "NCT88888888.yaml").write_text(TEXT, encoding="utf-8")
    with pytest.raises(
        KnowledgeErrors, match="CDS_TRIALS: leukaemia: is a directory, which is not searched; move its files up"
    ):
        load_knowledge(site_trials=site)


def test_documents_and_what_a_mounted_volume_brings_may_stand_beside_the_trials(site: Path) -> None:
    """Kubernetes mounts files as links into a hidden directory; a disk has its lost+found."""
    for name in ("README.md", "LICENSE", "Readme.txt", ".gitignore"):
        (site / name).touch()
    for name in ("lost+found", "..2026_11_24", "examples"):
        (site / name).mkdir()
    (site / "..2026_11_24" / f"{OWN}.yaml").write_text(TEXT, encoding="utf-8")
    assert len(load_knowledge(site_trials=site).trials) == 6


def test_check_names_an_example_that_a_slip_of_its_name_hides(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDS_TRIALS", str(site))
    (site / "examples").mkdir()
    (site / "examples" / "a-man.JSON").touch()
    assert main(["check"]) == 1
    assert "CDS_TRIALS/examples: a-man.JSON: is not read" in capsys.readouterr().err
