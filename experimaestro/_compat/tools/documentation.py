"""Whether each configuration class of a package is in its documentation, as a test can ask.

The pages are read as text, so that neither Sphinx nor what its extensions need is required: what
counts is a directive that names the class, in any `.rst` or `.md` file beside the first page or below.
"""

import re
import sys
from collections.abc import Collection, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from experimaestro.core.base import Configuration
from experimaestro.core.deprecation import deprecation_of
from experimaestro.core.objects import Config

_DIRECTIVE = re.compile(
    r"^\s*(?:\.\. |[`:]{3,}\{)(?:py:)?(currentmodule|module|automodule|auto\w+)(?:::|\})[ ]*([\w.]+)"
    r"(?:[^\n]*\n\s*:members:)?",
    re.MULTILINE,
)


class DocumentationAnalyzer:
    """Compares the configuration classes of packages with the directives of documentation pages.

    Args:
        doc_path: The first page; pages beside it and in folders below are read as well.
        modules: Names of packages whose classes are looked for.
        excluded: Names of modules, or of classes, that need no documentation; they are not imported.

    Attributes:
        undocumented: Classes that no page names, as `package.module.Class`.
        falsely_documented: Names after `autoxpmconfig` that are no configuration class.
        parsing_errors: Modules that could not be imported, one sentence each.

    Example:
        >>> analyzer = DocumentationAnalyzer(Path("docs/index.rst"), {"study"}, {"study.test"})
        >>> analyzer.analyze()  # doctest: +SKIP
        >>> analyzer.assert_valid_documentation()  # doctest: +SKIP
    """

    def __init__(self, doc_path: Path, modules: Collection[str], excluded: Collection[str] = ()) -> None:
        self.doc_path = Path(doc_path)
        self.modules = modules
        self.excluded = excluded
        self.undocumented: list[str] = []
        self.falsely_documented: list[str] = []
        self.parsing_errors: list[str] = []

    def analyze(self) -> None:
        """Imports the packages, reads the pages and compares."""
        classes = sorted({name for package in self.modules for name in self._classes(package)})
        documented, whole_modules, named = self._documented()
        self.undocumented = [
            name
            for name in classes
            if name not in documented and name.rpartition(".")[0] not in whole_modules
        ]
        self.falsely_documented = sorted(
            name
            for name in named
            if name.partition(".")[0] in {module.partition(".")[0] for module in self.modules}
            and not self._is_excluded(name)
            and not _is_class(name)
        )

    def report(self) -> None:
        """Prints what is wrong on standard error; nothing if all is well."""
        for problem in self._problems():
            print(problem, file=sys.stderr)  # noqa: T201 - a report for whoever runs the test

    def assert_valid_documentation(self) -> None:
        """Nothing if all is well.

        Raises:
            AssertionError: Naming each class and module that is not as it should be.
        """
        problems = self._problems()
        if problems:
            raise AssertionError("\n".join([f"{len(problems)} problems of documentation:", *problems]))

    def _problems(self) -> list[str]:
        return [
            *self.parsing_errors,
            *(f"{name} is documented, but is no configuration class" for name in self.falsely_documented),
            *(
                f"{name} is not documented: add `.. autoxpmconfig:: {name}` to a page"
                for name in self.undocumented
            ),
        ]

    def _is_excluded(self, name: str) -> bool:
        return any(name == one or name.startswith(f"{one}.") for one in self.excluded)

    def _classes(self, module_name: str) -> Iterator[str]:
        """The configuration classes that a module and those below it define."""
        if self._is_excluded(module_name):
            return
        try:
            module = import_module(module_name)
        except Exception as error:  # noqa: BLE001 - whatever a module does at import is a finding
            self.parsing_errors.append(
                f"{module_name} could not be imported: {type(error).__name__}: {error}"
            )
            return
        for found in vars(module).values():
            if _is_own(found, module):
                name = f"{module_name}.{found.__qualname__}"
                if not self._is_excluded(name):
                    yield name
        for one in iter_modules(getattr(module, "__path__", ())):
            yield from self._classes(f"{module_name}.{one.name}")

    def _documented(self) -> tuple[set[str], set[str], set[str]]:
        """Names in directives; modules documented as a whole; names said to be configuration classes."""
        names: set[str] = set()
        whole: set[str] = set()
        configurations: set[str] = set()
        for page in sorted(self.doc_path.parent.rglob("*")):
            if page.suffix not in {".rst", ".md"}:
                continue
            current = ""
            for match in _DIRECTIVE.finditer(page.read_text(encoding="utf-8", errors="replace")):
                word, name = match[1], match[2]
                if word.endswith("module"):
                    current = name
                    if word == "automodule" and ":members:" in match[0]:
                        whole.add(name)
                    continue
                found = {name, f"{current}.{name}"} if current else {name}
                names |= found
                if word == "autoxpmconfig" and not any(_is_class(one) for one in found):
                    configurations.add(name)
        return names, whole, configurations


def _is_own(found: object, module: ModuleType) -> bool:
    return (
        isinstance(found, type)
        and issubclass(found, Config)
        and not issubclass(found, Configuration)
        and found.__module__ == module.__name__
        and not found.__name__.startswith("_")
        and deprecation_of(found) is None
    )


def _is_class(name: str) -> bool:
    """Whether a module that is already imported has a configuration class of that name."""
    module = name
    while module and module not in sys.modules:
        module = module.rpartition(".")[0]
    found: object = sys.modules.get(module)
    for part in name[len(module) + 1 :].split(".") if module else ():
        found = getattr(found, part, None)
    return isinstance(found, type) and issubclass(found, Config)
