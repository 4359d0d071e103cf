def draw(result, path): pass
