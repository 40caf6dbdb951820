"""Classes that were defined in the cells of a notebook: their code as a module, and its digest.

A job runs in another process, which has no notebook. So what it needs is written down as source: the
class, and whatever of the notebook it reaches. Nothing is pickled.

- `texts`: the cells that ran, and the statement in them that defines something;
- `finding`: the statement that made a class or a function;
- `names`: the global names that a statement uses, and when;
- `literals`: plain values as the text that makes them again;
- `definitions`: what a name of the notebook becomes in the module;
- `snapshots`: what names stood for when something was defined;
- `closure`: all that a class reaches, and its digest;
- `shipping`: the module that a job gets.

Rules: the notebook is only read; what is found is kept until a name that was used stands for
something else; this package is loaded when a class of a notebook is first defined, never in a job.
"""

from experimaestro.core.cells.closure import closure, current, identity
from experimaestro.core.cells.shipping import Module, Shipped, module, shipped

__all__ = ["Module", "Shipped", "closure", "current", "identity", "module", "shipped"]
