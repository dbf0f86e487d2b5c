"""Waiting for, and being killed at, an instant of CLOCK_BOOTTIME; Python offers neither (3.11).

CLOCK_MONOTONIC, which Python's own waits use, stands still while the machine is suspended.
"""

import ctypes
import os
import signal
import time
from errno import EINTR
from typing import Final

_TIMER_ABSTIME: Final = 1
_SIGEV_SIGNAL: Final = 0
_FALLBACK_S: Final = 0.2
_NS: Final = 1_000_000_000

_libc = ctypes.CDLL(None, use_errno=True)


class _TimeSpec(ctypes.Structure):
    _fields_ = (("sec", ctypes.c_long), ("nsec", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class _SigEvent(ctypes.Structure):  # <asm-generic/siginfo.h>: 64 bytes
    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("pad", ctypes.c_char * 48),
    )


def _spec(boot_ns: int) -> _TimeSpec:
    return _TimeSpec(boot_ns // _NS, boot_ns % _NS)


def sleep_until(boot_ns: int) -> None:
    """Sleep until about an instant; may return early, so look at the clock again."""
    failed = _libc.clock_nanosleep(
        time.CLOCK_BOOTTIME, _TIMER_ABSTIME, ctypes.byref(_spec(boot_ns)), None
    )
    if failed not in (0, EINTR):  # whoever waits here must never wait for good, nor spin
        time.sleep(_FALLBACK_S)


class KillTimer:
    """Has the kernel SIGKILL this process at an instant, whatever it is doing then.

    It needs no thread, no interpreter and no lock, and it ends a *stopped* process too, whose
    sockets would otherwise stay open. A forked child does not inherit it (timer_create(2)).
    """

    def __init__(self) -> None:
        self._timer = ctypes.c_void_p()
        event = _SigEvent(None, int(signal.SIGKILL), _SIGEV_SIGNAL)
        if _libc.timer_create(time.CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(self._timer)):
            raise OSError(ctypes.get_errno(), "timer_create: " + os.strerror(ctypes.get_errno()))

    def set(self, boot_ns: int) -> None:
        """Move the instant; one that has passed kills at once."""
        spec = _TimerSpec(_TimeSpec(0, 0), _spec(boot_ns))
        if _libc.timer_settime(self._timer, _TIMER_ABSTIME, ctypes.byref(spec), None):
            raise OSError(ctypes.get_errno(), "timer_settime: " + os.strerror(ctypes.get_errno()))
