"""`--dry-run` of the commands that train: what they would take, on stdout."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli.commands.console import show

if TYPE_CHECKING:
    from cxr_cli.training.plan import TrainingPlan

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Print steps, parameters, memory, and time by timed steps; write nothing."
    ),
]
GIB = 2**30


def print_plans(plans: "Sequence[TrainingPlan]") -> None:
    """Print what runs would take; of several sizes each, and all together."""
    for plan in plans:
        show(_as_text(plan) + ("\n" if len(plans) > 1 else ""))
    if len(plans) > 1:
        show(f"all {sum(plan.runs for plan in plans)} runs: {_clock(sum(plan.seconds for plan in plans))}")


def _as_text(plan: "TrainingPlan") -> str:
    optimization, siamese = plan.config.optimization, plan.config.siamese
    at_once = f"{plan.images_at_once}"
    if plan.devices > 1:
        at_once += f" on {plan.devices} devices"
    if plan.rematerialized:
        at_once += ", maps within blocks computed twice"
    rows = {
        "batch": f"{optimization.batch_size} {'pairs' if siamese else 'images'}",
        "steps per epoch": f"{plan.steps_per_epoch}",
        "epochs": f"{optimization.epochs}{', at most' if optimization.patience else ''}",
        "steps": f"{plan.steps}",
        "parameters": f"{plan.parameters}, of which {plan.trainable} are trained",
        "images at once": at_once,
        "memory of a step": f"about {plan.step_bytes / GIB:.2f} of {plan.device_bytes / GIB:.1f} GiB",
        "compilation": f"{plan.compile_seconds:.1f} s",
        "one step": f"{plan.step_seconds:.3f} s" if plan.steps else "none",
        "one validation": f"{plan.validation_seconds:.1f} s",
        "linear probe": f"{plan.probe_seconds:.1f} s, and its fit" if plan.probe_seconds else "",
        "one run": _clock(plan.run_seconds),
        f"all {plan.runs} runs": _clock(plan.seconds) if plan.runs != 1 else "",
    }
    return "\n".join(f"{name:<17} {value}" for name, value in rows.items() if value)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
