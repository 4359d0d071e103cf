"""The road of a picture, a file a stage, gone by ``extract`` from detection on.

``decode`` makes pixels of bytes (``formats`` tells what they are, ``readers`` loads them),
``detect`` finds faces (``resample`` scales for it, ``boxes`` has its arithmetic), ``quality``
measures them, ``align`` cuts crops, ``embed`` makes embeddings. ``types`` has the values that
travel along it; ``context`` keeps what is around a face, for another embedder later.
"""
