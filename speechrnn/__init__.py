"""SpeechRNN: MFCC features, a bidirectional LSTM, the CTC loss, and an honest word error rate."""

__version__ = "0.1.0"
