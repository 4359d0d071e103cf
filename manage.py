#!/usr/bin/env python
"""Run one of Facesite's commands; ``manage.py help`` lists them."""

from facesite.__main__ import main

if __name__ == "__main__":
    main()
