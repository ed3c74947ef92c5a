"""What the figures were measured on: processor, its vector instructions, versions."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "gpt-trader", "numba", "llvmlite", "numpy", "pandas", "vectorbt", "vectorbt-rust",
    "backtesting", "hftbacktest", "TA-Lib",
)  # fmt: skip
SHOWN_FLAGS = ("sse2", "sse4_2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512dq",
               "avx512vl", "avx512_vbmi2", "neon", "asimd", "sve")  # fmt: skip


def described() -> dict[str, str]:
    """Processor, flags, cores and versions, by name."""
    facts = _processor()
    return {
        "processor": facts.get("model name", platform.processor() or platform.machine()),
        "vector flags": " ".join(
            flag
            for flag in SHOWN_FLAGS
            if flag in facts.get("flags", facts.get("Features", "")).split()
        ),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _processor() -> dict[str, str]:
    """The first processor's lines; empty where the system has no such file."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    lines = path.read_text("utf-8").partition("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
