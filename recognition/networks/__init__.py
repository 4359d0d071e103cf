"""Where networks come from: found or fetched, checked, converted once, and run.

``catalogue`` names them and their terms. ``prepare`` looks for weights in packages (``sources``)
or downloads them (``download``), has them converted (``convert``, ``dlib_resnet``) and kept
(``store``, ``files``). A server needs ``catalogue``, ``store`` and ``session``, which runs them.
"""
