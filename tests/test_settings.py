"""The settings of a person, and which workspace they lead to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experimaestro import experiment
from experimaestro.exceptions import DocumentError, SettingsError
from experimaestro.settings import (
    HistorySettings,
    Settings,
    WorkspaceSettings,
    choose_workspace,
    find_workspace,
    get_settings,
    get_tokens,
    set_config_folder,
)
from tasks import Where

SETTINGS = """\
env: {DATA: "${env:XPM_TEST_DATA}/sets", OTHER: "${oc.env:XPM_TEST_UNSET}", N: 3}
history: {max_done: 2}
carbon: {enabled: false}
server: {port: 12345, autohost: fqdn}
workspaces:
- id: main
  path: ~/runs
- id: studies
  path: /data/studies
  triggers: ["study-*", special]
  env: {N: 4}
  history: {max_failed: 7}
- id: far
  ssh: {host: cluster}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XPM_TEST_DATA", "/data")
    monkeypatch.chdir(tmp_path)
    set_config_folder(tmp_path)
    yield tmp_path
    set_config_folder(None)


def write(folder: Path, text: str) -> None:
    (folder / "settings.yaml").write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("folder")
def test_without_a_file_there_are_the_defaults():
    assert get_settings() == Settings()
    assert get_tokens() == {}
    assert Settings.instance().history == HistorySettings(max_done=5, max_failed=1)


def test_variables_are_replaced_where_they_are_set_and_numbers_become_texts(folder: Path):
    write(folder, SETTINGS)

    assert get_settings().env == {"DATA": "/data/sets", "OTHER": "${oc.env:XPM_TEST_UNSET}", "N": "3"}
    assert get_settings().server.port == 12345


@pytest.mark.parametrize(
    ("asked", "name", "path", "because"),
    [
        ({}, "main", "runs", "it is the first one of the settings"),
        ({"workspace": "studies"}, "studies", "/data/studies", "--workspace studies says so"),
        ({"workdir": "here"}, "", "here", "--workdir says so"),
        ({"workspace": "main", "workdir": "here"}, "main", "here", "--workspace main and --workdir say so"),
        ({"experiment_id": "study-1"}, "studies", "/data/studies", "its trigger 'study-*' matches 'study-1'"),
        ({"experiment_id": "other"}, "main", "runs", "it is the first one of the settings"),
    ],
)
def test_a_workspace_is_chosen_for_a_reason(
    folder: Path, asked: dict[str, Any], name: str, path: str, because: str
):
    write(folder, SETTINGS)

    choice = choose_workspace(**asked)

    assert (choice.workspace.id, choice.workspace.path) == (name, folder / path)
    assert choice.because == because


def test_the_choice_is_said_in_a_line(folder: Path):
    write(folder, SETTINGS)

    assert str(choose_workspace()) == "workspace 'main' (runs), because it is the first one of the settings"
    assert str(choose_workspace(workdir="here")) == "workspace here, because --workdir says so"


def test_a_workspace_takes_variables_and_history_of_all(folder: Path):
    write(folder, SETTINGS)

    studies, main = find_workspace(workspace="studies"), find_workspace(workspace="main")

    assert (studies.env["N"], main.env["N"]) == ("4", "3")
    assert studies.env["DATA"] == "/data/sets"
    assert studies.history == HistorySettings(max_failed=7)
    assert main.history == HistorySettings(max_done=2)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"workspace": "mian"}, "there is no workspace 'mian' in settings.yaml. Did you mean 'main'?"),
        ({"workspace": "zzz"}, "there is no workspace 'zzz' in settings.yaml. There are: main, studies"),
        ({"workdir": ""}, "workdir: expected the path of a folder, got ''"),
        ({"workspace": "far"}, "workspace 'far' is one of another machine: run the experiment there"),
    ],
)
def test_a_workspace_that_cannot_be_used_is_refused(folder: Path, asked: dict[str, str], said: str):
    write(folder, SETTINGS)

    with pytest.raises(SettingsError) as caught:
        find_workspace(**asked)

    assert str(caught.value) == said


def test_a_workspace_whose_path_has_a_variable_that_is_not_set_is_refused_where_it_is_chosen(folder: Path):
    write(folder, "workspaces:\n- {id: main, path: here}\n- {id: far, path: '${env:XPM_NOT_SET}/runs'}\n")

    assert find_workspace().id == "main"
    with pytest.raises(SettingsError) as caught:
        find_workspace(workspace="far")

    assert str(caught.value) == (
        "workspace 'far': its path is ${env:XPM_NOT_SET}/runs, and XPM_NOT_SET is not set"
    )


