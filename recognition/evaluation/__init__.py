"""Measuring error rates on photographs of known people; called by commands alone."""
