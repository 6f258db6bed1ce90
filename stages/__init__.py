"""The pipeline's stages: each reads params.yaml, calls facexpr, and writes its outputs."""
