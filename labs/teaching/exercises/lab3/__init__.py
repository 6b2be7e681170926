"""Exercises of worksheet 3."""
