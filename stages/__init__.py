"""The pipeline's stages: each reads params.yaml, calls facexpr, and writes its outputs."""

import facexpr.stage  # noqa: F401  first of all: it notes who started this process
