"""What is made from the code: ``python -m docs.tables``, ``python -m docs.pipeline``."""
