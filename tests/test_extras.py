"""What to type to install an extra, by where the package came from."""

import json
from types import SimpleNamespace

import pytest

from cxr_cli import extras


@pytest.mark.parametrize(
    ("recorded", "command"),
    [
        (None, "pip install 'cxr-cli[gpu]'"),
        (
            {"url": "file:///home/a%20b/cxr", "dir_info": {"editable": True}},
            "pip install -e '/home/a b/cxr[gpu]'",
        ),
        ({"url": "file:///home/cxr", "dir_info": {}}, "pip install '/home/cxr[gpu]'"),
        (
            {"url": "file:///tmp/cxr_cli-0.2.0-py3-none-any.whl", "archive_info": {}},
            "pip install '/tmp/cxr_cli-0.2.0-py3-none-any.whl[gpu]'",
        ),
        (
            {"url": "https://example.org/cxr.git", "vcs_info": {}},
            "pip install 'cxr-cli[gpu] @ https://example.org/cxr.git'",
        ),
    ],
)
def test_the_command_installs_from_where_the_package_came_from(
    monkeypatch: pytest.MonkeyPatch, recorded: dict[str, object] | None, command: str
) -> None:
    text = None if recorded is None else json.dumps(recorded)
    monkeypatch.setattr(extras, "distribution", lambda _: SimpleNamespace(read_text=lambda _: text))
    assert extras.install_command("gpu") == command
