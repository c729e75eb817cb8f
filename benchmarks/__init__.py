"""What the speed claims are made with: `python -m benchmarks.pipeline`, `python -m benchmarks.lift`."""
