"""Loops that numba compiles, once a machine: the result is kept beside the module, or in the user's cache."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Returns a function on numbers and arrays as machine code, compiled at its first call.

    Dividing by zero gives what numpy gives, and raises nothing: a loop that had to look out for it could not compute
    several numbers at once.

    The result is kept until the function's own module changes, though what it calls is compiled into it: whoever edits
    that, in another module, removes `__pycache__`.
    """
    try:
        return cast(Callable[P, R], numba.njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:  # neither the package nor the user's cache can be written: compiled anew in each process
        return cast(Callable[P, R], numba.njit(nogil=True, error_model="numpy")(function))
