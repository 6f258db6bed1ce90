"""One step of one way alone in a process: python benchmarks/step.py WAY STEP FOLDER.

WAY is published, library or irreducible. Prints JSON: the seconds of the step itself, without the
start of the process and the loading of networks, the images, and the peak memory.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path

from facexpr.stage import peak_memory


def main() -> None:
    """Load, then measure."""
    way, step, folder = import_module(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    ready = [way.load_detector(folder)] if step == "detect" else []
    began = time.perf_counter()
    images = getattr(way, step)(folder, *ready)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "images": images, "peak_mib": peak_memory() / 2**20}))


if __name__ == "__main__":
    main()
