"""A model that was exported: one graph from the signal to log_probs, run without torch."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.errors import AudioError, ModelError
from speechrnn.modelinfo import METADATA_KEY, ModelInfo, parse_info

_ERRORS_ONLY = 3

OUTPUTS = ("log_probs", "phone_log_probs")
"""The graph's outputs; the second one where the model reads phones."""

SPEAKER_MEAN = "speaker_mean"
"""The input that a graph has beside the signal where the model was taught by speaker, (coefficients,)."""

_FLOATS = "tensor(float)"

_LOUDEST = 1e16
"""The energy of a window of such samples still fits float32; the graph's cells would turn infinity into numbers."""


class OnnxListener:
    """An exported model on the CPU, in one thread: many recordings are spread over the cores instead."""

    def __init__(
        self, session: onnxruntime.InferenceSession, info: ModelInfo, mean: NDArray[np.float32] | None = None
    ) -> None:
        """Takes the graph, what it says about itself, and the mean of all MFCC of the one who speaks, if known."""
        self._session = session
        self._info = info
        self._known = {} if mean is None else {SPEAKER_MEAN: mean}

    @classmethod
    def load(cls, path: Path) -> "OnnxListener":
        """Returns the model in a file.

        Raises:
            ModelError: It cannot be read, or is no model of ours.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        try:
            session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
            metadata = session.get_modelmeta().custom_metadata_map
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
        except Exception as error:
            raise ModelError(f"{path}: no ONNX model, or cut short; export or copy it again") from error
        info = parse_info(metadata.get(METADATA_KEY), path)
        counts = [symbols.classes for symbols in (info.alphabet, info.phones) if symbols is not None]
        outputs = [(name, _FLOATS, [count]) for name, count in zip(OUTPUTS, counts, strict=False)]
        found = [(one.name, one.type, list(one.shape)[1:]) for one in (*session.get_inputs(), *session.get_outputs())]
        settable = [(one.name, one.type, list(one.shape)) for one in session.get_overridable_initializers()]
        by_speaker = [(SPEAKER_MEAN, _FLOATS, [info.features.coefficients])] * (info.recipe.input.cmvn == "speaker")
        if found != [("signal", _FLOATS, []), *outputs] or settable != by_speaker:
            raise ModelError(f"{path}: its graph is another than it says; export or copy it again")
        return cls(session, info)

    @property
    def info(self) -> ModelInfo:
        """Alphabet, features, language, provenance."""
        return self._info

    def for_speaker(self, mean: NDArray[np.float32]) -> "OnnxListener":
        """Returns the same for one whose MFCC have that mean, (coefficients,); it must have been taught by speaker."""
        return OnnxListener(self._session, self._info, mean)

    def compute_log_probs(self, signal: Signal, phones: bool = False) -> NDArray[np.float32]:
        """Returns log_probs (frames, classes), natural log, of a signal (samples,) at 16 kHz, or those of its phones.

        Raises:
            AudioError: The signal is shorter than one window, or its energy exceeds float32.
        """
        features = self.info.features
        if len(signal) < features.window_samples:
            raise AudioError(
                f"{1000 * len(signal) / SAMPLE_RATE:.1f} ms of sound, shorter than one window of"
                f" {features.window_ms} ms"
            )
        if (loudest := np.abs(signal).max()) > _LOUDEST:
            raise AudioError(f"samples of up to {loudest:.0e} are too large; export it within [-1, 1]")
        log_probs: NDArray[np.float32] = self._session.run([OUTPUTS[phones]], {"signal": signal, **self._known})[0]
        return log_probs
