"""Exercises of worksheet 2."""
