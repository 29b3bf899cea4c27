"""That einsums that are no product of matrices are what TensorFlow computes."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf
from lowerings import converted, lowered_ops


def _numbers(*shape: int) -> np.ndarray:
    # integers, whose sums are exact in any order
    return np.random.default_rng(0).integers(-9, 9, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("bij,ij->b", [(2, 3, 4), (3, 4)]),
        ("bi,bi->b", [(2, 3), (2, 3)]),
        ("i,i->", [(3,), (3,)]),
        ("bi,bj->bij", [(2, 3), (2, 4)]),
        ("bi,j->jbi", [(2, 3), (4,)]),
        ("bij->b", [(2, 3, 4)]),
        ("bii->b", [(2, 3, 3)]),
        ("bii->bi", [(2, 3, 3)]),
        ("bii,ij->bj", [(2, 3, 3), (3, 4)]),
        ("biij,iii->bj", [(2, 3, 3, 4), (3, 3, 3)]),
        ("bij->jb", [(2, 3, 4)]),
        ("bij,jk->bk", [(2, 3, 4), (4, 5)]),
        ("...i,i->...", [(2, 3, 4), (4,)]),
        ("b...,...->b...", [(2, 3, 4), (3, 4)]),
    ],
)
def test_einsum_is_the_same(
    equation: str, shapes: list[tuple[int, ...]], tmp_path: pathlib.Path
) -> None:
    specs = [
        ([None, *shape[1:]] if i == 0 else [*shape], tf.float32) for i, shape in enumerate(shapes)
    ]
    lowered = converted(tmp_path, lambda *x: tf.einsum(equation, *x), *specs)
    assert "einsum" in lowered.split.lowered
    lowered.check_same(*(_numbers(*shape) for shape in shapes))


@pytest.mark.parametrize("equation", ["bij,jk->bik", "bij,bjk->bik", "ij,kj->ik"])
def test_product_of_matrices_stays(equation: str, tmp_path: pathlib.Path) -> None:
    ranks = [len(operand) for operand in equation.partition("->")[0].split(",")]
    specs = [([2] * rank, tf.float32) for rank in ranks]
    assert "einsum" not in lowered_ops(tmp_path, lambda *x: tf.einsum(equation, *x), *specs)


def test_infinity_beside_the_diagonal_does_not_count(tmp_path: pathlib.Path) -> None:
    x = np.where(np.eye(3), _numbers(2, 3, 3), np.float32(np.inf))
    lowered = converted(tmp_path, lambda x: tf.einsum("bii->b", x), ([None, 3, 3], tf.float32))
    lowered.check_same(x)
