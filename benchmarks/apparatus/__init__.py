"""What the benchmarks measure with, and against: servers, the floor, photographs, samples of where time goes."""
