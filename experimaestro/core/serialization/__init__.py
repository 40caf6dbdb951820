"""Configurations as JSON values, and back: as the objects of a job, or as configurations.

The form is that of `params.json` version 3, so that earlier workspaces are read and ours can be read
there. Objects are numbered and written with their children first. What the form lacks is added around it:
a dictionary that JSON would confuse with a mark (it has a key `"type"`, or keys that are no strings) is
`{"type": "dict", "items": [[key, value], ...]}`, and a tuple whose parameter does not say that it is one
is `{"type": "tuple", "items": [...]}`.

Rules: only `saving` opens files. Nothing that a file says is executed, except importing the modules of
the classes that it names; whatever else is wrong in it is a `FormatError` with file, object and key.

- `writing`: configurations to JSON values; `reading`: JSON values to values, and which objects are used.
- `instances`: the objects that a job runs, straight from JSON: what each job waits for.
- `configurations`: configurations, sealed and with the identifiers that were written.
- `saving`: a folder with a configuration and the data that belong to it.
"""

from experimaestro.core.serialization.instances import load_instances
from experimaestro.core.serialization.writing import dump_objects

__all__ = ["dump_objects", "load_instances"]
