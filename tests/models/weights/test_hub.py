"""Downloads by the hub's own client, from a hub of our own on this machine."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from safetensors.numpy import save

RESNET = "timm/resnet50.tv_in1k"
CONTENT = save({"conv1.weight": np.ones((64, 3, 7, 7), np.float32)})
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Hub(NamedTuple):
    """A hub: its address, and what it answers to, by path."""

    address: str
    files: dict[str, tuple[str, bytes]]

    def cxr(self, cache: Path, *argv: str) -> "subprocess.CompletedProcess[str]":
        """Run a command line that takes this for the Hugging Face hub."""
        ours = {"HF_ENDPOINT": self.address, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")} | ours
        return subprocess.run(
            [sys.executable, "-m", "cxr_cli", *argv],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )


@pytest.fixture
def hub() -> Iterator[Hub]:
    files: dict[str, tuple[str, bytes]] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, with_body: bool) -> None:
            if self.path not in files:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            etag, content = files[self.path]
            self.send_response(200)
            self.send_header("ETag", f'"{etag}"')
            self.send_header("X-Repo-Commit", "c0ffee" + 34 * "0")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if with_body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Hub(f"http://127.0.0.1:{server.server_port}", files)
    server.shutdown()
    thread.join()
    server.server_close()


def test_weights_are_fetched_once_and_then_found_offline(hub: Hub, tmp_path: Path) -> None:
    hub.files[f"/{RESNET}/resolve/main/model.safetensors"] = (SHA256, CONTENT)
    first = hub.cxr(tmp_path, "weights", "fetch", RESNET)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    path = Path(first.stdout.removeprefix(f"{RESNET}: ").partition(", sha256 ")[0])
    assert first.stdout == f"{RESNET}: {path}, sha256 {SHA256}\n"
    assert path.is_relative_to(tmp_path)
    assert path.read_bytes() == CONTENT
    hub.files.clear()
    again = hub.cxr(tmp_path, "weights", "fetch", RESNET)
    assert (again.returncode, again.stdout) == (0, first.stdout)


def test_what_was_changed_on_the_way_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.files[f"/{RESNET}/resolve/main/model.safetensors"] = (SHA256, CONTENT[:-1] + b"\1")
    result = hub.cxr(tmp_path, "weights", "fetch", RESNET)
    assert (result.returncode, result.stdout) == (3, "")
    assert f"{SHA256} was published" in result.stderr.splitlines()[-1]


def test_a_repository_without_the_file_is_told_at_once(hub: Hub, tmp_path: Path) -> None:
    result = hub.cxr(tmp_path, "weights", "fetch", RESNET)
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith(f"cxr: {RESNET}: has no model.safetensors on the hub; ")
    assert result.stderr.count("\n") == 1
