"""Old paths below `experimaestro.scheduler`, found there through its `__path__`."""
