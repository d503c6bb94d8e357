"""A JAX function as an ONNX graph, of the primitives that the networks here are made of.

Most primitives become one node. What is computed of weights alone is computed at once, and broadcasting is
left to ONNX's operators where they do it by themselves.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
import onnx
from jax.extend import core
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OPSET = 18
IR_VERSION = 9
"""With that opset, ONNX of 2023: newer programs read it, and many older ones."""
ANY = -1
"""The number of images, in shapes."""
BEFORE_FIRST = np.iinfo(np.int64).min
"""Where a slice backward ends that includes the first element."""

Shape = tuple[int, ...]


class Value(NamedTuple):
    """An array of the graph.

    Attributes:
        name: in the graph; empty for a constant.
        shape: 1 where ONNX broadcasts what JAX has broadcast already, ANY for the number of images.
        constant: its values, where they are known.
    """

    name: str
    shape: Shape
    constant: NDArray[Any] | None = None


def constant(array: Any) -> Value:
    """Return a value that is known."""
    return Value("", np.shape(array), np.asarray(array))


def integers(values: Sequence[int]) -> Value:
    """Return whole numbers as ONNX's operators take axes and shapes."""
    return constant(np.array(values, np.int64))


def shape_of(atom: Any) -> Shape:
    """Return the shape that JAX gives a variable."""
    return tuple(length if isinstance(length, int) else ANY for length in atom.aval.shape)


