"""The flow of images as a diagram."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from cxr_cli.plots.flow import FlowStep, flow_diagram

STEPS = (
    FlowStep("inputs", 12),
    FlowStep("rejected: duplicate", 2, depth=1, excluded=True),
    FlowStep("images", 10, detail="normal 6, pneumonia 4"),
    FlowStep("train", 7, depth=1),
    FlowStep("test", 3, depth=1),
)


def test_every_step_is_a_box_below_the_one_before(drawn: Callable[[], Figure]) -> None:
    flow_diagram(STEPS, Path("x.png"))
    boxes = [text for text in drawn().axes[0].texts if text.get_text()]
    assert [text.get_text() for text in boxes] == [
        "inputs (n = 12)",
        "rejected: duplicate (n = 2)",
        "images (n = 10)\nnormal 6, pneumonia 4",
        "train (n = 7)",
        "test (n = 3)",
    ]
    heights = [text.get_position()[1] for text in boxes]
    assert heights == sorted(heights, reverse=True)
    left = [text.get_position()[0] for text in boxes]
    assert left[0] == left[2] < left[3] == left[4] < left[1]
