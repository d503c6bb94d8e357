"""The flow of images as a diagram (Figure 1 of the pneumoperitoneum paper; CLAIM 2024)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from matplotlib.figure import Figure

from cxr_cli.plots.save import own_style, save

LINE = 0.22
"""Height of a line of text, in inches."""
SPACE = 0.28
"""Height between boxes, in inches."""
WIDTH = 7.0
SPINE, INCLUDED, EXCLUDED = 0.6, 1.1, 3.7
"""Where the line from step to step is, and where boxes to its right begin, in inches."""
BOX = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "0.3"}


@dataclass(frozen=True)
class FlowStep:
    """A number of images in a study's flow.

    Attributes:
        name: of the step.
        images: how many.
        depth: 0 for all images, 1 for a part of those above.
        excluded: whether the images leave the study here.
        detail: such as images by class.
    """

    name: str
    images: int
    depth: int = 0
    excluded: bool = False
    detail: str = ""


@own_style
def flow_diagram(steps: Sequence[FlowStep], path: Path) -> None:
    """Draw the steps from top to bottom: the study's images to the left, excluded ones to the right.

    Args:
        steps: in their order.
        path: the file to write.
    """
    texts = [
        fill(f"{step.name} (n = {step.images})", 44) + (f"\n{fill(step.detail, 50)}" if step.detail else "")
        for step in steps
    ]
    heights = [LINE * (text.count("\n") + 1) + 0.2 for text in texts]
    total = sum(heights) + SPACE * len(steps)
    figure = Figure(figsize=(WIDTH, total + 0.2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(-total - 0.1, 0.1))
    axes.axis("off")
    arrow = {"arrowstyle": "->", "color": "0.3"}
    top, below = 0.0, 0.0
    for step, text, height in zip(steps, texts, heights, strict=True):
        middle = top - height / 2
        left = EXCLUDED if step.excluded else INCLUDED if step.depth else SPINE - 0.35
        axes.text(left, middle, text, va="center", ha="left", fontsize=9, bbox=BOX)
        if step.depth:
            axes.plot([SPINE, SPINE], [below, middle], color="0.3", linewidth=1, zorder=0)
            axes.annotate("", (left - 0.1, middle), (SPINE, middle), arrowprops=arrow)
        else:
            if top < 0:
                axes.annotate("", (SPINE, top), (SPINE, below), arrowprops=arrow)
            below = top - height
        top -= height + SPACE
    save(figure, path)
