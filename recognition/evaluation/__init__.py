"""Error rates measured on photographs of known people, and what looks wrong in a gallery."""
