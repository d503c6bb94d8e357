"""Progress where there is no terminal."""

from collections.abc import Callable

import pytest

from cxr_cli.commands import console


class Later:
    """Stands for a timer: fires when the test says."""

    waiting: "Later | None" = None

    def __init__(self, _: float, call: Callable[[], None]) -> None:
        self.call, self.cancelled = call, False

    def start(self) -> None:
        Later.waiting = self

    def cancel(self) -> None:
        self.cancelled = True


def test_compiling_is_said_while_nothing_advances(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console.threading, "Timer", Later)
    with console.Console().progress("training") as advance:
        advance(0, 8, "epoch 1/2 compiling")
        assert Later.waiting is not None
        Later.waiting.call()
        assert capsys.readouterr().err == "training: 0 of 8, epoch 1/2 compiling\n"
        advance(1, 8, "epoch 1/2 loss 0.5")
        assert Later.waiting.cancelled
    assert capsys.readouterr().err == ""