@pytest.mark.usefixtures("folder")
def test_no_workspace_at_all_says_what_to_write():
    with pytest.raises(SettingsError) as caught:
        find_workspace()

    assert str(caught.value) == (
        "no workspace: give a folder with --workdir (in Python, workdir=...), or write one into "
        "settings.yaml:\n"
        "  workspaces:\n    - id: main\n      path: ~/experiments"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("workspaces: 3", ("settings.yaml:1: workspaces: "
                           "expected a list, each a mapping (WorkspaceSettings), got 3")),
        ("workspaces:\n- id: a", "settings.yaml:2: workspaces[0].path: missing: expected a path"),
        ("history:\n  max_done: few", "settings.yaml:2: history.max_done: expected an int, got 'few'"),
        ("env: [a]\nhistory: 3", ("settings.yaml: 2 problems\n"
                                  "  settings.yaml:1: env: expected a mapping, got a list\n"
                                  "  settings.yaml:2: history: expected a mapping (HistorySettings), got 3")),
        ("workspaces: [{id: a, path: b, folders: [{path: c, mode: copy}]}]",
         ("settings.yaml:1: workspaces[0].folders[0].mode: "
          "expected one of 'use', 'backup', 'move', got 'copy'")),
        ("workspaces:\n- {id: a, path: ''}", "settings.yaml:2: workspaces[0].path: expected a path, got ''"),
        ("workspaces:\n- {id: a, path: b}\n- {id: a, path: c}",
         "settings.yaml:3: workspaces[1].id: 'a' names another one already (settings.yaml:2)"),
        ("history: {max_done: -1}", ("settings.yaml:1: history.max_done: "
                                     "expected a number from 0 up, got -1")),
        ("workspaces:\n- path: b\n  max_retries: -1\n  history:\n    max_failed: -2\n  env: {'': 1}",
         ("settings.yaml: 3 problems\n"
          "  settings.yaml:3: workspaces[0].max_retries: expected a number from 0 up, got -1\n"
          "  settings.yaml:5: workspaces[0].history.max_failed: expected a number from 0 up, got -2\n"
          "  settings.yaml:6: workspaces[0].env: '': expected a name without '=', and no NUL")),
        ("env: {a=b: c}", "settings.yaml:1: env: 'a=b': expected a name without '=', and no NUL"),
    ],
)  # fmt: skip
def test_wrong_settings_are_told_with_their_place(folder: Path, text: str, said: str):
    write(folder, text)

    with pytest.raises(SettingsError) as caught:
        get_settings()

    assert str(caught.value) == said


def test_a_folder_in_the_place_of_the_file_is_told(folder: Path):
    (folder / "settings.yaml").mkdir()

    with pytest.raises(DocumentError) as caught:
        get_settings()

    assert str(caught.value) == "settings.yaml: expected a YAML file, found a folder"


def test_unknown_keys_are_told_and_have_no_effect(folder: Path):
    write(folder, "hystory: {}\nworkspaces: [{id: a, path: b, pth: c}]")

    assert get_settings().warnings == [
        "settings.yaml:1: hystory: unknown key. Did you mean 'history'?",
        "settings.yaml:2: workspaces[0].pth: unknown key. Did you mean 'path'?",
    ]


def test_keys_of_a_workspace_that_have_no_effect_any_more_are_told(folder: Path):
    write(folder, "workspaces:\n- {id: a, path: b, lock_mode: 0o640, alt_workspaces: [c]}")

    told = "settings.yaml:{}: workspaces[0].{}: of earlier versions, no effect: {}"
    assert get_settings().warnings == [
        told.format(2, "lock_mode", "files have the rights that the umask of the process gives"),
        told.format(2, "alt_workspaces", "write folders: [{path: ..., mode: use}]"),
    ]


def test_unknown_keys_of_tokens_are_told(folder: Path):
    (folder / "tokens.yaml").write_text("countertoken:\n  disk: {tokens: 4, of: a}\n", encoding="utf-8")
    with pytest.warns(UserWarning, match="unknown key") as told:
        assert get_tokens() == {"disk": 4}
    assert [str(one.message) for one in told] == [
        "tokens.yaml:2: countertoken.disk.of: unknown key. There are: tokens"
    ]

    (folder / "tokens.yaml").write_text("countertoken:\n  disk: {tokns: 4}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        get_tokens()
    assert str(caught.value).splitlines() == [
        "tokens.yaml: 2 problems",
        "  tokens.yaml:2: countertoken.disk.tokens: missing: expected an int",
        "  tokens.yaml:2: countertoken.disk.tokns: unknown key. Did you mean 'tokens'?",
    ]


def test_tokens_are_counted(folder: Path):
    (folder / "tokens.yaml").write_text("countertoken:\n  disk: {tokens: 4}\n", encoding="utf-8")
    assert get_tokens() == {"disk": 4}

    (folder / "tokens.yaml").write_text("countertoken:\n  disk: {tokens: many}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        get_tokens()
    assert str(caught.value) == "tokens.yaml:2: countertoken.disk.tokens: expected an int, got 'many'"


def test_an_experiment_takes_a_workspace_in_the_place_of_a_folder(folder: Path):
    workspace = WorkspaceSettings("main", folder / "runs", env={"XPM_TEST_GIVEN": "by the workspace"})

    with experiment(workspace, "first", display=False) as xp:
        where = Where.C().submit()

    assert xp.workspace.path == folder / "runs"
    assert '"XPM_TEST_GIVEN": "by the workspace"' in (where.jobpath / "where.json").read_text(
        encoding="utf-8"
    )
