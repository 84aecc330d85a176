"""Benchmarks of skweak: ``python -m benchmarks run``, ``demo``, ``speed``."""
