"""Decision curves: the net benefit of acting on a score."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cxr_cli.evaluation.net_benefit import net_benefit
from cxr_cli.plots.palette import color_of
from cxr_cli.plots.save import own_style, save

THRESHOLDS = np.linspace(0.01, 0.99, 99)


@own_style
def decision_curves(
    positive: NDArray[np.bool_],
    chances: Mapping[str, NDArray[np.floating]],
    title: str,
    path: Path,
    first_number: int = 0,
) -> None:
    """Draw the net benefit of each model, of treating all, and of treating none.

    Args:
        positive: bool [N].
        chances: by model, [N], 0 ... 1.
        title: of the figure.
        path: the file to write.
        first_number: whose color the first model has; the others follow.
    """
    figure = Figure(figsize=(5.6, 4.4 + 0.2 * len(chances)), layout="constrained")
    axes = figure.subplots()
    everyone = net_benefit(positive, np.ones(len(positive)), THRESHOLDS)
    axes.plot(THRESHOLDS, everyone, color="0.6", linewidth=1, label="all positive")
    axes.axhline(0, color="black", linewidth=0.8, label="all negative")
    highest = float(positive.mean())
    for number, (name, chance) in enumerate(chances.items()):
        benefit = net_benefit(positive, chance, THRESHOLDS)
        highest = max(highest, float(benefit.max()))
        axes.plot(THRESHOLDS, benefit, color=color_of(first_number + number), label=name)
    axes.set(
        xlabel="threshold probability",
        ylabel="net benefit",
        title=title,
        xlim=(0, 1),
        ylim=(-0.25 * max(highest, 0.05), 1.1 * max(highest, 0.05)),
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=8)
    save(figure, path)
