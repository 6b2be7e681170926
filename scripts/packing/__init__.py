"""What scripts/pack.py puts into a pack, and the folder that remembers what lies in it whole."""
