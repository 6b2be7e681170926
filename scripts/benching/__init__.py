"""What scripts/bench.py runs: one model and one data set for all arms, each arm in a process of its own."""
