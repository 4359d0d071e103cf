"""The 1:N search: whom a probe resembles, of the people of one gallery.

From the outside in: ``follow`` brings this process's indexes to the head of the change log;
``exact`` is the index of one gallery, where searches run side by side (``lock``). ``hunt`` is one
search through its pieces (``segment``): ``codes`` tells who may be similar enough, from what
``codebook`` wrote of everybody, and only those are compared. ``places`` knows who is in which row,
``workers`` shares the pieces out among cores. ``cache`` keeps all templates in Redis too, in sealed
blocks of ``rows``, for the next start.

Where one machine is not enough, ``engine`` searches in ``milvus`` instead, where templates lie
turned (``turn``), and ``sync`` mends what differs from the database. ``index`` is what both ways
promise. ``breaker`` leaves a service that failed alone for a while.
"""
