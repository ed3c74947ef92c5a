"""JupyterLab as `make lab` starts it, on a folder of this test, driven like a person would."""

import json
import os
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
START_S, RUN_S, LOOK_MS = 60.0, 240.0, 500
TOKEN = "a-test"  # of this server alone, which only this machine can reach


def command_of_make(*more: str) -> list[str]:
    """The words by which `make lab` starts JupyterLab, with this very Python."""
    done = subprocess.run(
        ["make", "--dry-run", "lab", f"ARGS={shlex.join(more)}"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=20,
    )  # fmt: skip
    start = done.stdout.index(".venv/bin/python -m jupyterlab")
    words = shlex.split(done.stdout[start:].replace("\\\n", " "))
    assert words[0] == ".venv/bin/python", words
    return [sys.executable, *words[1:]]


@contextmanager
def lab(folder: Path) -> Iterator[str]:
    """Serve the folder; gives the address of a notebook `{}` in it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = command_of_make(
        "--no-browser", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={TOKEN}", "--allow-root",
    )  # fmt: skip
    words.remove("notebooks/00_tour.ipynb")  # the folder of the test is served, not ours
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        **{
            f"JUPYTER_{name}_DIR": str(folder / "jupyter") for name in ("CONFIG", "DATA", "RUNTIME")
        },
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    with (folder / "lab.log").open("w") as log:
        server = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/api?token={TOKEN}", server, folder / "lab.log")
            yield f"http://127.0.0.1:{port}/lab/tree/{{}}?token={TOKEN}"
        finally:
            server.terminate()
            server.wait(20)


def run_all(page: Page, notebook: Path) -> list[dict[str, Any]]:
    """Run all cells by the menu, and give the code cells of the notebook as it was saved then."""
    page.locator(".jp-Notebook").wait_for(timeout=START_S * 1000)
    # The notebook's own mark says idle before it has a kernel; the bar at the bottom does not.
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=START_S * 1000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator("li[data-command='runmenu:run-all']").click()
    until = time.monotonic() + RUN_S
    while time.monotonic() < until:
        page.wait_for_timeout(LOOK_MS)
        page.keyboard.press("Control+s")
        try:
            content = json.loads(notebook.read_text("utf-8"))
        except json.JSONDecodeError:
            continue  # it is being saved
        cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        if cells[-1]["execution_count"] or errors_of(cells):
            return cells
    raise AssertionError(f"not done after {RUN_S:g} s")


def errors_of(cells: list[dict[str, Any]]) -> list[str]:
    """What went wrong in the cells."""
    outputs = [output for cell in cells for output in cell["outputs"]]
    return [f"{o['ename']}: {o['evalue']}" for o in outputs if o["output_type"] == "error"]


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text("utf-8")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text("utf-8"))
