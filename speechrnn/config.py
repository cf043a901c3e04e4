"""Settings: frozen dataclasses, one per stage, each value with its range. A unit ends a setting's name.

Settings are read once, passed down, and written beside the result; `speechrnn.settings` reads and writes them.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

from speechrnn.limits import WIDEST_BEAM, SplitBy
from speechrnn.records import Strict

Count = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, lt=1)]
NotNegative = Annotated[float, Meta(ge=0)]


_SAMPLES_PER_MS = 16
"""A window and a hop are whole numbers of samples, so that frames do not drift away from the time they claim."""


@dataclass(frozen=True, slots=True)
class FeatureConfig(Strict):
    """MFCC of 16 kHz speech.

    Attributes:
        window_ms: Length of the Hann window.
        hop_ms: From the start of one frame to the start of the next.
        mels: Triangular filters on the mel scale.
        coefficients: Cepstral coefficients kept, the zeroth among them.
        low_hz: Lower edge of the first filter.
        high_hz: Upper edge of the last filter.
    """

    window_ms: Annotated[float, Meta(ge=5, le=200)] = 25.0
    hop_ms: Annotated[float, Meta(ge=1, le=100)] = 10.0
    mels: Annotated[int, Meta(ge=1, le=512)] = 40
    coefficients: Count = 20
    low_hz: NotNegative = 20.0
    high_hz: Annotated[float, Meta(gt=0, le=8000)] = 7600.0

    @property
    def window_samples(self) -> int:
        """Samples of a window: the fewest that make a frame."""
        return round(self.window_ms * _SAMPLES_PER_MS)

    @property
    def hop_samples(self) -> int:
        """Samples from the start of one frame to the start of the next."""
        return round(self.hop_ms * _SAMPLES_PER_MS)

    def __post_init__(self) -> None:
        if self.coefficients > self.mels:
            raise ValueError(f"coefficients ({self.coefficients}) cannot exceed mels ({self.mels})")
        if self.low_hz >= self.high_hz:
            raise ValueError(f"low_hz ({self.low_hz}) must be below high_hz ({self.high_hz})")
        if self.hop_ms * _SAMPLES_PER_MS % 1 or self.window_ms * _SAMPLES_PER_MS % 1:
            raise ValueError(f"hop_ms ({self.hop_ms}) and window_ms ({self.window_ms}) must be multiples of 0.0625")
        if self.hop_ms > self.window_ms:
            raise ValueError(f"hop_ms ({self.hop_ms}) cannot exceed window_ms ({self.window_ms})")


@dataclass(frozen=True, slots=True)
class SynthConfig(Strict):
    """How text becomes speech.

    Attributes:
        voices: Who may speak: names, or patterns of names like kokoro-*.
        copies: Voices that say each sentence.
        tempo: Up to such a share faster or slower than the voice by itself, drawn for each utterance.
        pitch: Up to such a share higher or lower, the resonances of the mouth moving along; drawn likewise.
        seed: Of who says what, and how.
    """

    voices: Annotated[tuple[str, ...], Meta(min_length=1)] = ("*",)
    copies: Annotated[int, Meta(ge=1, le=10_000)] = 1
    tempo: Annotated[float, Meta(ge=0, le=0.3)] = 0.2
    pitch: Annotated[float, Meta(ge=0, le=0.3)] = 0.15
    seed: Natural = 0


@dataclass(frozen=True, slots=True)
class PrepareConfig(Strict):
    """How a corpus becomes splits and features.

    Attributes:
        lang: Language of the transcripts; empty for what the corpus says, English where it says nothing.
        numbers: Figures in transcripts keep their utterance out, or are spelled out.
        subsets: Parts of the corpus that are taken; none for all.
        split: Where the corpus has no splits of its own: hold out whole speakers, whole sentences (speakers are then
            shared) or single utterances (both are), or put everything into one split.
        held_out: Share of the utterances that goes to dev, and as much to test, where they are held out.
        dev_speakers: The speakers that make up dev; none to leave the choice to the corpus or to `split`.
        test_speakers: The speakers that make up test, likewise.
        speeds: Training utterances are taken once at each of these speeds; 1 is as they are.
        volume: Whether each training utterance is made louder or softer by a factor of its own.
        max_seconds: Longest utterance; longer ones are set aside.
        dtype: How the store keeps features.
        features: The MFCC.
        synth: The voices, where the corpus is made of text.
    """

    lang: str = ""
    numbers: Literal["refuse", "spell"] = "refuse"
    subsets: tuple[str, ...] = ()
    split: SplitBy = "speakers"
    held_out: Annotated[float, Meta(gt=0, le=0.4)] = 0.1
    dev_speakers: tuple[str, ...] = ()
    test_speakers: tuple[str, ...] = ()
    speeds: Annotated[tuple[Annotated[float, Meta(ge=0.5, le=2)], ...], Meta(min_length=1)] = (1.0,)
    volume: bool = False
    max_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 60.0
    dtype: Literal["float32", "float16"] = "float32"
    features: FeatureConfig = field(default_factory=FeatureConfig)
    synth: SynthConfig = field(default_factory=SynthConfig)

    def __post_init__(self) -> None:
        if len(set(self.speeds)) < len(self.speeds):
            raise ValueError(f"speeds ({', '.join(map(str, self.speeds))}) must differ")


@dataclass(frozen=True, slots=True)
class InputConfig(Strict):
    """What the network sees of the features.

    Attributes:
        cmvn: Mean and variance are taken from each utterance, or from the training corpus; by speaker, each named
            speaker's mean, over all that the split has of that person, is moved to the corpus's before all else.
        deltas: How many differences over time stand beside the coefficients.
        range_db: Energies further below the loudest count as so far below: what a room, a line or an encoder leaves
            in the pauses is no longer heard; 0 hears everything.
        equal_loudness: Whether each recording is made as loud as any other before it is varied, so that a soft voice or
            a distant microphone is heard like others. Only a network that normalises by the corpus hears loudness.
    """

    cmvn: Literal["utterance", "corpus", "speaker"] = "utterance"
    deltas: Annotated[int, Meta(ge=0, le=2)] = 0
    range_db: Annotated[float, Meta(ge=0, le=200)] = 0.0
    equal_loudness: bool = False


@dataclass(frozen=True, slots=True)
class NetworkConfig(Strict):
    """The network: what is in front, and the layers behind it.

    Attributes:
        kind: A perceptron over a frame and its neighbours, or the cell of recurrent layers.
        bidirectional: Whether each layer also reads backward in time; a perceptron, whether it sees what follows.
        front: Neighbouring frames are stacked, or convolved.
        stack: Frames that become one.
        kernel: Frames that a convolution sees.
        context: Frames, after stacking, that a perceptron sees on each side.
        layers: How many.
        units: Cells a layer and direction; a perceptron's, and a convolution's channels.
        dropout: Share of each layer's outputs that is set to zero in training.
    """

    kind: Literal["mlp", "rnn", "gru", "lstm"] = "lstm"
    bidirectional: bool = True
    front: Literal["stack", "convolution"] = "stack"
    stack: Annotated[int, Meta(ge=1, le=1000)] = 3
    kernel: Annotated[int, Meta(ge=1, le=1001)] = 11
    context: Annotated[int, Meta(ge=0, le=1000)] = 5
    layers: Annotated[int, Meta(ge=1, le=64)] = 3
    units: Annotated[int, Meta(ge=1, le=8192)] = 256
    dropout: Share = 0.2

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel ({self.kernel}) must be odd, so that it has a middle")


@dataclass(frozen=True, slots=True)
class AugmentConfig(Strict):
    """How training utterances are varied, drawn anew each epoch; all zero leaves them as they are.

    Attributes:
        tempo: Speech becomes faster or slower by up to this share.
        vocal_tract: Frequencies are stretched or squeezed by up to this share.
        microphone_db: Loudness is raised or lowered by up to so many decibels, and once more band by band; only a
            network that normalises by the corpus hears it.
        silence_ms: Up to so long a pause, as quiet as the utterance ever is, is put before and behind it.
        channel_mixing: Each mel channel takes in drawn shares, of about this size, of its neighbours' movements:
            another voice's formants.
        reverberation_ms: A room is put around it, whose sound falls by 60 dB within up to so long.
        noise: A folder of recordings of noise, pieces of which are put behind it; empty for none.
        noise_share: Share of the utterances that get noise.
        noise_alone: Share of the utterances in whose place there is nothing but noise, recorded or drawn, and no text.
        low_snr_db: The lowest signal-to-noise ratio that is drawn.
        high_snr_db: The highest.
        telephone_share: Share of the utterances of which nothing above 3.4 to 4 kHz is left; it sounds like a line only
            where each utterance is normalised by itself (input.cmvn).
        frequency_masks: Bands of mel channels that are blotted out.
        frequency_mask_mels: Greatest width of such a band.
        time_masks_per_second: Stretches of time that are blotted out.
        time_mask_ms: Greatest length of such a stretch.
        masks_from: Share of all epochs that pass before anything is blotted out: masks slow the beginning down, and
            keep the end from learning by heart.
    """

    tempo: Share = 0.0
    vocal_tract: Share = 0.0
    microphone_db: Annotated[float, Meta(ge=0, le=60)] = 0.0
    silence_ms: Annotated[float, Meta(ge=0, le=60_000)] = 0.0
    channel_mixing: Share = 0.0
    reverberation_ms: Annotated[float, Meta(ge=0, le=60_000)] = 0.0
    noise: str = ""
    noise_share: Annotated[float, Meta(ge=0, le=1)] = 0.5
    noise_alone: Share = 0.0
    low_snr_db: Annotated[float, Meta(ge=-100, le=100)] = 5.0
    high_snr_db: Annotated[float, Meta(ge=-100, le=100)] = 30.0
    telephone_share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    frequency_masks: Annotated[int, Meta(ge=0, le=100)] = 0
    frequency_mask_mels: Count = 8
    time_masks_per_second: Annotated[float, Meta(ge=0, le=100)] = 0.0
    time_mask_ms: Annotated[float, Meta(gt=0, le=60_000)] = 250.0
    masks_from: Share = 0.0

    def __post_init__(self) -> None:
        if self.low_snr_db > self.high_snr_db:
            raise ValueError(f"low_snr_db ({self.low_snr_db}) must not be above high_snr_db ({self.high_snr_db})")


@dataclass(frozen=True, slots=True)
class OptimizerConfig(Strict):
    """AdamW and its schedule.

    Attributes:
        learning_rate: The peak.
        warmup: Share of all steps over which the rate rises from zero to the peak.
        decay: The shape of its fall to zero over the remaining steps.
        weight_decay: Decoupled decay of weight matrices; biases have none.
        max_gradient_norm: Larger gradients are scaled down to this norm.
        average: Decay a step of the weights' exponential moving average, 0.999 say, which each epoch is judged beside
            the weights themselves, and kept where it is better on dev; 0 for none.
    """

    learning_rate: Annotated[float, Meta(gt=0, le=100)] = 1e-3
    warmup: Share = 0.05
    decay: Literal["cosine", "linear", "none"] = "cosine"
    weight_decay: NotNegative = 0.01
    max_gradient_norm: Positive = 1.0
    average: Share = 0.0


@dataclass(frozen=True, slots=True)
class TrainingConfig(Strict):
    """The run.

    Attributes:
        epochs: Passes over the training split.
        patience: Epochs without a better dev word error rate after which the run ends; 0 for never.
        batch_seconds: Speech in one batch, padding counted.
        intermediate: The middle layer's share of the loss, which is read off it by the output as it is off the last
            layer; 0 for none.
        phones: The share of the loss on phones, which a second output then reads beside the letters; 0 for none. A
            language model or a vocabulary reads by them. English only.
        seed: Of the weights, the order of the batches, dropout and augmentation.
        precision: float32, or bfloat16 within the network where "auto" finds that it is faster.
        threads: Of the processor; 0 for as many as a trial before the run finds fastest, all where a GPU
            computes.
        dev_split: The split that epochs are judged on.
        save_minutes: Between two saved states within an epoch; each epoch ends with one.
    """

    epochs: Annotated[int, Meta(ge=1, le=1_000_000)] = 40
    patience: Natural = 0
    batch_seconds: Annotated[float, Meta(gt=0, le=1_000_000)] = 100.0
    intermediate: Share = 0.0
    phones: Share = 0.0
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: Annotated[int, Meta(ge=0, le=1024)] = 0
    dev_split: str = "dev"
    save_minutes: Positive = 10.0


@dataclass(frozen=True, slots=True)
class BeamConfig(Strict):
    """How a beam search weighs what it knows.

    Attributes:
        beam_width: Prefixes that are kept at each frame.
        beam_cut: Prefixes that are so much less probable than the best, in nats, are dropped.
        lm_weight: Factor of the language model's log-probability.
        word_bonus: Nats for each word; a language model alone prefers few words.
        unknown_penalty: Nats for each word that the language model does not know.
        prior_weight: How much of the logarithm of a phone's mean probability is taken off its own, where phones are
            read: a network that has heard little of a phone hardly dares to hear it.
        temperature: What the logarithm of a word's confidence is divided by, whatever the model; 0 for what that says.
    """

    beam_width: Annotated[int, Meta(ge=1, le=WIDEST_BEAM)] = 50
    beam_cut: Annotated[float, Meta(gt=0, le=1_000_000_000)] = 14.0
    lm_weight: Annotated[float, Meta(ge=0, le=100)] = 0.7
    word_bonus: Annotated[float, Meta(ge=-100, le=100)] = 1.0
    unknown_penalty: Annotated[float, Meta(ge=-1000, le=0)] = -5.0
    prior_weight: Annotated[float, Meta(ge=0, le=10)] = 0.5
    temperature: Annotated[float, Meta(ge=0, le=1000)] = 0.0


@dataclass(frozen=True, slots=True)
class Recipe(Strict):
    """Everything that decides what a training run does with a prepared corpus."""

    input: InputConfig = field(default_factory=InputConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        if self.training.intermediate and self.network.layers == 1:
            raise ValueError("training.intermediate needs a layer before the last; network.layers is 1")
