"""The one place that imports torchaudio: its Python parts, beside any build of torch.

The wheel's compiled part links CUDA libraries. Beside a torch built for the CPU, or for another CUDA, importing
it raises; the transforms, the functional and the datasets need none of it. Where it cannot load, an empty
stand-in takes its place, and torchaudio is imported again.
"""

import sys
from types import ModuleType

try:
    import torchaudio
except (OSError, RuntimeError, ImportError):
    for _name in [name for name in sys.modules if name == "torchaudio" or name.startswith("torchaudio.")]:
        del sys.modules[_name]
    _stand_in = ModuleType("torchaudio._extension")
    _stand_in.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False, _IS_ALIGN_AVAILABLE=False, fail_if_no_align=lambda function: function
    )
    sys.modules["torchaudio._extension"] = _stand_in
    import torchaudio

functional = torchaudio.functional
transforms = torchaudio.transforms
