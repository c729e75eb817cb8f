"""Judging honestly: every number beside doing nothing and the formulation's ceiling, split by person."""
