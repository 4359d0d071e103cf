"""Speed and memory, side by side with the libraries Facesite comes from: ``make bench``."""
