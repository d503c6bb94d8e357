"""A RUN as a program for other software: images -> scores, as ONNX or StableHLO."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax import export as jax_export
from numpy.typing import NDArray

from cxr_cli import __version__
from cxr_cli.artifacts import atomic_path, versions, write_json
from cxr_cli.errors import BadInput, CxrError, InvalidSetting
from cxr_cli.evaluation.metrics.calibration import CLIP
from cxr_cli.evaluation.recalibration import Calibration
from cxr_cli.extras import install_command
from cxr_cli.images.raster import to_gray
from cxr_cli.models.network import outline
from cxr_cli.phantom.anatomy import draw_anatomy
from cxr_cli.phantom.radiograph import draw_image
from cxr_cli.phantom.systems import SYSTEMS
from cxr_cli.prediction.choices import ExportFormat, PixelType
from cxr_cli.prediction.ensemble import Ensemble, mean_point, open_ensemble
from cxr_cli.prediction.forward import Scaling, answer_reader, forward_function, forward_pass, run_over
from cxr_cli.prediction.loading import image_source
from cxr_cli.prediction.mean_scores import mean_scores
from cxr_cli.prediction.metrics_file import read_calibration, read_operating_point
from cxr_cli.prediction.scores import answer_scorer, calibrated
from cxr_cli.prediction.templates import Templates, read_templates
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.folder import TEMPLATES
from cxr_cli.runs.model_store import TrainedRun, ensemble_id

TOLERANCE = 1e-5
"""How far an exported model's scores may be from the run's own."""
LARGEST_ONNX = 2**31 - 2**20
"""Bytes of weights in an ONNX file, which is one protobuf message of less than 2 GiB."""
INPUT, OUTPUT = "images", "scores"
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
"""What a StableHLO file runs on."""
COMPARED = 8
"""Images that scores are compared on."""

ScoreArrays = Callable[[Array], Array]
"""Maps gray images [N,H,W] to scores float32 [N,C]; can be traced."""


@dataclass(frozen=True)
class ExportResult:
    """An exported model.

    Attributes:
        path: its file.
        description: what stands with it: preprocessing, classes, operating point, versions.
        difference: by which its scores differ from the run's own at most; None where they were not compared.
    """

    path: Path
    description: dict[str, Any]
    difference: float | None


def export(
    run: Path | str,
    output: Path | str,
    *,
    format: ExportFormat = "onnx",
    input_type: PixelType = "uint8",
    members: Sequence[Path | str] = (),
    templates: Path | None = None,
    reporter: Reporter = SILENT,
) -> ExportResult:
    """Write a run's model as a program that maps gray images to scores, calibrated as its test decided.

    Arithmetic is float32, whatever the run's. Scores are compared with the run's own before the file is
    written, on phantoms and noise. What images must be like is in the metadata of an ONNX file, and in
    OUTPUT.json beside a StableHLO file.

    Args:
        run: a RUN, or a CV, which is the ensemble of its runs: the mean of their scores.
        output: the file to write.
        format: "onnx", of opset 18; or "stablehlo", for `jax.export.deserialize`.
        input_type: of the images [N,H,W], gray values 0 ... 255 either way.
        members: more runs, whose scores are averaged with the first's.
        templates: of a siamese run; None takes the run's own.
        reporter: takes notices.

    Raises:
        InvalidSetting: an unknown format or type, or templates for a run that is not siamese.
        BadInput: no run, an isotonic calibration, too large a model, or ONNX is not installed.
        CxrError: its scores differ from the run's own.
    """
    output = Path(output)
    for name, value, known in (("format", format, ExportFormat), ("input_type", input_type, PixelType)):
        if value not in get_args(known):
            raise InvalidSetting(name, value, f"known are {', '.join(get_args(known))}")
    ensemble = open_ensemble(Path(run), [Path(member) for member in members])
    runs = ensemble.open_runs()
    function = scores_function(runs, templates)
    description = describe_model(ensemble, runs, input_type)
    size = ensemble.config.size
    (count,) = jax_export.symbolic_shape("N")
    images = jax.ShapeDtypeStruct((count, size, size), jnp.dtype(input_type))

    content, apply = EXPORTERS[format](function, images, description)
    difference = None
    if apply is None:
        reporter.say("onnxruntime is not installed: the scores are not compared with the run's own")
    else:
        pixels = comparison_images(size)
        difference = float(
            np.abs(apply(pixels.astype(input_type)) - own_scores(runs, pixels, templates)).max()
        )
        if not difference <= TOLERANCE:
            raise CxrError(
                f"{run}: the exported model's scores differ from the run's own by {difference:.1e}, more "
                f"than {TOLERANCE:.0e}; nothing was written"
            )
    with atomic_path(output) as temporary:
        temporary.write_bytes(content)
    if format == "stablehlo":
        write_json(output.with_name(f"{output.name}.json"), description)
    return ExportResult(output, description, difference)


def scores_function(runs: Sequence[TrainedRun], templates: Path | None = None) -> ScoreArrays:
    """Return the function from gray images to the mean of the runs' calibrated scores, for tracing.

    Its convolutions are XLA's own, in float32.

    Raises:
        InvalidSetting, BadInput: see `export`.
    """
    functions = [_scores_of_run(run, templates) for run in runs]

    def scores(images: Array) -> Array:
        total = reduce(jnp.add, [function(images) for function in functions])
        return total / len(functions)

    return scores


def _scores_of_run(run: TrainedRun, templates: Path | None) -> ScoreArrays:
    if templates is not None:
        answer_scorer(run, templates)  # refuses what has no use for them
    network, _ = outline(run.config.network_spec, "native")
    references = read_templates(templates or run.folder / TEMPLATES, run) if run.config.siamese else None
    calibration = read_calibration(run)
    if calibration is not None and calibration.method not in CALIBRATE:
        raise BadInput(
            f"{run.folder}: its scores are calibrated by {calibration.method} regression, which cannot be "
            f"exported; `cxr test {run.folder}` with another calibration, {' or '.join(CALIBRATE)}, or none"
        )

    def scores(images: Array) -> Array:
        answers = forward_pass(network, _float32(run), (answer_reader(run.config),), run.variables, images)
        if references is None:
            values = jax.nn.softmax(answers, axis=-1)
        else:
            module = network.bind(run.variables)
            values = jax.nn.sigmoid(_similarities(module, answers, references))
        return values if calibration is None else CALIBRATE[calibration.method](values, calibration)

    return scores


def _float32(run: TrainedRun) -> Scaling:
    return Scaling(run.config.mean, run.config.std, "float32")


def _similarities(module: Any, vectors: Array, templates: Templates) -> Array:
    """Compare vectors [N,E] with templates: logits of "same class" [N,C], see `similarity_logits`."""
    of_class = []
    for number in range(len(templates.classes)):
        theirs = templates.vectors[templates.owners == number]
        same = -module.difference(vectors[:, None], jnp.asarray(theirs)[None])
        of_class.append(jnp.mean(jax.lax.top_k(same, templates.nearest)[0], axis=1, keepdims=True))
    return jnp.concatenate(of_class, axis=1)


def _temperature(scores: Array, calibration: Calibration) -> Array:
    logs = jnp.log(jnp.clip(scores, CLIP, 1.0))
    return jax.nn.softmax(logs / calibration.parameters["temperature"][0], axis=1)


def _platt(scores: Array, calibration: Calibration) -> Array:
    slope, intercept = (np.array(calibration.parameters[name], np.float32) for name in ("slope", "intercept"))
    clipped = jnp.clip(scores[:, -len(slope) :], CLIP, 1 - CLIP)
    fitted = jax.nn.sigmoid(slope * (jnp.log(clipped) - jnp.log1p(-clipped)) + intercept)
    if fitted.shape[1] == 1:
        return jnp.concatenate([1 - fitted, fitted], axis=1)
    return fitted / jnp.sum(fitted, axis=1, keepdims=True)


CALIBRATE = {"temperature": _temperature, "platt": _platt}
"""The calibrations of `evaluation.recalibration` that have no steps, of float32 scores [N,C]."""


def own_scores(
    runs: Sequence[TrainedRun], images: NDArray[np.uint8], templates: Path | None = None
) -> NDArray[np.floating]:
    """Score images uint8 [N,H,W] as `ensemble_scorer` does, in float32."""
    rows = np.arange(len(images))
    each = []
    for run in runs:
        forward = forward_function(run.network, _float32(run), answer_reader(run.config))
        answers = run_over(forward, run.variables, image_source(images), rows)
        each.append(calibrated(answer_scorer(run, templates)(answers), read_calibration(run)).values)
    return mean_scores(each).values


def comparison_images(size: int) -> NDArray[np.uint8]:
    """Draw phantoms, from the first to the last more like noise: uint8 [8, size, size], always the same."""
    rng = np.random.default_rng(0)
    phantoms = np.stack(
        [
            draw_image(draw_anatomy(rng), "pneumonia", system, "PA", size, rng)[0]
            for system in SYSTEMS[:COMPARED]
        ]
    )
    shares = np.linspace(0, 1, COMPARED)[:, None, None]
    return to_gray((1 - shares) * phantoms + shares * rng.uniform(0, 1, phantoms.shape), 0.0, 1.0)


def describe_model(ensemble: Ensemble, runs: Sequence[TrainedRun], input_type: PixelType) -> dict[str, Any]:
    """Say what an exported model takes and gives, as JSON values: no paths, and nothing of patients."""
    config = ensemble.config
    point = mean_point([read_operating_point(run) for run in runs])
    kind = "similarities to the classes" if config.siamese else "probabilities of the classes"
    calibrations = [read_calibration(run) for run in runs]
    return {
        "cxr": __version__,
        "use": "For research, not for diagnosis.",
        "model_id": ensemble_id(runs),
        "members": [run.model_id for run in runs],
        "arch": config.network.arch,
        "classes": list(config.classes),
        "input": f"{INPUT}, {input_type} [N, {config.size}, {config.size}]: gray, 0 to 255, bone bright",
        "output": f"{OUTPUT}, float32 [N, {len(config.classes)}]: {kind}",
        "gray": "DICOM: modality LUT or rescale, then VOI LUT, window or full range, MONOCHROME1 inverted, "
        "8 bits; other files: luminance",
        "crop_top": config.crop_top,
        "crop_border": config.crop_border,
        "size": config.size,
        "resize": "to a square: shrunk by area, enlarged linearly",
        "views": config.views and list(config.views),
        "mean": [run.config.mean for run in runs],
        "std": [run.config.std for run in runs],
        "calibration": [of and of.as_json() for of in calibrations],
        "operating_point": point
        and {"positive": point.positive, "threshold": point.threshold, "rule": point.rule},
        "versions": versions(),
    }


Exported = tuple[bytes, Callable[[NDArray[Any]], NDArray[Any]] | None]
"""A file's content, and what applies it to images, if that can be done here."""


