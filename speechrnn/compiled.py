"""Loops that numba compiles, once a machine: the result is kept beside the module, or in the user's cache."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys

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
        dispatcher: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
        dispatcher._cache = _QuickCache(function)
    except RuntimeError:  # neither the package nor the user's cache can be written: compiled anew in each process
        dispatcher = numba.njit(nogil=True, error_model="numpy")(function)
    return cast(Callable[P, R], dispatcher)


class _QuickCache(FunctionCache):  # type: ignore[misc]
    """What numba has kept of a function, loaded without all that only compiling needs: SciPy's algebra, for example."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Returns the machine code for arguments of these types, or None where none is kept, or what is was damaged."""
        for load in (self._load_quickly, super().load_overload):
            with suppress(Exception):  # of a numba with other insides; of a damaged file, whatever pickle thinks of it
                return load(sig, target_context)
        self.flush()
        return None

    def _load_quickly(self, sig: Any, target_context: Any) -> Any:
        rtsys.initialize(target_context)  # of what `super` makes ready, all that machine code needs
        return self._load_overload(sig, target_context)