@dataclass
class Graph:
    """The nodes and constants of a graph that is being written."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def add(self, operator: str, shape: Shape, *inputs: Value, **attributes: Any) -> Value:
        """Add a node of one output, of this shape."""
        return self.add_several(operator, [shape], *inputs, **attributes)[0]

    def add_several(
        self, operator: str, shapes: Sequence[Shape], *inputs: Value, **attributes: Any
    ) -> list[Value]:
        """Add a node of as many outputs as there are shapes."""
        outputs = [Value(f"x{len(self.nodes)}_{place}", shape) for place, shape in enumerate(shapes)]
        names = [self._name(value) for value in inputs]
        self.nodes.append(helper.make_node(operator, names, [each.name for each in outputs], **attributes))
        return outputs

    def _name(self, value: Value) -> str:
        if value.constant is None:
            return value.name
        array = np.ascontiguousarray(value.constant)
        # By what it holds, so that weights that are used twice are there once.
        name = hashlib.sha256(f"{array.dtype} {value.shape} ".encode() + array.tobytes()).hexdigest()[:32]
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(array.reshape(value.shape), name)
        return name

    def whole(self, value: Value, shape: Shape) -> Value:
        """Return a value in its whole shape, where it was left to be broadcast."""
        if value.shape == shape:
            return value
        if value.constant is not None and ANY not in shape:
            return constant(np.broadcast_to(value.constant, shape))
        if value.shape.count(ANY) != shape.count(ANY):
            raise NotImplementedError("a constant is broadcast to the number of images")
        # 1 leaves the number of images as it is.
        return self.add("Expand", shape, value, integers([max(length, 1) for length in shape]))

    def write(self, jaxpr: core.ClosedJaxpr, inputs: Sequence[Value]) -> list[Value]:
        """Write what a jaxpr computes of its inputs; return its outputs.

        Raises:
            NotImplementedError: it has a primitive that has no rule here, or a form of one.
        """
        values: dict[Any, Value] = dict(zip(jaxpr.jaxpr.constvars, map(constant, jaxpr.consts), strict=True))
        values |= dict(zip(jaxpr.jaxpr.invars, inputs, strict=True))

        def read(atom: Any) -> Value:
            return constant(atom.val) if isinstance(atom, core.Literal) else values[atom]

        for equation in jaxpr.jaxpr.eqns:
            outputs = self._apply(equation, [read(atom) for atom in equation.invars])
            values |= dict(zip(equation.outvars, outputs, strict=True))
        return [self.whole(read(atom), shape_of(atom)) for atom in jaxpr.jaxpr.outvars]

    def _apply(self, equation: core.JaxprEqn, operands: list[Value]) -> list[Value]:
        inner = [value for value in equation.params.values() if isinstance(value, core.ClosedJaxpr)]
        if inner:
            return self.write(inner[0], operands)
        name = equation.primitive.name
        if name == "broadcast_in_dim":
            return [_left_to_broadcast(self, equation, operands[0])]
        known = all(value.constant is not None for value in operands) and ANY not in shape_of(
            equation.outvars[0]
        )
        if name in ELEMENTWISE and not known:
            return [ELEMENTWISE[name](self, equation, *operands)]
        operands = [
            self.whole(value, shape_of(atom)) for value, atom in zip(operands, equation.invars, strict=True)
        ]
        if known:
            found = equation.primitive.bind(*(value.constant for value in operands), **equation.params)
            return [constant(each) for each in (found if equation.primitive.multiple_results else [found])]
        if name not in RULES:
            raise NotImplementedError(f"ONNX: no rule for {name}")
        written = RULES[name](self, equation, *operands)
        return written if isinstance(written, list) else [written]


Rule = Callable[..., Any]
"""Maps (graph, equation, operands) to the value of the equation's output, or a list of its outputs'."""


def _left_to_broadcast(graph: Graph, equation: core.JaxprEqn, x: Value) -> Value:
    """Put the axes of x in their places among others of length 1."""
    places = equation.params["broadcast_dimensions"]
    shape = [1] * len(equation.params["shape"])
    for place, length in zip(places, x.shape, strict=True):
        shape[place] = length
    return _reshaped(graph, x, tuple(shape))


def _reshaped(graph: Graph, x: Value, shape: Shape) -> Value:
    if x.shape == shape:
        return x
    if x.constant is not None:
        return constant(x.constant.reshape(shape))
    return graph.add("Reshape", shape, x, integers(shape))


def _broadcast(*values: Value) -> Shape:
    """Return the shape of what operators that broadcast make of values."""
    rank = max(len(value.shape) for value in values)
    whole = [(1,) * (rank - len(value.shape)) + value.shape for value in values]
    return tuple(next((n for n in lengths if n != 1), 1) for lengths in zip(*whole, strict=True))


def _operator(name: str) -> Rule:
    return lambda graph, _, *values: graph.add(name, _broadcast(*values), *values)


def _inverse_root(graph: Graph, _: Any, x: Value) -> Value:
    return graph.add("Reciprocal", x.shape, graph.add("Sqrt", x.shape, x))


def _log_of_one_and(graph: Graph, _: Any, x: Value) -> Value:
    return graph.add("Log", x.shape, graph.add("Add", x.shape, x, constant(np.float32(1))))


def _as_it_is(_: Graph, __: Any, x: Value) -> Value:
    return x


def _not_equal(graph: Graph, _: Any, x: Value, y: Value) -> Value:
    shape = _broadcast(x, y)
    return graph.add("Not", shape, graph.add("Equal", shape, x, y))


def _square(graph: Graph, _: Any, x: Value) -> Value:
    return graph.add("Mul", x.shape, x, x)


def _integer_power(graph: Graph, equation: core.JaxprEqn, x: Value) -> Value:
    return graph.add("Pow", x.shape, x, constant(np.float32(equation.params["y"])))


def _select(graph: Graph, _: Any, which: Value, if_not: Value, if_so: Value) -> Value:
    return graph.add("Where", _broadcast(which, if_not, if_so), which, if_so, if_not)


def _convert(graph: Graph, equation: core.JaxprEqn, x: Value) -> Value:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(equation.params["new_dtype"]))
    return graph.add("Cast", x.shape, x, to=kind)


ELEMENTWISE: Mapping[str, Rule] = {
    **{
        name: _operator(operator)
        for name, operator in {
            "add": "Add",
            "sub": "Sub",
            "mul": "Mul",
            "div": "Div",
            "max": "Max",
            "min": "Min",
            "neg": "Neg",
            "abs": "Abs",
            "exp": "Exp",
            "log": "Log",
            "sqrt": "Sqrt",
            "logistic": "Sigmoid",
            "gt": "Greater",
            "ge": "GreaterOrEqual",
            "lt": "Less",
            "le": "LessOrEqual",
            "eq": "Equal",
            "or": "Or",
            "and": "And",
        }.items()
    },
    "stop_gradient": _as_it_is,
    "ne": _not_equal,
    "rsqrt": _inverse_root,
    "log1p": _log_of_one_and,
    "square": _square,
    "integer_pow": _integer_power,
    "select_n": _select,
    "convert_element_type": _convert,
}
"""Primitives whose operators broadcast."""


def _convolve(graph: Graph, equation: core.JaxprEqn, x: Value, kernel: Value) -> Value:
    """NHWC, HWIO -> NHWC, as `models.nn.convolution` has it; ONNX has channels before rows."""
    params = equation.params
    if tuple(params["dimension_numbers"]) != ((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2)) or (
        kernel.constant is None or set(params["lhs_dilation"]) != {1} or params["batch_group_count"] != 1
    ):
        raise NotImplementedError("ONNX: no rule for this convolution")
    n, rows, columns, channels = shape_of(equation.outvars[0])
    (top, bottom), (left, right) = params["padding"]
    convolved = graph.add(
        "Conv",
        (n, channels, rows, columns),
        _transposed(graph, x, (0, 3, 1, 2)),
        constant(kernel.constant.transpose(3, 2, 0, 1)),
        strides=params["window_strides"],
        pads=(top, left, bottom, right),
        dilations=params["rhs_dilation"],
        group=params["feature_group_count"],
    )
    return _transposed(graph, convolved, (0, 2, 3, 1))


def _transposed(graph: Graph, x: Value, order: Sequence[int]) -> Value:
    return graph.add("Transpose", tuple(x.shape[axis] for axis in order), x, perm=order)


def _product(graph: Graph, equation: core.JaxprEqn, x: Value, y: Value) -> Value:
    (of_x, of_y), batch = equation.params["dimension_numbers"]
    if batch != ((), ()) or (tuple(of_x), tuple(of_y)) != ((len(x.shape) - 1,), (0,)) or len(y.shape) > 2:
        raise NotImplementedError("ONNX: no rule for this product")
    return graph.add("MatMul", shape_of(equation.outvars[0]), x, y)


def _reduced(operator: str) -> Rule:
    def rule(graph: Graph, equation: core.JaxprEqn, x: Value) -> Value:
        axes = integers(equation.params["axes"])
        return graph.add(operator, shape_of(equation.outvars[0]), x, axes, keepdims=0)

    return rule


def _to_shape(graph: Graph, equation: core.JaxprEqn, x: Value) -> Value:
    return _reshaped(graph, x, shape_of(equation.outvars[0]))


def _pad(graph: Graph, equation: core.JaxprEqn, x: Value, value: Value) -> Value:
    low, high, within = zip(*equation.params["padding_config"], strict=True)
    if any(within):
        raise NotImplementedError("ONNX: no rule for padding between elements")
    return graph.add("Pad", shape_of(equation.outvars[0]), x, integers([*low, *high]), value)


def _slice(graph: Graph, equation: core.JaxprEqn, x: Value) -> Value:
    params = equation.params
    steps = params["strides"] or (1,) * len(x.shape)
    # The axis of images is taken whole.
    known = [axis for axis, length in enumerate(x.shape) if length != ANY]
    bounds = [[of[axis] for axis in known] for of in (params["start_indices"], params["limit_indices"])]
    return _sliced(graph, equation, x, *bounds, known, [steps[axis] for axis in known])


def _reverse(graph: Graph, equation: core.JaxprEqn, x: Value) -> Value:
    axes = equation.params["dimensions"]
    return _sliced(
        graph, equation, x, *([of] * len(axes) for of in (-1, BEFORE_FIRST)), axes, [-1] * len(axes)
    )


def _sliced(graph: Graph, equation: core.JaxprEqn, x: Value, *of_axes: Sequence[int]) -> Value:
    """Slice by starts, ends, axes and steps."""
    return graph.add("Slice", shape_of(equation.outvars[0]), x, *map(integers, of_axes))


def _concatenate(graph: Graph, equation: core.JaxprEqn, *parts: Value) -> Value:
    shape = shape_of(equation.outvars[0])
    return graph.add("Concat", shape, *parts, axis=equation.params["dimension"])


def _split(graph: Graph, equation: core.JaxprEqn, x: Value) -> list[Value]:
    sizes = integers(equation.params["sizes"])
    shapes = [shape_of(out) for out in equation.outvars]
    return graph.add_several("Split", shapes, x, sizes, axis=equation.params["axis"])


def _largest(graph: Graph, equation: core.JaxprEqn, x: Value) -> list[Value]:
    """Of the last axis: the k largest, and where they are."""
    count = integers([equation.params["k"]])
    return graph.add_several("TopK", [shape_of(out) for out in equation.outvars], x, count)


RULES: Mapping[str, Rule] = {
    "conv_general_dilated": _convolve,
    "dot_general": _product,
    "reduce_sum": _reduced("ReduceSum"),
    "reduce_max": _reduced("ReduceMax"),
    "reshape": _to_shape,
    "squeeze": _to_shape,
    "expand_dims": _to_shape,
    "transpose": lambda graph, equation, x: _transposed(graph, x, equation.params["permutation"]),
    "pad": _pad,
    "slice": _slice,
    "rev": _reverse,
    "concatenate": _concatenate,
    "split": _split,
    "top_k": _largest,
}
"""Primitives that take their operands whole."""


def to_onnx(
    function: Callable[[jax.Array], jax.Array],
    images: Any,
    names: tuple[str, str],
    metadata: Mapping[str, str],
    producer: tuple[str, str],
) -> onnx.ModelProto:
    """Make an ONNX model of a function.

    Args:
        function: maps images [N, ...] to an array [N, ...].
        images: their shape and type, a `jax.ShapeDtypeStruct`, the number of images being symbolic.
        names: of the input and the output.
        metadata: texts by name, kept with the model.
        producer: name and version of what makes the model.

    Raises:
        NotImplementedError: the function does what there is no rule for.
    """
    jaxpr = jax.make_jaxpr(function)(images)
    graph = Graph()
    source, target = jaxpr.jaxpr.invars[0], jaxpr.jaxpr.outvars[0]
    (result,) = graph.write(jaxpr, [Value(names[0], shape_of(source))])
    graph.nodes.append(helper.make_node("Identity", [result.name], [names[1]]))

    def described(name: str, atom: Any) -> onnx.ValueInfoProto:
        shape = ["N" if length == ANY else length for length in shape_of(atom)]
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(atom.aval.dtype), shape)

    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            producer[0],
            [described(names[0], source)],
            [described(names[1], target)],
            list(graph.constants.values()),
        ),
        producer_name=producer[0],
        producer_version=producer[1],
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, dict(metadata))
    return model
