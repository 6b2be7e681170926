"""Exercises of worksheet 1."""
