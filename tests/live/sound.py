"""What phones hear: each plays a tone of its own and records the other's."""

import glob
import math
import os
import struct
import wave

SHARE = 0.8  # of the sound must be the tone: packets that came late leave a click

MODULES = "module g711.so\nmodule sndfile.so\nsnd_path {folder}\n"


class Recorder:
    """Part of a phone with a tone: what it plays and keeps. The folder is its own, of configuration and recordings."""

    def with_sound(self, config, tone, folder):
        """The configuration of baresip with that tone (Hz) for its microphone, and a recorder."""
        self.tone, self.folder = tone, folder
        return config.replace("ausine,440", f"ausine,{tone}").replace("module g711.so\n", MODULES.format(folder=folder))

    def recordings(self):
        """The files of what it heard, one a call, the oldest first."""
        return sorted(glob.glob(os.path.join(self.folder, "dump-*-dec.wav")))

    def recording(self):
        """What it heard in its last call: (samples, rate)."""
        names = self.recordings()
        if not names:
            return [], 8000
        with wave.open(names[-1], "rb") as sound:
            data = sound.readframes(sound.getnframes())
            samples = struct.unpack(f"<{len(data) // 2}h", data)[::sound.getnchannels()]
            return samples, sound.getframerate()


def power(samples, rate, tone):
    """How much of the sound is that tone, 0 to 1 (Goertzel)."""
    if not samples:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * tone / rate)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    energy = sum(sample * sample for sample in samples)
    found = before * before + last * last - turn * before * last
    return 2 * found / (len(samples) * energy) if energy else 0.0


def check_sound(tally, phone, other, what):
    """True if the last second of what the phone recorded is the other's tone."""
    samples, rate = phone.recording()
    share = power(samples[-rate:], rate, other.tone)
    return tally.check(f"{phone.user} hears {other.user}'s tone ({what})", share > SHARE,
                       f"{len(samples)} samples at {rate}, {share:.2f} of the last second is {other.tone} Hz")
