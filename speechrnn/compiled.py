"""Loops that numba compiles, once a machine: the result is kept beside the module, or in the user's cache."""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys
from numba.extending import register_jitable

wide = cast(Callable[[int], int], np.int64)
"""An integer as those of other widths, and literals, are passed on: each kind of argument is compiled by itself."""

_parts: set[Callable[..., Any]] = set()
"""What `compiled_within` has been given."""

_unkept: set[Callable[..., Any]] = set()
"""What each process compiles anew."""

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Returns a function on numbers and arrays as machine code, compiled at its first call.

    Dividing by zero gives what numpy gives, and raises nothing: a loop that had to look out for it could not compute
    several numbers at once.

    The result is kept until a module changes that holds the function, or a function that is compiled into it; a
    constant of another module is not looked at.
    """
    try:
        dispatcher: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
        dispatcher._cache = _QuickCache(function)
    except RuntimeError:  # neither the package nor the user's cache can be written
        _unkept.add(function)
        dispatcher = numba.njit(nogil=True, error_model="numpy")(function)
    return cast(Callable[P, R], dispatcher)


def explain_compiling() -> str:
    """Returns whether what is compiled now will be again."""
    if _unkept:
        return "each time, for there is no folder to keep that in; NUMBA_CACHE_DIR in the environment names one"
    return "that happens once"


def compiled_within(function: Callable[P, R]) -> Callable[P, R]:
    """Returns a function that becomes part of what `compiled` ones make of it, and stays Python where Python calls it.

    So nothing is compiled that would only take its arguments from Python, which is more than most of these do.
    """
    _parts.add(function)
    return cast(Callable[P, R], register_jitable(error_model="numpy")(function))


class _QuickCache(FunctionCache):  # type: ignore[misc]
    """What numba has kept of a function, loaded without all that only compiling needs: SciPy's algebra, for example."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._function, self._stamped = function, False

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Returns the machine code for arguments of these types, or None where none is kept, or what is was damaged."""
        self._stamp()
        for load in (self._load_quickly, super().load_overload):
            with suppress(Exception):  # of a numba with other insides; of a damaged file, whatever pickle thinks of it
                return load(sig, target_context)
        self.flush()
        return None

    def _stamp(self) -> None:
        """Ties what is kept to the content of all modules that it was compiled from, which are imported by now."""
        if not self._stamped:
            self._stamped = True
            sources = sorted({part.__code__.co_filename for part in _find_parts(self._function)})
            with suppress(OSError):  # there may be no files, but an archive: then numba's own stamp stays
                self._cache_file._source_stamp = [sha256(Path(source).read_bytes()).hexdigest() for source in sources]

    def _load_quickly(self, sig: Any, target_context: Any) -> Any:
        rtsys.initialize(target_context)  # of what `super` makes ready, all that machine code needs
        return self._load_overload(sig, target_context)


def _find_parts(function: Any) -> set[Any]:
    """Returns a function, and all that is compiled into it."""
    found, waiting = set(), [function]
    while waiting:
        one = waiting.pop()
        found.add(one)
        for name in one.__code__.co_names:
            other = one.__globals__.get(name)
            inner = getattr(other, "py_func", other)  # where `compiled` made it
            if isinstance(inner, FunctionType) and (inner is not other or inner in _parts) and inner not in found:
                waiting.append(inner)
    return found