def _to_stablehlo(function: ScoreArrays, images: Any, description: dict[str, Any]) -> Exported:  # noqa: ARG001
    content = bytes(jax_export.export(jax.jit(function), platforms=PLATFORMS)(images).serialize())
    read = jax_export.deserialize(bytearray(content))
    return content, lambda pixels: np.asarray(read.call(pixels))


def _to_onnx(function: ScoreArrays, images: Any, description: dict[str, Any]) -> Exported:
    try:
        from cxr_cli.prediction.onnx_graph import to_onnx
    except ImportError:
        raise BadInput(f"writing ONNX files needs onnx: {install_command('export')}") from None
    texts = {name: of if isinstance(of, str) else json.dumps(of) for name, of in description.items()}
    model = to_onnx(function, images, (INPUT, OUTPUT), texts, ("cxr", __version__))
    weights = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    if weights > LARGEST_ONNX:
        raise BadInput(
            f"model {description['model_id']}: has {weights / 2**30:.1f} GiB of weights, an ONNX file holds "
            "less than 2; export its runs one by one, or as stablehlo"
        )
    content = model.SerializeToString()
    try:
        import onnxruntime
    except ImportError:
        return content, None
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return content, lambda pixels: session.run([OUTPUT], {INPUT: pixels})[0]


EXPORTERS: dict[ExportFormat, Callable[[ScoreArrays, Any, dict[str, Any]], Exported]] = {
    "onnx": _to_onnx,
    "stablehlo": _to_stablehlo,
}
